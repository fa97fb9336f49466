var http = require('http');
var WebSocketServer = require('websocket').server;

var server = http.createServer();
var sockets = new WebSocketServer({
  httpServer: server, autoAcceptConnections: true, maxReceivedFrameSize: 0x100000
});

sockets.on('connect', function (connection) {
  connection.on('message', function (message) {
    if (message.type === 'utf8') connection.sendUTF(message.utf8Data);
  });
});

server.listen(process.env.PORT || 8081, '127.0.0.1', function () {
  console.log(JSON.stringify(server.address()));
});
