// Foreign client: npm "ws" for rfc6455, with permessage-deflate offered (its default).
// Usage: NODE_PATH=.../node_modules node ws_client.js ws://HOST:PORT SCRIPT
// By TLS it asks for SERVER_NAME, an environment variable, if that is set.
// What a script is, and what is reported of it, says tests/integration/scenarios.py.
'use strict';
const { createHash } = require('crypto');
const { readFileSync } = require('fs');
const WebSocket = require('ws');

const OVERALL = 120000; // milliseconds
const CLOSING = 5000;

function finish(result) {
  process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(result.ok ? 0 : 1));
}

function converse(base, scenario) {
  return new Promise((resolve) => {
    const ws = new WebSocket(base + scenario.path, {
      handshakeTimeout: 5000, closeTimeout: CLOSING, servername: process.env.SERVER_NAME,
    });
    const seen = { tcp: false, frame: false, code: null, reason: null };
    const heard = [];
    const digest = createHash('sha1');
    let count = 0;
    let isOver = false;
    let wake = () => {}; // whoever waits for messages

    async function run() {
      for (const [what, ...given] of scenario.steps) {
        if (what === 'send') {
          // On its way to the kernel, before the next one is made.
          await new Promise((sent) => ws.send(given[0].repeat(given[1]), sent));
        } else if (what === 'hear') {
          while (count < given[0] && !isOver) await new Promise((woken) => { wake = woken; });
        } else if (what === 'stop') {
          process.kill(process.pid, 'SIGSTOP');
        } else {
          ws.close(...given);
        }
      }
    }

    ws.on('upgrade', (response) => response.socket.on('end', () => { seen.tcp = true; }));
    ws.on('open', () => run().catch((error) => { seen.error = String(error); ws.terminate(); }));
    ws.on('message', (data, isBinary) => {
      count += 1;
      if (scenario.digest) digest.update(data);
      else heard.push(isBinary ? null : data.toString());
      wake();
    });
    ws.on('error', (error) => { seen.error = String(error); });
    ws.on('close', (code, reason) => {
      isOver = true;
      wake();
      seen.frame = code !== 1006;
      if (code !== 1005 && code !== 1006) { // these two are never on the wire
        Object.assign(seen, { code, reason: reason.toString() });
      }
      seen.heard = scenario.digest ? { messages: count, sha1: digest.digest('hex') } : heard;
      seen.extensions = ws.extensions;
      resolve(seen);
    });
  });
}

async function main(base, file) {
  const seen = {};
  for (const scenario of JSON.parse(readFileSync(file, 'utf8'))) {
    seen[scenario.name] = await converse(base, scenario);
  }
  finish({ ok: true, seen });
}

setTimeout(() => finish({ ok: false, error: 'time limit of ' + OVERALL + ' ms' }), OVERALL);
main(process.argv[2], process.argv[3]).catch((error) => finish({ ok: false, error: String(error) }));
