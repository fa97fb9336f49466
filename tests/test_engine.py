"""
What Autobahn's engine is told, and what we rely on in it.
"""

from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import Limits
from wsfallback.engine import EngineFactory, Silent, engineRequest, offeredProtocols
from wsfallback.request import Request, RequestReader
from wsfallback.testing import MemoryTransport
from wsfallback.testing import request as openingRequest

DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits=10"}


def read(data: bytes) -> Request:
    """
    A request.
    """
    request = RequestReader(16384).feed(data)
    assert request is not None
    return request


class EngineRequestTests(SynchronousTestCase):
    """
    The one request that Autobahn gets.
    """

    def test_nothingOfTheClients(self) -> None:
        """
        Only the version, the subprotocols and offers that can be accepted are passed on, each
        in our own words.
        """
        asked = openingRequest(
            "rfc6455",
            path="/EVIL?x",
            host="EVIL",
            origin="http://EVIL",
            headers={"X": "EVIL", **DEFLATE},
            protocols=["a", "b", "a"],
        )
        self.assertEqual(
            engineRequest(read(asked), Limits()),
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: a, b\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n\r\n",
        )

    def test_versions(self) -> None:
        """
        hybi-07 has the wire of hybi-10, whose version Autobahn knows.
        """
        for draft, version in (("hybi-07", b"8"), ("hybi-10", b"8"), ("rfc6455", b"13")):
            told = engineRequest(read(openingRequest(draft)), Limits())
            self.assertIn(b"\r\nSec-WebSocket-Version: " + version + b"\r\n", told)

    def test_withoutCompression(self) -> None:
        """
        Then there is no offer.
        """
        told = engineRequest(
            read(openingRequest("rfc6455", headers=DEFLATE)), Limits(compress=False)
        )
        self.assertNotIn(b"Extensions", told)

    def test_protocols(self) -> None:
        """
        In the client's order, each once.
        """
        asked = openingRequest("rfc6455", protocols=["b", "a", "b"])
        self.assertEqual(offeredProtocols(read(asked)), ["b", "a"])


class AutobahnTests(SynchronousTestCase):
    """
    What we rely on in Autobahn beyond its documentation.
    """

    def test_answerGoesThroughSendData(self) -> None:
        """
        The answer to the handshake is one call of sendData while connecting, and the accepted
        extensions are a field of it: there ours takes its place.
        """
        seen = []

        class Watched(WebSocketServerProtocol):
            def sendData(self, data: bytes, sync: bool = False, chopsize: Any = None) -> None:
                seen.append((self.state, data))
                super().sendData(data, sync, chopsize)

        protocol = Watched()
        protocol.factory = EngineFactory(Limits(), Clock())
        protocol.makeConnection(MemoryTransport(Clock()))
        protocol.dataReceived(openingRequest("rfc6455", headers=DEFLATE))
        ((state, data),) = seen
        self.assertEqual(state, protocol.STATE_CONNECTING)
        self.assertTrue(data.startswith(b"HTTP/1.1 101 "), data)
        self.assertIn(b"\r\nSec-WebSocket-Extensions: permessage-deflate", data)
        protocol.connectionLost()

    def test_attributes(self) -> None:
        """
        What our protocol reads or writes of Autobahn's beside its methods is there, and public.
        """
        seen = {}
        frames = []

        class Watched(WebSocketServerProtocol):
            def onMessageFrameBegin(self, length: int) -> None:
                super().onMessageFrameBegin(length)
                seen.update(vars(self))
                frames.append(self.current_frame)

        protocol = Watched()
        protocol.factory = EngineFactory(Limits(), Clock())
        protocol.makeConnection(MemoryTransport(Clock()))
        protocol.dataReceived(openingRequest("rfc6455") + b"\x81\x81\0\0\0\0x")
        for name in (
            "data",
            "droppedByMe",
            "failedByMe",
            "is_closed",
            "message_data_total_length",
            "message_is_binary",
            "state",
            "wasClean",
            "websocket_extensions_in_use",
        ):
            self.assertIn(name, seen)
        for name in ("fin", "length", "opcode", "rsv"):
            self.assertTrue(hasattr(frames[0], name), name)
        protocol.connectionLost()

    def test_loggersMethods(self) -> None:
        """
        What stands in for Autobahn's logger has the methods that it calls.
        """
        for name in ("trace", "debug", "info", "warn", "error", "failure", "critical"):
            self.assertTrue(hasattr(WebSocketServerProtocol.log, name), name)
            self.assertIsNone(getattr(Silent(), name)("{x}", x=1))
