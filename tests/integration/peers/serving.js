// What the servers in Node do with a connection, whatever library carries it; tests/integration/scenarios.py.
'use strict';
const { createHash } = require('crypto');

const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');

// Answers messages with send(text) and close(code, reason).
function answering(path, send, close) {
  let collected = null;
  let messages = 0;
  return (message) => {
    const [, word, rest = ''] = (message.length < 100 && /^(\w+)(?: (.*))?$/.exec(message)) || [];
    if (word === 'close') {
      const [, code, reason] = /^(\d+) (.*)$/.exec(rest) || [];
      close(code && Number(code), reason);
    } else if (word === 'wait') {
      tell({ path, waits: process.pid });
    } else if (word === 'collect') {
      collected = createHash('sha1');
      tell({ path, stops: process.pid });
      process.kill(process.pid, 'SIGSTOP');
    } else if (word === 'sum') {
      send(JSON.stringify({ messages, sha1: collected.digest('hex') }));
    } else if (word === 'pour') {
      for (let number = 0; number < Number(rest); number += 1) {
        send((String(number).padStart(7, '0') + ' ').repeat(8192));
      }
    } else if (collected) {
      messages += 1;
      collected.update(message);
    } else {
      send(message);
    }
  };
}

module.exports = { answering, tell };
