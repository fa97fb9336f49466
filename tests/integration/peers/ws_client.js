// Foreign client: npm "ws" for rfc6455, with permessage-deflate offered (its default).
// Usage: NODE_PATH=.../node_modules node ws_client.js URL
'use strict';
const WebSocket = require('ws');

const MESSAGES = ['h\u00e9llo \u2713 \u{1d11e}', '', 'a\u00e9\u2713\u{1d11e}'.repeat(10000)]; // the last: 100,000 bytes
const OVERALL = 20000; // milliseconds
const CLOSING = 5000;

let finished = false;
function finish(result) {
  if (finished) return; // an error is followed by a close
  finished = true;
  process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(result.ok ? 0 : 1));
}
const fail = (error) => finish({ ok: false, error: String(error) });
setTimeout(() => fail('time limit of ' + OVERALL + ' ms'), OVERALL);
process.on('uncaughtException', fail);

const ws = new WebSocket(process.argv[2], { handshakeTimeout: 5000, closeTimeout: CLOSING });
let closed = false;
let echoes = 0;
ws.on('upgrade', (response) => response.socket.on('end', () => { closed = true; }));
ws.on('open', () => ws.send(MESSAGES[0]));
ws.on('message', (data, isBinary) => {
  const wanted = MESSAGES[echoes];
  if (isBinary || data.toString() !== wanted) {
    return fail('echo ' + echoes + ' differs: ' + data.length + ' bytes');
  }
  echoes += 1;
  return echoes < MESSAGES.length ? ws.send(MESSAGES[echoes]) : ws.close(1000);
});
ws.on('error', fail);
ws.on('close', (code) => {
  if (echoes < MESSAGES.length) return fail('closed early with ' + code);
  return finish({
    ok: true,
    draft: 'rfc6455',
    closed,
    close_frame: code !== 1006,
    close_code: code === 1005 || code === 1006 ? null : code, // these two are never on the wire
    extensions: ws.extensions,
  });
});
