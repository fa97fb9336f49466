"""
``twistd -n wsfallback`` and ``python -m wsfallback``, as processes of their own.
"""

import os
import signal
import socket
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import COMMAND, PYTHON, TWISTD, Child, environment, run
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import Connection, DraftClient
from tests.integration.support import ANYWHERE, DRAFTS, until

#: A handler of somebody's own, in a file.
HANDLERS = '''
from wsfallback import MessageHandler


class Who(MessageHandler):
    """
    Tells its client who it is.
    """

    def onMessage(self, payload, isBinary):
        self.sendMessage(self.peer.encode())
'''


def get(path: str, **fields: str) -> bytes:
    """
    A request for a page, after which the connection stays.
    """
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def checkEcho(client: DraftClient) -> None:
    """
    Its messages come back.
    """
    for text in ("héllo ✓ 𝄞", ""):
        client.say(text)
        assert await client.hear() == text


async def checkPage(client: Connection) -> None:
    """
    The page that any browser can try the server with.
    """
    client.send(get("/"))
    answer = await client.readAnswer()
    assert answer.status == 200
    assert answer.fields["content-type"] == "text/html; charset=utf-8"
    assert b"This browser was served with" in answer.body


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_bothForms(serve: Serve, connect: Connect, command: tuple[str, ...]) -> None:
    """
    Both forms of the command serve every draft, and the page, on one port.
    """
    server = await serve(command=command)
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        await checkEcho(client)
    await checkPage(await connect(server.port))


