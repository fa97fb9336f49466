"""
A browser of 2011 behind a proxy that changes the host, and pages under names that are none.
"""

from typing import Any

import pytest_twisted
from twisted.protocols.portforward import ProxyFactory, ProxyServer

from tests.integration.conftest import Connect, Listen, Serve
from tests.integration.foreign import PHANTOM
from tests.integration.scenarios import ECHOES
from wsfallback.flash import REQUEST


class _Renaming(ProxyServer):
    """
    Asks for another host than its client, as nginx does unless it is told.
    """

    def dataReceived(self, data: bytes) -> None:
        ours = b"Host: 127.0.0.1:%d\r\n" % self.transport.getHost().port
        super().dataReceived(data.replace(ours, b"Host: inner.test\r\n"))


class _Relay(ProxyFactory):
    protocol = _Renaming

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0)


@pytest_twisted.ensureDeferred
async def test_externalURL(serve: Serve, listen: Listen) -> None:
    """
    PhantomJS takes an answer that names the URL that it has called, and nothing else.
    """
    relay: Any = _Relay()
    port = await listen(relay)
    server = await serve("--external-url", f"ws://127.0.0.1:{port}", "--host", "inner.test")
    relay.port = server.port
    report = await PHANTOM.report(f"http://127.0.0.1:{port}/")
    assert report["draft"] == "hixie-76"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES


@pytest_twisted.ensureDeferred
async def test_hosts(serve: Serve, connect: Connect) -> None:
    """
    On one connection only the requests for our own names are answered with the page.
    """
    server = await serve("--host", "localhost")
    client = await connect(server.port)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await client.readAnswer()).status == 200
    client.send(b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n")
    assert (await client.readHead()).startswith(b"HTTP/1.1 421 ")
    client = await connect(server.port)
    client.send(b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n")
    assert (await client.readAnswer()).status == 421


@pytest_twisted.ensureDeferred
async def test_flashPolicy(serve: Serve, connect: Connect) -> None:
    """
    Flash gets its policy for the port that it has asked, and the end.
    """
    server = await serve("--flash-policy", "--origin", "http://a.test")
    client = await connect(server.port)
    client.send(REQUEST)
    answer = await client.readEnd()
    assert b'domain="a.test" to-ports="%d"' % server.port in answer
    assert answer.endswith(b"\0")
