// Foreign client: PhantomJS 1.9.8, whose QtWebKit speaks hixie-76, driving the demo page as a person would.
// Then it runs a script in that page; what that is, and what is reported of it, says tests/integration/scenarios.py.
// Usage: env -i phantomjs phantom_page.js PAGE_URL SCRIPT     (an inherited SSL_CERT_DIR crashes it)
var page = require('webpage').create(), system = require('system'), fs = require('fs');
var OVERALL = 120000, STEP = 10000, TYPED = 'gr\u00fc\u00df \u2603';
var problems = [];

function finish(result) {
    console.log(JSON.stringify(result));
    phantom.exit(result.ok ? 0 : 1);
}

function look() {   // what the page shows
    return page.evaluate(function () {
        function text(id) {
            var element = document.getElementById(id);
            return element ? element.textContent : null;
        }
        var items = document.querySelectorAll('#log li'), lines = [], i;
        for (i = 0; i < items.length; i += 1) {
            lines.push(items[i].className + '|' + items[i].textContent);
        }
        return { state: text('state'), draft: text('draft'), log: lines };
    });
}

function has(kind, text) {   // a line of this class with exactly this text, or any without one
    return look().log.some(function (line) {
        return text ? line === kind + '|' + text : line.indexOf(kind + '|') === 0;
    });
}

function talked() {   // as a string: what is handed out of a page has '' for null
    return JSON.parse(page.evaluate(function () { return JSON.stringify(window.conversation || {}); }));
}

function report(ok, error) {
    var seen = look() || {}, own = talked();
    finish({
        ok: ok, error: error, state: seen.state, draft: (seen.draft || '').replace(/^\s+|\s+$/g, ''),
        log: (seen.log || []).map(function (line) { return line.substring(line.indexOf('|') + 1); }),
        seen: own.seen, problems: problems
    });
}

function click(id) {
    var at = page.evaluate(function (name) {
        var box = document.getElementById(name).getBoundingClientRect();
        return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    }, id);
    page.sendEvent('click', at.x, at.y);
}

function type(text) {
    page.evaluate(function () {   // over what is there
        document.getElementById('message').focus();
        document.getElementById('message').select();
    });
    page.sendEvent('keypress', text);
}

function talk(file) {   // in the page, WebSockets of our own
    page.injectJs(system.args[0].replace(/[^\/]*$/, 'converse.js'));
    page.evaluate(function (script) { window.converse(script); }, JSON.parse(fs.read(file)));
}

// Each step waits for the first function to hold, then does the second.
var steps = [
    ['state open', function () { return look().state === 'open'; }, function () {}],
    ['a draft', function () { return /\w/.test(look().draft || ''); }, function () { type(TYPED); click('send'); }],
    ['sent and got in the log', function () { return has('sent', 'sent: ' + TYPED) && has('got', 'got: ' + TYPED); },
        function () { click('close'); }],
    ['state closed', function () { return look().state === 'closed'; }, function () {}],
    ['closed in the log', function () { return has('closed'); }, function () { talk(system.args[2]); }],
    ['the end of the script', function () { return page.evaluate(function () { return window.conversation.isOver; }); }, function () { report(problems.length === 0); }, OVERALL]
];

function next() {
    var step = steps.shift(), since = new Date().getTime();
    var timer = setInterval(function () {
        if (step[1]()) {
            clearInterval(timer);
            step[2]();
            if (steps.length) { next(); }
        } else if (new Date().getTime() - since > (step[3] || STEP)) {
            clearInterval(timer);
            report(false, 'waited in vain for: ' + step[0]);
        }
    }, 50);
}

page.onError = function (message) { problems.push(message); };   // JavaScript errors of the page
phantom.onError = function (message) { finish({ ok: false, error: String(message) }); };
setTimeout(function () { report(false, 'time limit of ' + OVERALL + ' ms'); }, OVERALL);
page.viewportSize = { width: 800, height: 600 };
page.open(system.args[1], function (status) {
    if (status === 'success') { next(); } else { finish({ ok: false, error: 'the page does not load' }); }
});
