// Foreign server: npm "websocket-driver" 0.7.4 for hixie-75, hixie-76 and rfc6455.
// It prints {"port": N} and echoes; the message "close" makes it close.
// Usage: NODE_PATH=.../node_modules node websocket_driver_server.js
'use strict';
const http = require('http');
const websocket = require('websocket-driver');

const server = http.createServer();
server.on('upgrade', (request, socket, body) => {
  if (!websocket.isWebSocket(request)) { socket.end(); return; }
  const driver = websocket.http(request, { protocols: ['chat'] });
  driver.io.write(body);
  socket.pipe(driver.io).pipe(socket);
  driver.messages.on('data', (message) => (message === 'close' ? driver.close() : driver.messages.write(message)));
  driver.on('error', (error) => console.error(String(error)));
  driver.on('close', () => socket.end());
  socket.on('end', () => socket.end()); // the only close that hixie-75 has
  socket.on('error', () => {});
  driver.start();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
