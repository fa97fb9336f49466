"""
Several processes on one port.
"""

import json
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.integration.children import COMMAND, PYTHON, TWISTD, Served, environment, run
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import DraftClient
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_command import get
from tests.integration.test_drain import GOING_AWAY, ended, seesClose, stop
from tests.integration.test_tls import makeCertificate
from wsfallback.worker_command import Command, spawner
from wsfallback.worker_process import WorkerProcess

#: A handler that says which process it is in, and one that hears of a hangup.
HANDLERS = """
import os
import signal

from wsfallback import MessageHandler


class Process(MessageHandler):
    def onOpen(self):
        self.sendMessage(b"%d" % os.getpid())

    def onMessage(self, payload, isBinary):
        if payload == b"busy":
            os.write(2, b"busy for ever\\n")
            while True:
                pass
        if payload == b"print":
            os.write(2, b"printed \\x1b\\n")
        self.sendMessage(payload)


def hangups():
    signal.signal(signal.SIGHUP, lambda *ignored: print("a hangup"))
    return Process()
"""

#: The same, and it can only be imported by a process that has this in its environment.
PICKY = "import os\nassert os.environ.pop('ONCE', None)\n" + HANDLERS

ServeWorkers = Callable[..., Awaitable[Served]]


@pytest.fixture
def serveWorkers(serve: Serve, tmp_path: Path) -> ServeWorkers:
    """
    Run the command with workers, and a handler that says which of them it is in.
    """
    (tmp_path / "mine.py").write_text(HANDLERS)

    async def start(*options: str, handler: str = "Process", count: int = 3, **more: object):  # type: ignore[no-untyped-def]
        return await serve(
            "--workers", str(count), "--handler", f"mine.{handler}", *options, **more
        )

    return start


def workers(server: Served) -> set[int]:
    """
    The processes that it has started and that are there.
    """
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return {int(pid) for pid in children.split()}


def isThere(pid: int) -> bool:
    """
    Whether this process, which is not ours, still runs.
    """
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def whose(client: DraftClient) -> int:
    """
    The process that has this client.
    """
    await client.open()
    return int(await client.hear())


async def isServed(client: DraftClient) -> None:
    """
    It gets its answers.
    """
    client.say("hello")
    assert await client.hear() == "hello"


async def allOf(server: Served, connect: Connect, where: int | str, count: int) -> set[int]:
    """
    Connect until every worker has had a client.
    """
    found: set[int] = set()
    for _ in range(2000):
        client = await connect(where, "rfc6455")
        found.add(await whose(client))
        client.drop()
        if len(found) == count:
            break
    assert found == workers(server)
    return found


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_everyDraft(
    serveWorkers: ServeWorkers, connect: Connect, command: tuple[str, ...]
) -> None:
    """
    All workers serve one port, which the kernel has chosen; and then they are told to go.
    """
    server = await serveWorkers("--drain", "20", command=command)
    assert len(await allOf(server, connect, server.port, 3)) == 3
    clients = [await connect(server.port, draft) for draft in DRAFTS]
    for client in clients:
        assert await whose(client) in workers(server)
        await isServed(client)
    stop(server)
    for client in clients:
        await seesClose(client)
    await ended(server)


