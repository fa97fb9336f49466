"""
The units of the documentation: what their command does with a socket that it inherits.

What systemd does between fork and exec is done here by a few lines of Python, so that the tests
need no systemd; where its own ``systemd-socket-activate`` is there, it does the same.
"""

import shutil
import socket
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import ROOT, TWISTD, environment
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import Connection
from tests.integration.support import DRAFTS, until
from tests.integration.test_command import checkEcho, checkPage, get
from tests.integration.test_drain import ended, seesClose, stop
from tests.integration.test_workers import workers

UNITS = ROOT / "docs" / "examples" / "systemd"

#: sd_listen_fds(3): the descriptors begin at 3, and the process that they are for is named.
ACTIVATE = (
    *(sys.executable, "-c"),
    "import os, sys\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='wsfallback')\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n",
)

SYSTEMDS = shutil.which("systemd-socket-activate")


def unit(name: str) -> ConfigParser:
    """
    One of the units.
    """
    # systemd's files have one key several times.
    parser = ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser


def execStart() -> tuple[str, ...]:
    """
    What the service runs, with the twistd of the tests.
    """
    program, *arguments = unit("wsfallback.service")["Service"]["ExecStart"].split()
    assert program.endswith("/twistd")
    return (TWISTD[0], *arguments)


def seconds(name: str) -> float:
    """
    A number of seconds in the service.
    """
    return float(unit("wsfallback.service")["Service"][name])


async def checkAll(connect: Connect, where: int) -> None:
    """
    It serves.
    """
    for draft in DRAFTS:
        client = await connect(where, draft)
        await client.open()
        await checkEcho(client)
    await checkPage(await connect(where))


@pytest.mark.parametrize("alone", [False, True], ids=["unit", "one process"])
@pytest_twisted.ensureDeferred
async def test_activation(serve: Serve, connect: Connect, alone: bool) -> None:
    """
    Who has come before the service was started is served, and it stops in order.
    """
    command = execStart()
    if alone:
        at = command.index("--workers")
        command = (*command[:at], *command[at + 2 :])
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        port = listening.getsockname()[1]
        early = await connect(port, "hixie-76")
        early.sendOpening()
        server = await serve(
            command=(*ACTIVATE, *command), listen=(), inherited=(listening.fileno(),)
        )
        await until(lambda: server.ports == [port], "the service", server)
        await early.readOpening()
        await checkEcho(early)
        await checkAll(connect, port)
        assert len(workers(server)) == (0 if alone else 2)
        stop(server)
        await seesClose(early)
        await ended(server)
        # systemd holds the socket: who comes now waits for the next start.
        late = await connect(port, "rfc6455")
        late.sendOpening()
        again = await serve(
            command=(*ACTIVATE, *command), listen=(), inherited=(listening.fileno(),)
        )
        await until(lambda: again.ports == [port], "the service", again)
        await late.readOpening()
        await checkEcho(late)


@pytest.mark.parametrize("endpoint", ["index=0", "name=wsfallback"])
@pytest_twisted.ensureDeferred
async def test_unixSocket(serve: Serve, connect: Connect, endpoint: str, tmp_path: Path) -> None:
    """
    The path is systemd's: it is there when the service is gone, with the mode it had.
    """
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
        server = await serve(
            *("--workers", "2", "--listen", f"systemd:domain=UNIX:{endpoint}"),
            command=(*ACTIVATE, *TWISTD),
            listen=(),
            inherited=(listening.fileno(),),
        )
        await server.ready(1)
        client = await connect(f"unix:{path}", "hixie-75")
        await client.open()
        await checkEcho(client)
        stop(server)
        await ended(server)
        assert path.stat().st_mode & 0o777 == 0o600


@pytest_twisted.ensureDeferred
async def test_admin(serve: Serve, connect: Connect) -> None:
    """
    A socket for the status is the parent's; workers don't miss it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await serve(
            *("--workers", "2", "--admin", "systemd:domain=INET:name=wsfallback"),
            command=(*ACTIVATE, *TWISTD),
            inherited=(listening.fileno(),),
        )
        client = await connect(listening.getsockname()[1])
        client.send(get("/-/ready"))
        assert (await client.readAnswer()).status == 200


@pytest.mark.skipif(SYSTEMDS is None, reason="there is no systemd here")
@pytest_twisted.ensureDeferred
async def test_systemdsOwn(serve: Serve, connect: Connect) -> None:
    """
    The same by systemd's program.
    """
    assert SYSTEMDS is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    passed = ("PATH", "PYTHONPATH")
    variables = [f"--setenv={name}={environment()[name]}" for name in passed]
    # Services have names for their sockets, and Twisted finds none without.
    command = (SYSTEMDS, f"--listen=127.0.0.1:{port}", "--fdname=wsfallback", *variables)
    server = await serve(command=(*command, *execStart()), listen=())
    await until(lambda: "Listening on" in server.log, "systemd", server)
    early: Connection = await connect(port, "rfc6455")
    await server.ready(1)
    assert server.ports == [port]
    early.drop()
    await checkAll(connect, port)


def test_units() -> None:
    """
    There is more time to stop than --drain takes, and a hangup for the parent.
    """
    command = execStart()
    assert seconds("TimeoutStopSec") > float(command[command.index("--drain") + 1]) + 5
    service = unit("wsfallback.service")["Service"]
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Type"] == "simple"
    assert unit("wsfallback.socket")["Socket"]["ListenStream"].endswith(":8080")
