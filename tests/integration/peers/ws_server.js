// Foreign server: npm "ws" for version 8 and rfc6455, with permessage-deflate.
// Usage: NODE_PATH=.../node_modules node ws_server.js [PORT]
'use strict';
const { WebSocketServer } = require('ws');
const { answering, tell } = require('./serving');

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] || 0), perMessageDeflate: true });
server.on('connection', (ws, request) => {
  const path = request.url;
  const answer = answering(path, (text) => ws.send(text), (code, reason) => ws.close(code, reason));
  ws.on('message', (data, isBinary) => (isBinary ? ws.send(data) : answer(data.toString())));
  ws.on('close', (code, reason) => tell({ path, closed: [code, reason.toString()] }));
  ws.on('error', (error) => console.error(String(error)));
});
server.on('listening', () => tell({ port: server.address().port }));
