var http = require('http');
var WebSocketRequest = require('websocket').request;              // versions 8 and 13
var hixie = require('websocket-server').createServer();           // hixie-75 and hixie-76
var HixieConnection = require('websocket-server/lib/ws/connection');

var options = {
  maxReceivedFrameSize: 0x100000, maxReceivedMessageSize: 0x100000, assembleFragments: true,
  fragmentOutgoingMessages: true, fragmentationThreshold: 0x4000, keepalive: true,
  keepaliveInterval: 20000, disableNagleAlgorithm: true, closeTimeout: 5000
};
var server = http.createServer();

server.on('upgrade', function (req, socket, head) {
  if (!('sec-websocket-version' in req.headers)) {
    new HixieConnection(hixie.manager, hixie.options, req, socket, head);
    return;
  }
  var request = new WebSocketRequest(socket, req, options), connection;
  try {
    request.readHandshake();
    connection = request.accept(request.requestedProtocols[0], request.origin);
  } catch (error) {
    request.reject(error.httpCode, error.message, error.headers);
    return;
  }
  connection.on('message', function (message) {
    if (message.type === 'utf8') connection.sendUTF(message.utf8Data);
  });
});

hixie.on('connection', function (connection) {
  connection.on('message', function (text) {
    connection.send(text);
  });
});

server.listen(8080);