@pytest_twisted.ensureDeferred
async def test_web(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Files of a directory, over one connection that stays open, and none from elsewhere.
    """
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("<p>index")
    (web / "a.txt").write_text("a file")
    (tmp_path / "secret.txt").write_text("not for you")
    server = await serve("--web", str(web))
    client = await connect(server.port)
    for path, body in (("/a.txt", b"a file"), ("/", b"<p>index"), ("/a.txt", b"a file")):
        client.send(get(path))
        answer = await client.readAnswer()
        assert (answer.status, answer.body) == (200, body)
    for path in (
        "/none.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/a.txt/../../secret.txt",
        f"/{tmp_path}/secret.txt",
    ):
        client.send(get(path))
        answer = await client.readAnswer()
        assert answer.status == 404, path
        assert b"not for you" not in answer.body
    for wanted, status, body in (
        ("bytes=0-1", 206, b"a "),
        ("bytes=-4", 206, b"file"),
        ("bytes=", 200, b"a file"),
        ("bytes=" + "0-0," * 1000, 200, b"a file"),
    ):
        client.send(get("/a.txt", Range=wanted))
        answer = await client.readAnswer()
        assert (answer.status, answer.body) == (status, body), wanted
    modern = await connect(server.port, "rfc6455")
    await modern.open()
    await checkEcho(modern)


@pytest_twisted.ensureDeferred
async def test_largeFile(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    A file that fills every buffer on the way arrives whole, or its client leaves in the middle.
    """
    content = os.urandom(16 << 20)
    (tmp_path / "large").write_bytes(content)
    server = await serve("--web", str(tmp_path))
    leaving = await connect(server.port)
    leaving.send(get("/large"))
    await leaving.readHead()
    leaving.drop()
    client = await connect(server.port)
    client.send(get("/large"))
    answer = await client.readAnswer()
    assert answer.body == content
    client.send(get("/large", Connection="close"))
    assert (await client.readAnswer()).body == content
    assert await client.readEnd() == b""


@pytest_twisted.ensureDeferred
async def test_pipelined(serve: Serve, connect: Connect) -> None:
    """
    Requests for pages may come in one segment.
    """
    server = await serve()
    client = await connect(server.port)
    client.send(get("/") + get("/none") + get("/", Connection="close"))
    statuses = [(await client.readAnswer()).status for _ in range(3)]
    assert statuses == [200, 404, 200]
    assert await client.readEnd() == b""


@pytest_twisted.ensureDeferred
async def test_broadcast(serve: Serve, connect: Connect) -> None:
    """
    What one client says, those of all drafts hear, and it doesn't.
    """
    server = await serve("--handler", "broadcast")
    clients = [await connect(server.port, draft) for draft in DRAFTS]
    for client in clients:
        await client.open()
    for speaker in clients:
        speaker.say(f"from {speaker.draft}")
        for client in clients:
            if client is not speaker:
                assert await client.hear() == f"from {speaker.draft}"
    assert not any(client.received for client in clients)


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_ownHandler(
    serve: Serve, connect: Connect, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """
    A handler out of a module of somebody's own, in the working directory.
    """
    (tmp_path / "mine.py").write_text(HANDLERS)
    server = await serve("--handler", "mine.Who", command=command)
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        client.say("who?")
        assert await client.hear() == f"tcp4:127.0.0.1:{client.transport.getHost().port}"


@pytest_twisted.ensureDeferred
async def test_drafts(serve: Serve, connect: Connect) -> None:
    """
    Only the drafts that are named are served; the others are told which versions there are.
    """
    server = await serve("--drafts", "hixie-76,rfc6455")
    for draft in ("hixie-76", "rfc6455"):
        client = await connect(server.port, draft)
        await client.open()
        await checkEcho(client)
    for draft in ("hybi-07", "hybi-10"):
        client = await connect(server.port, draft)
        client.sendOpening()
        answer = await client.readAnswer()
        assert answer.status == 426
        assert answer.fields["sec-websocket-version"] == "13"


@pytest_twisted.ensureDeferred
async def test_origin(serve: Serve, connect: Connect) -> None:
    """
    Pages of other origins are kept out, on every draft.
    """
    server = await serve("--origin", "http://*.example.com", "--origin", "http://localhost:*")
    for draft in DRAFTS:
        for origin in ("http://www.example.com", "http://localhost:8000"):
            client = await connect(server.port, draft)
            await client.open(origin=origin)
            await checkEcho(client)
        stranger = await connect(server.port, draft)
        stranger.sendOpening(origin="http://example.org")
        answer = await stranger.readAnswer()
        assert answer.status == 403
        assert await stranger.readEnd() == b""


@pytest_twisted.ensureDeferred
async def test_severalListeners(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Several endpoints serve one application.
    """
    path = tmp_path / "socket"
    server = await serve("--handler", "broadcast", listen=(ANYWHERE, f"unix:{path}", ANYWHERE))
    first, second = server.ports
    clients = [
        await connect(first, "hixie-75"),
        await connect(f"unix:{path}", "rfc6455"),
        await connect(f"unix:{path}", "hixie-76"),
        await connect(second, "hybi-10"),
    ]
    for client in clients:
        await client.open()
    for speaker in clients:
        speaker.say("hello")
        for client in clients:
            if client is not speaker:
                assert await client.hear() == "hello"
    await checkPage(await connect(f"unix:{path}"))


# Behind a proxy.


@pytest_twisted.ensureDeferred
async def test_proxyProtocol(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Behind a proxy that speaks the PROXY protocol, handlers see the client's own address.
    """
    (tmp_path / "mine.py").write_text(HANDLERS)
    server = await serve("--handler", "mine.Who", listen=(f"haproxy:{ANYWHERE}",))
    line = b"PROXY TCP4 203.0.113.5 127.0.0.1 51234 80\r\n"
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        client.send(line)
        await client.open()
        client.say("who?")
        assert await client.hear() == "tcp4:203.0.113.5:51234"
        client.sayGoodbye()
        await client.readEnd()
    web = await connect(server.port)
    web.send(line)
    await checkPage(web)


@pytest_twisted.ensureDeferred
async def test_proxyProtocolMissing(serve: Serve, connect: Connect) -> None:
    """
    Who comes by another way than the proxy is not served.
    """
    server = await serve(listen=(f"haproxy:{ANYWHERE}",))
    client = await connect(server.port)
    client.send(get("/"))
    assert await client.readEnd() == b""


@pytest.mark.parametrize("which", ["index=0", "name=web"])
@pytest_twisted.ensureDeferred
async def test_systemd(serve: Serve, connect: Connect, which: str) -> None:
    """
    A socket that systemd has opened.
    """
    # systemd sets LISTEN_PID between fork and exec.
    wrapper = (
        "import os, sys; os.environ['LISTEN_PID'] = str(os.getpid());"
        " os.execv(sys.argv[1], sys.argv[1:])"
    )
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        server = await serve(
            listen=(f"systemd:domain=INET:{which}",),
            command=(PYTHON, "-c", wrapper, *COMMAND),
            inherited=(opened.fileno(),),
            env=environment(LISTEN_FDS="1", LISTEN_FDNAMES="web"),
        )
    assert server.port == port
    client = await connect(port, "hixie-76")
    await client.open()
    await checkEcho(client)


# Its end.


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_portTaken(command: tuple[str, ...], tmp_path: Path) -> None:
    """
    The command doesn't stay without its port, and says why in one line.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = await run(
            *command, "--listen", ANYWHERE, "--listen", f"tcp:{port}:interface=127.0.0.1",
            directory=tmp_path,
        )  # fmt: skip
    assert ended.status == 1, ended
    (line,) = [line for line in ended.log.splitlines() if "Errno" in line]
    assert f": Couldn't listen on 127.0.0.1:{port}: " in line
    assert "Address already in use" in line
    assert not ended.hasTraceback(), ended


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--drafts hixie-99", "there is no draft 'hixie-99'; there are hixie-75, hixie-76,"),
        ("--drafts ,", "name at least one draft"),
        ("--listen carrier:pigeon", "Unknown endpoint type: 'carrier'"),
        ("--listen tcp:http", "give a Twisted server string such as tcp:8080"),
        ("--listen ssl:0:privateKey=/no/such.pem", "No such file or directory: '/no/such.pem'"),
        ("--handler nowhere.Thing", "No module named 'nowhere'"),
        ("--handler broken.Thing", "No module named 'what_broken_needs'"),
        ("--handler wsfallback.Nothing", "has no attribute 'Nothing'"),
        ("--handler collections.OrderedDict", "does not implement IMessageHandler"),
        ("--handler shout", "give echo, broadcast, or package.module.Name"),
        ("--web no/such/directory", "--web no/such/directory: there is no such directory"),
        ("--max-connections 0", "--max-connections 0: must be from 1 to 10000000"),
        ("--max-message many", "give a whole number"),
        ("--ping-interval nan", "--ping-interval nan: must be from 0.1"),
        ("--handshake-timeout soon", "give a number of seconds"),
        ("--invalid-text ignore", "--invalid-text ignore: must be close or replace"),
        ("--origin example.com/path", "--origin example.com/path: an origin is scheme://host:port"),
        ("--colour", "option --colour not recognized"),
        ("stray", "there are only options, and 'stray' is none"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_usage(options: str, sentence: str, tmp_path: Path) -> None:
    """
    A mistake on the command line ends it with a sentence, and without the help.
    """
    (tmp_path / "broken.py").write_text("import what_broken_needs\n")
    ended = await run(*COMMAND, *options.split(), directory=tmp_path)
    assert ended.status == 1, ended
    (line,) = ended.log.splitlines()
    assert line.startswith("wsfallback: "), ended
    assert sentence in line, ended


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest_twisted.ensureDeferred
async def test_signal(
    serve: Serve, connect: Connect, command: tuple[str, ...], number: signal.Signals
) -> None:
    """
    The usual signals end it, whoever is connected in whatever state, and answers nothing.
    """
    server = await serve("--close-timeout", "0.1", command=command)
    clients = [await connect(server.port, draft) for draft in DRAFTS]
    for client in clients:
        await client.open()
    half = await connect(server.port)
    half.send(b"GET / HTTP/1.1\r\n")
    idle = await connect(server.port)
    await checkPage(idle)
    os.kill(server.pid, number)
    await until(lambda: server.ended, "the end of the server", server)
    # twistd shuts down in order, and then lets the signal have its way.
    assert server.status == -number, server
    assert "Server Shut Down." in server.log, server
    for client in (*clients, half, idle):
        await client.readEnd()


@pytest_twisted.ensureDeferred
async def test_help(tmp_path: Path) -> None:
    """
    The help names every draft, every option, and succeeds.
    """
    ended: Child = await run(*COMMAND, "--help", directory=tmp_path)
    assert ended.status == 0, ended
    for word in (*DRAFTS, "--listen", "--handler", "--web", "--drafts", "--origin", "PhantomJS"):
        assert word in ended.printed, word


# Its config file.

#: As a daemon, if it were to start.
DAEMON = (TWISTD[0], "wsfallback")


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_config(
    serve: Serve, connect: Connect, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """
    What the file says is so; where the command line says something else, that is.
    """
    (tmp_path / "it.toml").write_text(
        'listen = ["carrier:pigeon", "tcp:1"]\norigin = "http://a"\nmax-message = 4\n'
    )
    server = await serve("--config", "it.toml", "--max-message=5", command=command)
    client = await connect(server.port, "rfc6455")
    await client.open(origin="http://a")
    client.say("12345")
    assert await client.hear() == "12345"
    stranger = await connect(server.port, "hixie-76")
    stranger.sendOpening(origin="http://b")
    assert (await stranger.readAnswer()).status == 403


@pytest.mark.parametrize("command", [COMMAND, TWISTD, DAEMON], ids=["python", "twistd", "daemon"])
@pytest_twisted.ensureDeferred
async def test_check(tmp_path: Path, command: tuple[str, ...]) -> None:
    """
    Is one line, which doesn't mind ports that are taken and servers that run, and leaves nothing.
    """
    (tmp_path / "twistd.pid").write_text(str(os.getpid()))
    (tmp_path / "mine.py").write_text(HANDLERS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f'listen = "tcp:{taken.getsockname()[1]}:interface=127.0.0.1"'
        (tmp_path / "it.toml").write_text(f'{listen}\nhandler = "mine.Who"\n')
        before = sorted(tmp_path.iterdir())
        ended = await run(
            *command, "--config", "it.toml", "--check",
            directory=tmp_path, env=environment(PYTHONDONTWRITEBYTECODE="1"),
        )  # fmt: skip
    assert (ended.status, ended.log) == (0, "wsfallback: no mistake found\n")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "twistd.pid").read_text() == str(os.getpid())


@pytest.mark.parametrize("command", [COMMAND, DAEMON], ids=["python", "daemon"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("max-message = 0", "it.toml: max-message: --max-message 0: must be from 1"),
        ("max-message = '9'", "it.toml: max-message: give a number, not '9'"),
        ("max-mesage = 9", "it.toml: max-mesage: a config file has no such key; did you mean"),
        ("max-message", "--config it.toml: it is not TOML: "),
        (
            'listen = "ssl:0:privateKey=no.pem"',
            "it.toml: listen: --listen ssl:0:privateKey=no.pem: ",
        ),
        ('handler = "nowhere.Thing"', "No module named 'nowhere'"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_checkFails(
    tmp_path: Path, command: tuple[str, ...], text: str, sentence: str
) -> None:
    """
    With the mistake, which is all that is printed.
    """
    (tmp_path / "it.toml").write_text(f"{text}\n")
    ended = await run(*command, "--config", "it.toml", "--check", directory=tmp_path)
    (line,) = ended.log.splitlines()
    assert (ended.status, ended.printed) == (1, ""), ended
    assert line.startswith("wsfallback: "), line
    assert sentence in line
    assert [path.name for path in tmp_path.iterdir()] == ["it.toml"]


@pytest_twisted.ensureDeferred
async def test_checkCertificate(tmp_path: Path) -> None:
    """
    A key that can't be read is found, before anything listens.
    """
    (tmp_path / "key.pem").write_text("no key")
    ended = await run(*COMMAND, "--check", "-l", "ssl:0:privateKey=key.pem", directory=tmp_path)
    (line,) = ended.log.splitlines()
    assert ended.status == 1
    assert "--listen ssl:0:privateKey=key.pem: " in line


@pytest_twisted.ensureDeferred
async def test_showConfig(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    What is shown can be the config of a server, which shows the same and does what it says.
    """
    (tmp_path / "é").mkdir()
    options = ("-l", ANYWHERE, "--origin", "http://a", "--web", "é", "--frames")
    first = await run(*DAEMON, *options, "--show-config", directory=tmp_path)
    assert first.status == 0, first
    (tmp_path / "it.toml").write_text(first.printed, "utf-8")
    again = await run(*COMMAND, "--config=it.toml", "--check", "--show-config", directory=tmp_path)
    assert (again.status, again.printed) == (0, first.printed), again
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it.toml", "é"]
    server = await serve("--config", "it.toml", listen=())
    await server.ready(1)
    stranger = await connect(server.port, "hixie-75")
    stranger.sendOpening(origin="http://b")
    assert (await stranger.readAnswer()).status == 403
