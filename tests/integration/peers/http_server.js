// Foreign backend for plain HTTP: node's own server. It prints {"port": N}.
//   /asked     the request as JSON: method, url, raw headers, and the number of its connection
//   /digest    length and MD5 of the body, when it is complete
//   /echo      the body, as it comes
//   /long?N    N times 64 KiB
//   /broken    half an answer, then a RST
//   anything else: "hello", with a Content-Length
// Usage: node http_server.js PORT
'use strict';
const crypto = require('crypto');
const http = require('http');

let connections = 0;
const server = http.createServer((request, response) => {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  if (pathname === '/asked') {
    const { method, url, rawHeaders } = request;
    const { number } = request.socket;
    response.end(JSON.stringify({ method, url, number, headers: rawHeaders }));
  } else if (pathname === '/digest') {
    const hash = crypto.createHash('md5');
    let length = 0;
    request.on('data', (data) => { hash.update(data); length += data.length; });
    request.on('end', () => response.end(`${length} ${hash.digest('hex')}`));
  } else if (pathname === '/echo') {
    request.pipe(response);
  } else if (pathname === '/long') {
    const block = Buffer.alloc(65536, 'x');
    let left = Number(search.slice(1));
    const write = () => {
      while (left-- > 0) if (!response.write(block)) return response.once('drain', write);
      return response.end();
    };
    write();
  } else if (pathname === '/broken') {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('half', () => request.socket.resetAndDestroy());
  } else {
    response.setHeader('Content-Length', 5);
    response.end('hello');
  }
});
server.on('connection', (socket) => { connections += 1; socket.number = connections; });
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
