// What a browser, old or new, does in a page: runs a script of tests/integration/scenarios.py, and reports as it says.
// The drivers of the two browsers put this into the page, and then read window.conversation.
/* JavaScript of 2009, for the browsers of 2009. */
function converse(scenarios) {
    var report = window.conversation = { isOver: false, seen: {} };

    function times(text, count) { return new Array(count + 1).join(text); }

    function one(at) {
        var scenario = scenarios[at], socket, seen, step = 0;
        if (!scenario) {
            report.isOver = true;
            return;
        }
        // A page isn't told of the end of TCP.
        seen = report.seen[scenario.name] = { heard: [], tcp: null, frame: null, code: null, reason: null };

        function go() {
            var next;
            for (; step < scenario.steps.length; step += 1) {
                next = scenario.steps[step];
                if (next[0] === 'send') {
                    socket.send(times(next[1], next[2]));
                } else if (next[0] === 'hear') {
                    if (seen.heard.length < next[1]) { return; }
                } else if (next.length > 1) {
                    socket.close(next[1], next[2]);   // browsers before RFC 6455 take no notice of these
                } else {
                    socket.close();
                }
            }
        }

        socket = new WebSocket(location.protocol.replace('http', 'ws') + '//' + location.host + scenario.path);
        socket.onopen = go;
        socket.onmessage = function (event) {
            seen.heard.push(event.data);
            go();
        };
        socket.onclose = function (event) {
            if (event.wasClean !== undefined) { seen.frame = event.wasClean; }
            if (event.code !== undefined && event.code !== 1005 && event.code !== 1006) {
                seen.code = event.code;
                seen.reason = event.reason;
            }
            if (socket.extensions !== undefined) { seen.extensions = socket.extensions; }
            one(at + 1);
        };
    }

    one(0);
}
