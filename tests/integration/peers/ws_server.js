// Foreign server: npm "ws" for version 8 and rfc6455, with permessage-deflate.
// It prints {"port": N} and echoes; the message "close" makes it close.
// Usage: NODE_PATH=.../node_modules node ws_server.js
'use strict';
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true });
server.on('connection', (ws) => {
  ws.on('message', (data, isBinary) => {
    if (!isBinary && data.toString() === 'close') ws.close(4001, 'as asked');
    else ws.send(data, { binary: isBinary });
  });
  ws.on('error', (error) => console.error(String(error)));
});
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
