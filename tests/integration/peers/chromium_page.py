"""
Foreign client: Debian's Chromium for rfc6455, driving the demo page as a person would.

Through chromedriver. Usage: ``chromium_page.py PAGE_URL PNG [WS_URL]``; ``CHROMIUM`` and
``CHROMEDRIVER`` in the environment name other programs.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

OVERALL = 60  # seconds; a cold browser is slow
STEP = 10
TYPED = "gr\u00fc\u00df \u2603"  # chromedriver types nothing beyond U+FFFF
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--window-size=800,600",
]
LOOK = """
    var text = id => (document.getElementById(id) || {textContent: ''}).textContent;
    var lines = Array.from(
        document.querySelectorAll('#log li'), item => [item.className, item.textContent]
    );
    return {
        state: text('state'), draft: text('draft').trim(), log: lines,
        own: window.ownEchoes || null
    };
"""
OWN = """
    var payloads = [
        'h\\u00e9llo \\u2713 \\ud834\\udd1e', '', 'a\\u00e9\\u2713\\ud834\\udd1e'.repeat(10000)
    ];
    var own = window.ownEchoes = {equal: 0, others: [], closed: false, code: null};
    var socket = new WebSocket(arguments[0] || 'ws://' + location.host + location.pathname);
    socket.onopen = () => { own.extensions = socket.extensions; socket.send(payloads[0]); };
    socket.onmessage = event => {
        if (event.data !== payloads[own.equal]) {
            own.others.push(String(event.data).slice(0, 40));
            return;
        }
        own.equal += 1;
        if (own.equal < payloads.length) socket.send(payloads[own.equal]); else socket.close(1000);
    };
    socket.onclose = event => { own.closed = true; own.code = event.code; };
"""


class Session:
    """
    The few W3C WebDriver commands that are needed here.
    """

    def __init__(self, port, options):
        self.url = f"http://127.0.0.1:{port}/session"
        self.open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        chrome = {"binary": os.environ.get("CHROMIUM") or shutil.which("chromium"), "args": options}
        wanted = {"goog:chromeOptions": chrome, "timeouts": {"pageLoad": STEP * 1000}}
        made = self.call("POST", "", capabilities={"alwaysMatch": wanted})
        self.url += "/" + made["sessionId"]

    def call(self, method, path, **body):
        """
        Do a command, and return what it gives.
        """
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with self.open(request, timeout=OVERALL) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def run(self, script, *arguments):
        """
        Run JavaScript in the page.
        """
        return self.call("POST", "/execute/sync", script=script, args=arguments)

    def element(self, name):
        """
        The path of an element of the page, by its id.
        """
        found = self.call("POST", "/element", using="css selector", value="#" + name)
        return "/element/" + next(iter(found.values()))

    def click(self, name):
        """
        Click an element.
        """
        self.call("POST", self.element(name) + "/click")

    def type(self, name, text):
        """
        Type over what an input has.
        """
        element = self.element(name)
        self.call("POST", element + "/clear")
        self.call("POST", element + "/value", text=text)

    def wait(self, what, holds):
        """
        Return what the page shows as soon as it is what is waited for.
        """
        end = time.monotonic() + STEP
        while not holds(seen := self.run(LOOK)):
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain for: {what}; the page shows {seen}")
            time.sleep(0.05)
        return seen


def drive(session, pageUrl, png, socketUrl):
    """
    Do what a person would, and return what came of it.
    """
    session.call("POST", "/url", url=pageUrl)
    session.wait("state open", lambda seen: seen["state"] == "open")
    session.wait("a draft", lambda seen: re.search(r"\w", seen["draft"]))
    session.type("message", TYPED)
    session.click("send")
    wanted = (["sent", "sent: " + TYPED], ["got", "got: " + TYPED])
    session.wait(
        "sent and got in the log", lambda seen: all(line in seen["log"] for line in wanted)
    )
    session.run(OWN, socketUrl)
    session.wait("three echoes", lambda seen: seen["own"]["equal"] == 3)
    session.wait("own WebSocket closed", lambda seen: seen["own"]["closed"])
    with open(png, "wb") as file:
        file.write(base64.b64decode(session.call("GET", "/screenshot")))
    session.click("close")
    session.wait("state closed", lambda seen: seen["state"] == "closed")
    seen = session.wait(
        "closed in the log", lambda seen: any(kind == "closed" for kind, _ in seen["log"])
    )
    own = seen["own"]
    return {
        "ok": True,
        "draft": seen["draft"],
        "log": [text for _, text in seen["log"]],
        "echoes": own["equal"],
        "others": own["others"],
        "own_closed": own["closed"],
        "close_code": own["code"],
        "extensions": own["extensions"],
    }


def main(pageUrl, png, socketUrl=""):
    """
    Start the browser, drive it, and end it.
    """
    host = urllib.parse.urlsplit(pageUrl).hostname
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        options = [
            *OPTIONS,
            f"--user-data-dir={folder}/profile",
            # Nothing leaves for elsewhere.
            f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}",
        ]
        program = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
        driver = subprocess.Popen(
            [program, "--port=0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": folder, "TMPDIR": folder},
            start_new_session=True,
        )
        try:
            # "ChromeDriver was started successfully on port 12345."
            line = next(line for line in driver.stdout if "successfully on port" in line)
            session = Session(int(line.split()[-1].rstrip(".")), options)
            result = drive(session, pageUrl, png, socketUrl)
            session.call("DELETE", "")
            return result
        finally:
            # The driver and its browser: a group of their own.
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()


def expire(number, frame):
    """
    Leave by an exception, so that the browser is ended.
    """
    raise TimeoutError(f"signal {number}, or the time limit of {OVERALL} s")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, expire)
    signal.signal(signal.SIGTERM, expire)
    signal.alarm(OVERALL)
    try:
        result = main(*sys.argv[1:])
    except Exception as error:
        result = {"ok": False, "error": repr(error)}
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)
