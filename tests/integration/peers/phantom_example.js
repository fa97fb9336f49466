// Foreign client: PhantomJS 1.9.8, whose QtWebKit speaks hixie-76, on a page of Autobahn's examples.
// It presses the page's button, and reports the page's log when that has an answer.
// Usage: env -i phantomjs phantom_example.js PAGE_URL WS_PORT
var page = require('webpage').create(), system = require('system');
var OVERALL = 20000, pressed = false, timer;

function finish(result) {
    console.log(JSON.stringify(result));
    page.close();   // or it complains of itself on its way out
    setTimeout(function () { phantom.exit(result.ok ? 0 : 1); }, 0);
}

function log() {
    return page.evaluate(function () { return document.getElementById('log').textContent; });
}

function look() {
    if (!pressed && /^Connected/m.test(log())) {
        pressed = true;
        page.evaluate(function () { document.querySelector('button').onclick(); });
    }
    if (/^Got echo: .*Hello/m.test(log())) {
        clearInterval(timer);
        finish({ ok: true, seen: {}, log: log().replace(/\n$/, '').split('\n') });
    }
}

page.onInitialized = function () {   // the page has its author's port in it
    page.evaluate(function (port) {
        var Real = window.WebSocket;
        window.WebSocket = function (url) { return new Real(url.replace(/:\d+/, ':' + port)); };
    }, system.args[2]);
};
page.onError = function (message) { finish({ ok: false, error: message }); };
setTimeout(function () { finish({ ok: false, error: 'time limit', log: log() }); }, OVERALL);
page.open(system.args[1], function (status) {
    if (status === 'success') { timer = setInterval(look, 50); } else { finish({ ok: false, error: 'no page' }); }
});
