// Foreign client: PhantomJS 1.9.8, whose QtWebKit speaks hixie-76, calls a procedure by WAMP.
// It says what it heard. Usage: env -i phantomjs phantom_wamp.js WS_URL
var page = require('webpage').create(), system = require('system');
var OVERALL = 20000;

function finish(result) {
    console.log(JSON.stringify(result));
    phantom.exit(result.ok ? 0 : 1);
}

page.onCallback = finish;
page.onError = function (message) { finish({ ok: false, error: message }); };
setTimeout(function () { finish({ ok: false, error: 'time limit' }); }, OVERALL);
page.open('about:blank', function () {
    page.evaluate(function (url) {
        var HELLO = 1, WELCOME = 2, CALL = 48, heard = [];
        var socket = new WebSocket(url, 'wamp.2.json');
        function send(message) { socket.send(JSON.stringify(message)); }
        socket.onopen = function () { send([HELLO, 'realm1', { roles: { caller: {} } }]); };
        socket.onmessage = function (event) {
            var message = JSON.parse(event.data);
            heard.push(message);
            if (message[0] === WELCOME) {
                send([CALL, 1, {}, 'com.example.add', [2, 3]]);
            } else {
                socket.close();
            }
        };
        socket.onclose = function () {
            window.callPhantom({ ok: heard.length > 0, heard: heard });
        };
    }, system.args[1]);
});
