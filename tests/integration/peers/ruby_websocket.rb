#!/usr/bin/env ruby
# Foreign client: the gem "websocket" 1.2.9 (Debian ruby-websocket) for hixie-75, hixie-76, and versions 7, 8 and 13.
# Usage: ruby_websocket.rb 75|76|7|8|13 ws://HOST:PORT SCRIPT
# What a script is, and what is reported of it, says tests/integration/scenarios.py.
require 'digest'
require 'json'
require 'socket'
require 'timeout'
require 'uri'
require 'websocket'

OVERALL = 120 # seconds
QUIET = 100
CLOSING = 5

# The server sends nothing.
class Silence < StandardError; end

# One connection.
class Conversation
  def initialize(version, base, path)
    WebSocket.should_raise = true
    @version = version
    @seen = { tcp: false, frame: false, code: nil, reason: nil }
    @heard = []
    @quiet = QUIET
    host, port = URI(base).then { |url| [url.host, url.port] }
    @socket = Socket.tcp(host, port, connect_timeout: 5)
    handshake = WebSocket::Handshake::Client.new(
      host: host, port: port, path: path, version: version, origin: "http://#{host}:#{port}"
    )
    @socket.write(handshake.to_s)
    # The gem takes a hixie-76 digest only together with the head, and strips what follows: cut its piece exactly.
    buffer = String.new(encoding: Encoding::BINARY)
    buffer << @socket.readpartial(65_536) until (head = buffer.index("\r\n\r\n"))
    size = head + 4 + (version == 76 ? 16 : 0)
    buffer << @socket.readpartial(65_536) while buffer.bytesize < size
    handshake << buffer.slice!(0, size)
    raise "handshake: #{handshake.error || 'not valid'}" unless handshake.valid?

    @incoming = WebSocket::Frame::Incoming::Client.new(version: version)
    @incoming << buffer
    take
  end

  def run(steps)
    steps.each do |what, *arguments|
      case what
      when 'send' then say(:text, arguments[0] * arguments[1])
      when 'hear' then receive until @heard.size >= arguments[0] || @seen[:tcp]
      when 'stop' then Process.kill(:STOP, Process.pid)
      when 'close' then goodbye(*arguments)
      else raise "unknown step: #{what}"
      end
    end
    begin
      receive until @seen[:tcp]
    rescue Silence
      # The server doesn't end TCP.
    end
  ensure
    @socket.close
  end

  def seen(digest)
    return @seen.merge(heard: @heard) unless digest

    @seen.merge(heard: { messages: @heard.size, sha1: Digest::SHA1.hexdigest(@heard.map(&:b).join) })
  end

  private

  def say(type, data = '', code = nil)
    @socket.write(WebSocket::Frame::Outgoing::Client.new(version: @version, type: type, data: data, code: code).to_s)
  end

  def goodbye(code = nil, reason = '')
    say(:close, reason, code) if @quiet == QUIET
    @socket.close_write if @version == 75 && @quiet == QUIET # its only close is TCP's own
    @quiet = CLOSING
  end

  def receive
    raise Silence, "nothing received for #{@quiet} s" unless @socket.wait_readable(@quiet)

    @incoming << @socket.readpartial(65_536)
    take
  rescue EOFError
    @seen[:tcp] = true
  end

  def take
    while (frame = @incoming.next)
      case frame.type
      when :text then @heard << frame.to_s.dup.force_encoding('UTF-8')
      when :ping then say(:pong, frame.data)
      when :close
        @seen.update(frame: true, code: frame.code, reason: frame.code && frame.to_s.dup.force_encoding('UTF-8'))
        goodbye(frame.code)
      end
    end
  end
end

begin
  version, base, file = ARGV
  seen = {}
  Timeout.timeout(OVERALL) do
    JSON.parse(File.read(file)).each do |scenario|
      seen[scenario['name']] = begin
        conversation = Conversation.new(Integer(version), base, scenario['path'])
        conversation.run(scenario['steps'])
        conversation.seen(scenario['digest'])
      rescue Timeout::Error
        raise
      rescue StandardError => e
        { error: "#{e.class}: #{e.message}" }
      end
    end
  end
  result = { ok: true, seen: seen }
rescue StandardError => e
  result = { ok: false, error: "#{e.class}: #{e.message}" }
end
puts JSON.generate(result, ascii_only: true)
exit(result[:ok] ? 0 : 1)
