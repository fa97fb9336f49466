#!/usr/bin/env ruby
# Foreign server: em-websocket 0.5.1 (Debian ruby-em-websocket) for hixie-75, hixie-76, and versions 7, 8 and 13.
# What it prints, and which messages it doesn't echo, says tests/integration/scenarios.py.
# Usage: em_websocket_server.rb [PORT]
require 'digest'
require 'em-websocket'
require 'json'
require 'socket'

def tell(what)
  puts JSON.generate(what)
  $stdout.flush
end

# Serves a connection.
class Conversation
  def initialize(socket, path)
    @socket = socket
    @path = path
    @collected = nil
    @messages = 0
  end

  def answer(message)
    word, *given = message.bytesize < 100 ? message.split(' ', 3) : []
    case word
    when 'close' then @socket.close(given[0]&.to_i, given[1])
    when 'wait' then tell(path: @path, waits: Process.pid)
    when 'collect'
      @collected = Digest::SHA1.new
      tell(path: @path, stops: Process.pid)
      Process.kill(:STOP, Process.pid)
    when 'sum' then @socket.send(JSON.generate(messages: @messages, sha1: @collected.hexdigest))
    when 'pour' then given[0].to_i.times { |number| @socket.send(format('%07d ', number) * 8192) }
    else @collected ? collect(message) : @socket.send(message)
    end
  end

  private

  def collect(message)
    @messages += 1
    @collected << message
  end
end

EM.run do
  listener = EM::WebSocket.run(host: '127.0.0.1', port: (ARGV[0] || 0).to_i) do |ws|
    conversation = nil
    path = nil
    ws.onopen do |handshake|
      path = handshake.path
      conversation = Conversation.new(ws, path)
    end
    ws.onmessage { |message| conversation.answer(message) }
    ws.onclose { |event| tell(path: path, closed: [event[:code], event[:reason]]) }
    ws.onerror { |error| warn "#{error.class}: #{error.message}" }
  end
  port, = Socket.unpack_sockaddr_in(EM.get_sockname(listener))
  tell(port: port)
end