@pytest_twisted.ensureDeferred
async def test_everyEndpoint(serveWorkers: ServeWorkers, connect: Connect, tmp_path: Path) -> None:
    """
    TLS, IPv6, UNIX sockets and the PROXY protocol: each is shared; a path is there until the end.
    """
    key, certificate = makeCertificate(tmp_path)
    path = tmp_path / "socket"
    where = (
        f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}",
        "tcp:0:interface=\\:\\:1",
        "haproxy:" + ANYWHERE,
        f"unix:{path}:mode=600",
    )
    server = await serveWorkers(count=2, listen=where)
    tls, six, proxied = server.ports
    trust = certificate.read_bytes()
    for draft in DRAFTS:
        clients = [
            await connect(tls, draft, trust=trust),
            await connect(f"tcp:host=\\:\\:1:port={six}", draft),
            await connect(proxied, draft),
            await connect(f"unix:{path}", draft),
        ]
        clients[2].send(b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n")
        for client in clients:
            assert await whose(client) in workers(server)
            await isServed(client)
            client.drop()
    # One that ends takes nothing with it.
    (first, second) = sorted(workers(server))
    os.kill(first, signal.SIGTERM)
    await until(lambda: "serves again" in server.log, "another worker", server)
    assert path.stat().st_mode & 0o777 == 0o600
    await allOf(server, connect, f"unix:{path}", 2)
    assert second in workers(server)
    stop(server)
    await ended(server)
    assert not path.exists()


@pytest_twisted.ensureDeferred
async def test_oneDies(serveWorkers: ServeWorkers, connect: Connect) -> None:
    """
    Only its own clients notice, and it is replaced.
    """
    server = await serveWorkers(count=2)
    clients = [await connect(server.port, "hixie-76") for _ in range(40)]
    by = [(await whose(client), client) for client in clients]
    victim = by[0][0]
    os.kill(victim, signal.SIGKILL)
    for pid, client in by:
        if pid == victim:
            await client.readEnd()
        else:
            await isServed(client)
    await until(lambda: "serves again" in server.log, "another worker", server)
    assert f"(process {victim}) was ended by signal 9; another one is started" in server.log
    assert victim not in await allOf(server, connect, server.port, 2)


@pytest_twisted.ensureDeferred
async def test_parentDies(serveWorkers: ServeWorkers, connect: Connect) -> None:
    """
    Without it the workers end, in order: nobody would replace them.
    """
    server = await serveWorkers("--drain", "20")
    found = workers(server)
    client = await connect(server.port, "rfc6455")
    await whose(client)
    await server.kill()
    await seesClose(client)
    for pid in found:
        await until(lambda pid=pid: not isThere(pid), "the end of a worker")


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
@pytest_twisted.ensureDeferred
async def test_secondSignal(
    serveWorkers: ServeWorkers, connect: Connect, again: signal.Signals
) -> None:
    """
    Ends them all at once.
    """
    server = await serveWorkers("--drain", "3600", "--close-timeout", "3600")
    clients = [await connect(server.port, "rfc6455") for _ in range(5)]
    for client in clients:
        await whose(client)
    stop(server)
    for client in clients:
        assert await client.readFrame() == (8, GOING_AWAY)
    stop(server, again)
    for client in clients:
        await client.readEnd()
    await ended(server)
    assert "ending at once" in server.log


@pytest_twisted.ensureDeferred
async def test_signalToAll(serveWorkers: ServeWorkers, connect: Connect) -> None:
    """
    A terminal or systemd signals parent and workers alike: for none of them it is a second one.
    """
    server = await serveWorkers("--drain", "3600", "--close-timeout", "3600")
    client = await connect(server.port, "rfc6455")
    await whose(client)
    for pid in (*workers(server), server.pid):
        os.kill(pid, signal.SIGINT)
    await until(lambda: "to go" in server.log, "the drain", server)
    client.say("still here")
    assert await client.readFrame() == (8, GOING_AWAY)
    client.send(client.frame(8, GOING_AWAY))
    await client.readEnd()
    await ended(server, signal.SIGINT)
    assert "at once" not in server.log


@pytest_twisted.ensureDeferred
async def test_workerThatHangs(serveWorkers: ServeWorkers, connect: Connect) -> None:
    """
    Is not waited for beyond the time to drain.
    """
    server = await serveWorkers("--drain", "0.5", count=2)
    client = await connect(server.port, "rfc6455")
    await whose(client)
    client.say("busy")
    await until(lambda: "busy for ever" in server.log, "a worker that hangs", server)
    stop(server)
    await ended(server)
    assert "is too slow: killing it" in server.log


@pytest_twisted.ensureDeferred
async def test_hangup(serveWorkers: ServeWorkers) -> None:
    """
    SIGHUP goes to every worker; who doesn't listen for it goes on.
    """
    server = await serveWorkers(handler="hangups", count=2)
    found = workers(server)
    os.kill(server.pid, signal.SIGHUP)
    for number in (1, 2):
        await until(lambda n=number: f"worker {n}: a hangup" in server.log, "a hangup", server)
    assert workers(server) == found


@pytest_twisted.ensureDeferred
async def test_rotation(serveWorkers: ServeWorkers, connect: Connect) -> None:
    """
    Who tells all processes of a service to rotate their logs doesn't end the workers, which have
    none.
    """
    server = await serveWorkers(count=2)
    client = await connect(server.port, "rfc6455")
    os.kill(await whose(client), signal.SIGUSR1)
    await isServed(client)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest_twisted.ensureDeferred
async def test_output(serveWorkers: ServeWorkers, connect: Connect, form: str) -> None:
    """
    What is printed past the log is in the log.
    """
    server = await serveWorkers("--log-format", form, count=2)
    client = await connect(server.port, "rfc6455")
    await whose(client)
    client.say("print")
    await until(lambda: "printed" in server.log, "the line", server)
    (line,) = (each for each in server.log.splitlines() if "printed" in each)
    if form == "json":
        said = json.loads(line)
        assert said["text"] == f"worker {said['worker']}: printed \x1b"
        assert said["time"].startswith("2")
    else:
        assert re.match(r"2\S+ \[\S+\] worker \d: printed \\x1b$", line), line


@pytest_twisted.ensureDeferred
async def test_broadcast(serve: Serve) -> None:
    """
    Whoever wants it with several workers is warned.
    """
    server = await serve("--handler", "broadcast", "--workers", "2")
    assert "clients of one worker don't hear those of another" in server.log


@pytest_twisted.ensureDeferred
async def test_workersThatCantBegin(tmp_path: Path) -> None:
    """
    What only a worker fails at ends the command, too, with a status and a sentence.
    """
    (tmp_path / "mine.py").write_text(PICKY)
    child = await run(
        *(*COMMAND, "--workers", "2", "--listen", ANYWHERE, "--handler", "mine.Process"),
        directory=tmp_path,
        env=environment(ONCE="1"),
    )
    assert child.status == 1, child
    assert "--handler mine.Process: it can't be imported" in child.log
    assert "wsfallback: --workers: worker " in child.log
    assert "serves on" not in child.log
    assert "Server Shut Down." in child.log


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--workers", "0"), "--workers 0: give a whole number from 1 to 256"),
        (("--workers", "2", "--listen", "stdio:"), "it has no socket for several processes"),
        (("--workers", "2", "--handler", "no.Handler"), "it can't be imported"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_mistakes(options: tuple[str, ...], sentence: str) -> None:
    """
    End the command before anything is started.
    """
    child = await run(*COMMAND, *options)
    assert child.status == 1, child
    assert sentence in child.log


@pytest_twisted.ensureDeferred
async def test_takenPort(serveWorkers: ServeWorkers) -> None:
    """
    As without workers.
    """
    server = await serveWorkers(count=2)
    where = f"tcp:{server.port}:interface=127.0.0.1"
    child = await run(*COMMAND, "--workers", "2", "--listen", where)
    assert child.status == 1, child
    assert f"wsfallback: --listen {where}: Couldn't listen on 127.0.0.1" in child.log


@pytest_twisted.ensureDeferred
async def test_daemon(connect: Connect, tmp_path: Path) -> None:
    """
    Without -n the parent is the daemon: its log has what the workers say, its pid file it alone.
    """
    (tmp_path / "mine.py").write_text(HANDLERS)
    log, pid = tmp_path / "log", tmp_path / "pid"
    twistd = (TWISTD[0], f"--logfile={log}", f"--pidfile={pid}", "wsfallback")
    given = ("--listen", ANYWHERE, "--workers", "2", "--handler", "mine.Process")
    begun = await run(*twistd, *given, directory=tmp_path)
    assert begun.status == 0, begun
    parent = int(pid.read_text())
    try:
        said = await until(
            lambda: re.search(r"serves on http://127.0.0.1:(\d+)/", log.read_text()), "a daemon"
        )
        client = await connect(int(said[1]), "rfc6455")
        await whose(client)
        os.kill(parent, signal.SIGTERM)
        await seesClose(client)
        await until(lambda: not isThere(parent), "its end")
    finally:
        if isThere(parent):
            os.kill(parent, signal.SIGKILL)
    assert "worker 2: " in log.read_text()
    assert "Server Shut Down." in log.read_text()


@pytest_twisted.ensureDeferred
async def test_ask(tmp_path: Path) -> None:
    """
    A worker answers its parent.
    """
    import socket

    from twisted.internet import reactor

    said: list[str] = []
    answers = {"snapshot": {}}
    process = WorkerProcess(
        1, reactor, answers.__getitem__, lambda: said.append("ready"), said.append
    )
    command = Command("default", ("--listen", ANYWHERE), str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        spawner(reactor, command, environment())(process, 1, [listening.fileno()])
    await until(lambda: said == ["ready"], "a worker", said)
    assert await process.link.ask("pid") == process.pid
    found = await process.link.ask("snapshot")
    assert found["pid"] == process.pid
    assert found["snapshot"]["drafts"]["hixie-75"]["open"] == 0
    with pytest.raises(Exception, match="nonsense"):
        await process.link.ask("nonsense")
    process.link.tell("stop")
    await until(lambda: said[1:] == ["ended with status 0"], "its end", said)


@pytest_twisted.ensureDeferred
async def test_byHand() -> None:
    """
    A worker without a parent ends, and no traceback is its last word to a curious operator.
    """
    child = await run(PYTHON, "-m", "wsfallback.worker")
    assert child.status == 1, child
    assert "Traceback" not in child.log


@pytest.mark.parametrize("isApart", [False, True], ids=["here", "admin"])
@pytest_twisted.ensureDeferred
async def test_status(
    serveWorkers: ServeWorkers, connect: Connect, tmp_path: Path, isApart: bool
) -> None:
    """
    The status is that of all workers, whichever is asked, and of those that have died; an endpoint
    of its own is their parent's.
    """
    file = tmp_path / "seen.json"
    options = ["--stats-file", str(file)]
    if isApart:
        options += ["--admin", ANYWHERE]
    server = await serveWorkers(*options)
    port = server.port
    if isApart:
        (found,) = re.findall(r"shows its status on http://127\.0\.0\.1:(\d+)/", server.log)
        port = int(found)
    clients = []
    for draft in DRAFTS * 4:
        clients.append(await connect(server.port, draft))
        await whose(clients[-1])
        await isServed(clients[-1])
    for _ in range(5):
        for row in (await rows(connect, port, *DRAFTS)).values():
            assert (row["open"], row["opened"], row["messagesIn"]) == (4, 4, 4)
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)
    await until(lambda: server.log.count("serves again") == 3, "other workers", server)
    for client in clients:
        client.drop()
    again = await connect(server.port, "hixie-75")
    await whose(again)
    found = await rows(connect, port, *DRAFTS)
    assert [row["open"] for row in found.values()] == [1, 0, 0, 0, 0]
    assert [row["opened"] for row in found.values()] == [5, 4, 4, 4, 4]
    stop(server)
    await seesClose(again)
    await ended(server)
    kept = json.loads(file.read_text())["drafts"]
    assert all(kept[draft]["lastSeen"] for draft in DRAFTS)


async def rows(connect: Connect, port: int, *drafts: str) -> dict[str, Any]:
    """
    What the status says of these drafts.
    """
    client = await connect(port)
    client.send(get("/-/status.json"))
    answer = await client.readAnswer()
    assert answer.status == 200, answer
    shown = json.loads(answer.body)
    assert shown["ready"]
    return {draft: shown["drafts"][draft] for draft in drafts}
