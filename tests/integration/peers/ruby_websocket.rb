#!/usr/bin/env ruby
# Foreign client: the gem "websocket" 1.2.9 (Debian ruby-websocket) for hixie-75, hixie-76, and versions 7, 8 and 13.
# Usage: ruby_websocket.rb 75|76|7|8|13 HOST PORT PATH
require 'json'
require 'socket'
require 'timeout'
require 'websocket'

DRAFTS = { 75 => 'hixie-75', 76 => 'hixie-76', 7 => 'hybi-07', 8 => 'hybi-10', 13 => 'rfc6455' }.freeze
# The last: 100,000 bytes. A server of streams has no empty messages.
MESSAGES = ["h\u00e9llo \u2713 \u{1d11e}", '', "a\u00e9\u2713\u{1d11e}" * 10_000]
           .reject { |each| each.empty? && ENV['NO_EMPTY'] }.freeze
OVERALL = 20 # seconds
CLOSING = 5

def run(version, host, port, path)
  WebSocket.should_raise = true
  draft = DRAFTS.fetch(version)
  socket = Socket.tcp(host, port, connect_timeout: 5)
  send = lambda do |type, data = ''|
    socket.write(WebSocket::Frame::Outgoing::Client.new(version: version, type: type, data: data).to_s)
  end

  handshake = WebSocket::Handshake::Client.new(
    host: host, port: port, path: path, version: version, origin: "http://#{host}:#{port}"
  )
  socket.write(handshake.to_s)
  # The gem takes a hixie-76 digest only together with the head, and strips what follows: cut its piece exactly.
  buffer = String.new(encoding: Encoding::BINARY)
  buffer << socket.readpartial(65_536) until (head = buffer.index("\r\n\r\n"))
  size = head + 4 + (version == 76 ? 16 : 0)
  buffer << socket.readpartial(65_536) while buffer.bytesize < size
  handshake << buffer.slice!(0, size)
  raise "handshake: #{handshake.error || 'not valid'}" unless handshake.valid?

  incoming = WebSocket::Frame::Incoming::Client.new(version: version)
  incoming << buffer
  MESSAGES.each do |message|
    send.call(:text, message)
    until (frame = incoming.next) && frame.type == :text
      raise 'the server closed early' if frame && frame.type == :close
      send.call(:pong, frame.data) if frame && frame.type == :ping
      incoming << socket.readpartial(65_536) unless frame
    end
    equal = frame.data.to_s.b == message.b
    raise "echo of #{message.bytesize} bytes differs: #{frame.data.bytesize} bytes" unless equal
  end

  send.call(:close)
  socket.close_write if version == 75 # its only close is TCP's own
  result = { ok: true, draft: draft, closed: false, close_frame: false, close_code: nil }
  begin
    Timeout.timeout(CLOSING) do
      loop do
        while (frame = incoming.next)
          result.update(close_frame: true, close_code: frame.code) if frame.type == :close
        end
        incoming << socket.readpartial(65_536)
      end
    end
  rescue EOFError
    result[:closed] = true
  rescue Timeout::Error
    nil # reported as closed: false
  end
  result
end

begin
  result = Timeout.timeout(OVERALL) { run(Integer(ARGV[0]), ARGV[1], Integer(ARGV[2]), ARGV[3]) }
rescue StandardError => e
  result = { ok: false, error: "#{e.class}: #{e.message}" }
end
puts JSON.generate(result)
exit(result[:ok] ? 0 : 1)
