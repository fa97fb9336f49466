"""
Proxies that other people made, with the configurations that the documentation shows.

Of a configuration only ports, seconds and the place of the certificate are changed for a test. The
proxy gets its sockets from us, open already: no port is guessed, and a client may connect before
the proxy is ready.
"""

import re
import shlex
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.children import ROOT, Child
from tests.integration.foreign import Peer
from tests.integration.test_tls import makeCertificate

EXAMPLES = ROOT / "docs" / "examples" / "proxies"

# They are not on everybody's path.
_SBIN = {"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"}
_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
HAPROXY = Peer(("haproxy",), ("haproxy", "-v"), "apt install haproxy", _SBIN)
NGINX = Peer(("nginx",), ("nginx", "-v"), "apt install nginx", _SBIN)
NGINX_STREAM = Peer(
    ("nginx",), ("test", "-e", _STREAM), "apt install nginx libnginx-mod-stream", _SBIN
)

#: What nginx needs beside an example. It would write below /var; a worker of root's would be
#: nobody, who can't read what belongs to a test.
_MAIN = """
daemon off;
user root;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{}}
"""
_HTTP = """
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {file};
}}
"""
_STREAMS = """
load_module {module};
include {file};
"""


@dataclass(frozen=True)
class Proxy:
    """
    A proxy that runs.

    :ivar ports: where clients reach it, by the port that its example has.
    :ivar trust: its certificate in PEM, where it has one.
    """

    ports: Mapping[int, int]
    trust: bytes | None

    def end(self, isSecure: bool) -> tuple[int, bytes | None]:
        """
        The port for one kind of clients, and what they trust.
        """
        return (self.ports[443], self.trust) if isSecure else (self.ports[80], None)


def served(name: str) -> tuple[str, list[str]]:
    """
    What the command gets, as an example says it: where it listens, and its options.
    """
    (said,) = re.findall(r"^#   twistd -n wsfallback --listen (.*)$", _text(name), re.MULTILINE)
    listen, *options = shlex.split(said.replace(":8080:", ":0:"))
    return listen, options


@asynccontextmanager
async def proxying(
    name: str, backend: int, directory: Path, changes: Mapping[str, str] | None = None
) -> AsyncIterator[Proxy]:
    """
    Run a proxy with an example, which its pid ends.

    :param backend: the port that it is in front of.
    :param directory: for what it needs.
    :param changes: of words of the example's.
    """
    start = _haproxy if name.endswith(".cfg") else _nginx
    text = _text(name)
    trust = None
    if "/etc/ssl/wsfallback/" in text:
        key, certificate = makeCertificate(directory)
        trust = certificate.read_bytes()
        (directory / "both.pem").write_bytes(key.read_bytes() + trust)
        text = text.replace("/etc/ssl/wsfallback/", f"{directory}/")
    for old, new in {"127.0.0.1:8080": f"127.0.0.1:{backend}", **(changes or {})}.items():
        assert old in text, f"{old!r} is not in {name}"
        text = text.replace(old, new)
    with ExitStack() as ours:
        child, ports = await start(text, directory / name, ours)
    try:
        yield Proxy(ports, trust)
        assert child.status is None, child
    finally:
        await child.stop()


def _text(name: str) -> str:
    return (EXAMPLES / name).read_text()


async def _nginx(text: str, file: Path, ours: ExitStack) -> tuple[Child, dict[int, int]]:
    text, ports, sockets = _opened(text, r"(?<=listen )(\d+)", "127.0.0.1:{port}".format, ours)
    file.write_text(text)
    # Those that a running nginx hands to its successor.
    inherited = "".join(f"{number};" for number in range(3, 3 + len(sockets)))
    isStream = "stream {" in text
    env = await (NGINX_STREAM if isStream else NGINX).installed(NGINX=inherited)
    main = file.with_name("main.conf")
    main.write_text(
        (_STREAMS + _MAIN if isStream else _MAIN + _HTTP).format(
            directory=file.parent, file=file, module=_STREAM
        )
    )
    command = ["nginx", "-p", str(file.parent), "-c", str(main)]
    return Child(command, env=env, directory=file.parent, inherited=sockets), ports


async def _haproxy(text: str, file: Path, ours: ExitStack) -> tuple[Child, dict[int, int]]:
    text, ports, sockets = _opened(text, r"(?<=bind ):(\d+)", "fd@{number}".format, ours)
    file.write_text(text)
    env = await HAPROXY.installed()
    command = ["haproxy", "-db", "-f", str(file)]
    return Child(command, env=env, directory=file.parent, inherited=sockets), ports


def _opened(
    text: str, pattern: str, written: Callable[..., str], ours: ExitStack
) -> tuple[str, dict[int, int], list[int]]:
    """
    Open a socket for each port of an example.

    :param pattern: has the port as its group.
    :param written: what stands there for it: by its own ``port``, and its ``number`` in the child.
    :param ours: closes the sockets, when the child has them.
    :returns: the text with those, the ports, and the descriptors.
    """
    ports: dict[int, int] = {}
    sockets: list[int] = []

    def open(found: re.Match[str]) -> str:
        opened = ours.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        ports[int(found[1])] = port = opened.getsockname()[1]
        sockets.append(opened.fileno())
        return written(port=port, number=2 + len(sockets))

    return re.sub(pattern, open, text), ports, sockets
