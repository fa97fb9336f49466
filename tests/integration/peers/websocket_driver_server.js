// Foreign server: npm "websocket-driver" for hixie-75, hixie-76 and rfc6455.
// Usage: NODE_PATH=.../node_modules node websocket_driver_server.js [PORT]
'use strict';
const http = require('http');
const websocket = require('websocket-driver');
const { answering, tell } = require('./serving');

const server = http.createServer();
server.on('upgrade', (request, socket, body) => {
  if (!websocket.isWebSocket(request)) { socket.end(); return; }
  const path = request.url;
  const driver = websocket.http(request, { protocols: ['chat'] });
  driver.io.write(body);
  socket.pipe(driver.io).pipe(socket);
  driver.messages.on('data', answering(
    path, (text) => driver.messages.write(text), (code, reason) => driver.close(reason, code)
  ));
  driver.on('error', (error) => console.error(String(error)));
  driver.on('close', (event) => {
    tell({ path, closed: [event.code, event.reason] });
    socket.end();
  });
  socket.on('end', () => driver.close()); // the only close that hixie-75 has
  socket.on('error', () => {});
  driver.start();
});
server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => tell({ port: server.address().port }));
