#!/usr/bin/env ruby
# Foreign server: em-websocket 0.5.1 (Debian ruby-em-websocket) for hixie-75, hixie-76, and versions 7, 8 and 13.
# It prints {"port": N} and echoes; the message "close" makes it close. Usage: em_websocket_server.rb
require 'em-websocket'
require 'json'
require 'socket'

EM.run do
  listener = EM::WebSocket.run(host: '127.0.0.1', port: 0) do |ws|
    ws.onmessage { |message| message == 'close' ? ws.close : ws.send(message) }
    ws.onerror { |error| warn "#{error.class}: #{error.message}" }
  end
  port, = Socket.unpack_sockaddr_in(EM.get_sockname(listener))
  puts JSON.generate(port: port)
  $stdout.flush
end
