"""
Foreign client: Debian's Chromium for rfc6455, driving the demo page as a person would.

Then it runs a script in that page; what that is, and what is reported of it, says
``tests/integration/scenarios.py``. Usage: ``chromium_page.py PAGE_URL PNG SCRIPT``, through
chromedriver; ``CHROMIUM`` and ``CHROMEDRIVER`` in the environment name other programs.
The page's host is this machine, whatever its name is; by TLS ``CHROMIUM_TRUST`` is the SHA-256 of
its public key, in base64.
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
from contextlib import contextmanager
from pathlib import Path

OVERALL = 120  # seconds; a cold browser is slow
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
    # The one key of a certificate that is good, whoever signed it; of none by default.
    f"--ignore-certificate-errors-spki-list={os.environ.get('CHROMIUM_TRUST', '')}",
]
LOOK = """
    var text = id => (document.getElementById(id) || {textContent: ''}).textContent;
    var lines = Array.from(
        document.querySelectorAll('#log li'), item => [item.className, item.textContent]
    );
    return {
        state: text('state'), draft: text('draft').trim(), log: lines
    };
"""
OVER = "return {isOver: window.conversation.isOver};"
SEEN = "return window.conversation.seen;"


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

    def wait(self, what, holds, script=LOOK, seconds=STEP):
        """
        Return what the page shows as soon as it is what is waited for.
        """
        end = time.monotonic() + seconds
        while not holds(seen := self.run(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain for: {what}; the page shows {seen}")
            time.sleep(0.05)
        return seen


def drive(session, pageUrl, png, script):
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
    with open(png, "wb") as file:
        file.write(base64.b64decode(session.call("GET", "/screenshot")))
    session.click("close")
    session.wait("state closed", lambda seen: seen["state"] == "closed")
    seen = session.wait(
        "closed in the log", lambda seen: any(kind == "closed" for kind, _ in seen["log"])
    )
    converse = Path(__file__).with_name("converse.js").read_text()
    session.run(f"{converse}; converse(arguments[0]);", json.loads(Path(script).read_text()))
    session.wait("the end of the script", lambda own: own["isOver"], OVER, OVERALL)
    return {
        "ok": True,
        "draft": seen["draft"],
        "log": [text for _, text in seen["log"]],
        "seen": session.run(SEEN),
    }


@contextmanager
def browser(pageUrl):
    """
    A browser that reaches the host of this page and nothing else; ended afterwards.
    """
    host = urllib.parse.urlsplit(pageUrl).hostname
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        options = [
            *OPTIONS,
            f"--user-data-dir={folder}/profile",
            # Nothing leaves for elsewhere.
            f"--host-resolver-rules=MAP {host} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
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
            yield session
            session.call("DELETE", "")
        finally:
            # The driver and its browser: a group of their own.
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()


def main(pageUrl, png, script):
    """
    Start the browser, drive it, and end it.
    """
    with browser(pageUrl) as session:
        return drive(session, pageUrl, png, script)


def report(main):
    """
    Do what the arguments say, in bounded time, and print what came of it.
    """
    signal.signal(signal.SIGALRM, expire)
    signal.signal(signal.SIGTERM, expire)
    signal.alarm(OVERALL)
    try:
        result = main(*sys.argv[1:])
    except Exception as error:
        result = {"ok": False, "error": repr(error)}
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


def expire(number, frame):
    """
    Leave by an exception, so that the browser is ended.
    """
    raise TimeoutError(f"signal {number}, or the time limit of {OVERALL} s")


if __name__ == "__main__":
    report(main)
