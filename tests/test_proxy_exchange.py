"""
One request and its answer, through the proxy.
"""

from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock

from tests.pipe import Network, Script
from tests.proxied import CHUNKED, GET, OK, POST, Backend, ProxyTestCase
from wsfallback.proxy import ReverseProxy
from wsfallback.proxy_backend import MOST_HEADS


def lines(answer: bytes) -> list[bytes]:
    """
    Of the head.
    """
    return answer.partition(b"\r\n\r\n")[0].split(b"\r\n")


class RequestTests(ProxyTestCase):
    """
    The way to the backend.
    """

    def test_stream(self) -> None:
        """
        A body goes on as it comes, by its length.
        """
        client = self.client(self.proxy(), POST, b"abc")
        (backend, *_) = self.backends
        self.assertIn(b"\r\nContent-Length: 6", backend.head)
        self.assertEqual(backend.body, b"abc")
        self.hear(client, b"def")
        self.assertEqual(backend.body, b"abcdef")

    def test_chunks(self) -> None:
        """
        Or in chunks; extensions and trailers stay behind.
        """
        client = self.client(self.proxy(), CHUNKED, b"3;x=y\r\nabc\r\n")
        (backend, *_) = self.backends
        self.assertIn(b"\r\nTransfer-Encoding: chunked", backend.head)
        self.assertEqual(backend.body, b"3\r\nabc\r\n")
        self.hear(client, b"0\r\nX-Trailer: 1\r\n\r\n")
        self.assertEqual(backend.body, b"3\r\nabc\r\n0\r\n\r\n")

    def test_bytes(self) -> None:
        """
        However the bytes are cut.
        """
        for request in (POST + b"abcdef", CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"):
            whole, cut = [
                self.client(self.proxy(), *segments) and self.backends[0].received
                for segments in ([request], [request[at : at + 1] for at in range(len(request))])
            ]
            self.assertEqual(cut.replace(b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n", b"3\r\nabc\r\n"), whole)

    def test_noBody(self) -> None:
        """
        Without a body there is no field for one.
        """
        self.client(self.proxy(), GET)
        self.assertNotIn(b"Content-Length", self.backends[0].head)
        self.assertNotIn(b"Transfer-Encoding", self.backends[0].head)

    def test_refused(self) -> None:
        """
        What is none for a backend doesn't get there.
        """
        host = b"Host: www.test\r\n"
        for request, status in (
            (b"CONNECT a.test:80 HTTP/1.1\r\n" + host, 405),
            (b"TRACE / HTTP/1.1\r\n" + host, 405),
            (b"GET a HTTP/1.1\r\n" + host, 400),
            (b"GET * HTTP/1.1\r\n" + host, 400),
            (b'GET / HTTP/1.1\r\nHost: a"b\r\n', 400),
            (b'GET http://a"b/ HTTP/1.1\r\n' + host, 400),
            (b"GET / HTTP/1.1\r\n" + host + b"A: \x01\r\n", 400),
            # RFC 9112 §6.1, §6.3: what servers have disagreed on.
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n", 400),
            (
                b"POST / HTTP/1.1\r\n"
                + host
                + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                400,
            ),
            (b"POST / HTTP/1.0\r\n" + host + b"Transfer-Encoding: chunked\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: xchunked\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding : chunked\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: +1\r\n", 400),
        ):
            # First, and behind another one.
            for answered in (0, 1):
                proxy = self.proxy()
                client = self.client(proxy)
                if answered:
                    self.hear(client, GET)
                    self.say(OK)
                    self.answer(client)
                self.hear(client, request + b"\r\n")
                self.assertRefused(client, status)
                self.assertEqual(self.net.tried, answered)
                self.assertQuiet(proxy)

    def test_badChunk(self) -> None:
        """
        A body that is malformed is refused, and the backend never has it as if it were whole.
        """
        proxy = self.proxy()
        client = self.client(proxy, CHUNKED, b"3\r\nabc\r\n", b"0x1\r\na\r\n")
        self.assertRefused(client, 400)
        self.assertTrue(self.backends[0].lost)
        self.assertEqual(self.backends[0].body, b"3\r\nabc\r\n")
        self.assertQuiet(proxy)

    def test_longChunkHead(self) -> None:
        """
        What is in lines has a bound there, too.
        """
        client = self.client(self.proxy(maxHead=512), CHUNKED, b"1;" + 300 * b"x")
        self.assertEqual(client.writes, [])
        self.hear(client, 300 * b"x")
        self.assertRefused(client, 400)

    def test_backPressure(self) -> None:
        """
        The client isn't read while a backend is being reached, or takes nothing.
        """
        client = self.client(self.proxy(None), POST)
        self.assertTrue(client.paused)
        client.producer.pauseProducing()
        client.producer.resumeProducing()
        self.assertTrue(client.paused)
        client = self.client(self.proxy(), POST)
        self.assertFalse(client.paused)
        ((near, _),) = self.net.ends
        near.producer.pauseProducing()
        self.assertTrue(client.paused)
        self.hear(client, b"abcdef")
        self.assertEqual(self.backends[0].body, b"")
        near.producer.resumeProducing()
        self.net.settle()
        self.assertEqual(self.backends[0].body, b"abcdef")
        self.assertFalse(client.paused)


class AnswerTests(ProxyTestCase):
    """
    The way back.
    """

    def test_length(self) -> None:
        """
        An answer goes on as it comes, names as they were; hop-by-hop fields stay.
        """
        client = self.client(self.proxy(), GET)
        self.say(b"HTTP/1.1 299 Fine\r\nETag: x\r\nKeep-Alive: timeout=5\r\n")
        self.assertEqual(client.writes, [])
        self.say(b"Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 4\r\n\r\nab")
        head = (
            b"HTTP/1.1 299 Fine\r\nETag: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 4"
        )
        self.assertEqual(self.answer(client), head + b"\r\n\r\nab")
        self.say(b"cd")
        self.assertEqual(self.answer(client), b"cd")

    def test_chunks(self) -> None:
        """
        Chunks stay chunks for who knows them, and become an answer that the end of TCP ends.
        """
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        client = self.client(self.proxy(), GET)
        self.say(answer)
        self.assertEqual(self.answer(client), answer)
        self.assertFalse(client.finished)
        client = self.client(self.proxy(), GET.replace(b"1.1", b"1.0"))
        self.say(answer)
        self.assertEqual(self.answer(client), b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab")
        self.assertTrue(client.finished)

    def test_end(self) -> None:
        """
        An answer that the end of TCP ends is in chunks for the client.
        """
        client = self.client(self.proxy(), GET)
        self.say(b"HTTP/1.0 200 OK\r\n\r\nab")
        self.backends[0].transport.loseConnection()
        self.net.settle()
        self.assertEqual(
            self.answer(client),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        )

    def test_head(self) -> None:
        """
        An answer to HEAD has a length and no body; 304 and 204 have none at all.
        """
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
        client = self.client(self.proxy(), GET.replace(b"GET", b"HEAD"))
        self.say(head)
        self.assertEqual(self.answer(client), head)
        for status in (b"204 No Content", b"304 Not Modified"):
            for length in (b"", b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n"):
                self.hear(client, GET)
                self.say(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n")
                self.assertEqual(self.answer(client), b"HTTP/1.1 " + status + b"\r\n\r\n")

    def test_informational(self) -> None:
        """
        RFC 9110 §15.2: they go through, but not to clients of HTTP/1.0.
        """
        early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        client = self.client(self.proxy(), GET)
        self.say(early + OK)
        self.assertEqual(self.answer(client), early + OK)
        client = self.client(self.proxy(), GET.replace(b"1.1", b"1.0"))
        self.say(early + OK)
        self.assertEqual(lines(self.answer(client))[0], b"HTTP/1.1 200 OK")

    def test_informationalWithoutEnd(self) -> None:
        """
        One after the other, and never an answer, is none.
        """
        client = self.client(self.proxy(), GET)
        self.say(b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MOST_HEADS + 1))
        self.assertEqual(self.answer(client).count(b" 103 "), MOST_HEADS)
        self.assertTrue(client.finished)

    def test_continue(self) -> None:
        """
        RFC 9110 §10.1.1: who waits to be told to go on is told so by the backend.
        """
        client = self.client(self.proxy(), POST[:-2] + b"Expect: 100-continue\r\n\r\n")
        self.assertIn(b"\r\nExpect: 100-continue", self.backends[0].head)
        self.assertEqual(client.writes, [])
        self.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(self.answer(client), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.hear(client, b"abcdef")
        self.say(OK)
        self.assertEqual(self.answer(client), OK)

    def test_early(self) -> None:
        """
        An answer before the end of the request is the last one here: nobody reads the rest.
        """
        proxy = self.proxy()
        client = self.client(proxy, POST, b"abc")
        self.say(OK)
        self.assertIn(b"Connection: close", lines(self.answer(client)))
        self.assertTrue(client.finished)
        self.hear(client, b"def" + GET)
        self.assertEqual(self.backends[0].body, b"abc")
        self.assertTrue(self.backends[0].lost)
        client.lose(ConnectionDone())
        self.assertQuiet(proxy)

    def test_incomplete(self) -> None:
        """
        An answer that ends early ends so for the client, too, in whatever way it was framed.
        """
        for answer in (OK[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"):
            proxy = self.proxy()
            client = self.client(proxy, GET)
            self.say(answer)
            self.backends[0].transport.loseConnection()
            self.net.settle()
            self.assertTrue(client.aborted)
            self.assertQuiet(proxy)

    def test_reset(self) -> None:
        """
        So does one that the end of TCP ends, if that was a RST.
        """
        client = self.client(self.proxy(), GET)
        self.say(b"HTTP/1.1 200 OK\r\n\r\nab")
        ((near, _),) = self.net.ends
        near.lose(ConnectionLost())
        self.net.settle()
        self.assertTrue(client.aborted)

    def test_nonsense(self) -> None:
        """
        502 for what is no answer, or none at all, or one that nobody has asked for.
        """
        for answer, closes in (
            (b"nonsense\r\n\r\n", False),
            (b"HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n", False),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", False),
            (b"HTTP/1.1 200 OK\r\nA: " + 20000 * b"a", False),
            (b"HTTP/1.1 200 OK\r\nA: " + 20000 * b"a" + b"\r\n\r\n", False),
            (b"HTTP/1.1 200 OK\r\nA: \x1b[31m\r\n\r\n", False),
            (b"", True),
            (b"HTTP/1.1 2", True),
        ):
            proxy = self.proxy(Script(answer, closes=closes))
            client = self.client(proxy, GET)
            self.assertRefused(client, 502)
            self.assertQuiet(proxy)

    def test_backPressure(self) -> None:
        """
        The backend isn't read while the client takes nothing, not even the next backend.
        """
        client = self.client(self.proxy(), GET + GET)
        client.producer.pauseProducing()
        ((near, _),) = self.net.ends
        self.assertTrue(near.paused)
        self.say(OK)
        self.assertEqual(client.writes, [])
        client.producer.resumeProducing()
        self.net.settle()
        self.assertFalse(near.paused)
        self.assertEqual(self.answer(client), OK)
        client.producer.pauseProducing()
        self.say(OK)
        self.assertEqual(client.writes, [])

    def test_pausedBefore(self) -> None:
        """
        A client that takes nothing when its backend is found has that paused from the start.
        """
        client = self.client(self.proxy(), GET + GET)
        client.write = lambda data: client.producer.pauseProducing()  # type: ignore[method-assign]
        self.say(OK)
        ((near, _),) = self.net.ends
        self.assertTrue(near.paused)
        self.assertEqual(self.backends[0].received.count(b"GET "), 2)

    def test_onlyOne(self) -> None:
        """
        What a backend sends behind its answer is not taken for the next one.
        """
        client = self.client(self.proxy(), GET + GET)
        self.say(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        self.assertEqual(self.answer(client), OK)
        self.assertTrue(self.backends[0].lost)
        self.say(OK, 1)
        self.assertEqual(self.answer(client), OK)


class AgainTests(ProxyTestCase):
    """
    When a backend closes what had been kept.
    """

    def test_repeated(self) -> None:
        """
        A request that may be repeated is, by a new connection; once.
        """
        for method in (b"GET", b"HEAD", b"OPTIONS"):
            client = self.client(self.proxy(), GET)
            self.say(OK)
            self.answer(client)
            self.hear(client, GET.replace(b"GET", method))
            self.backends[0].transport.loseConnection()
            self.net.settle()
            self.assertEqual(self.backends[1].received[: len(method)], method)
            self.backends[1].transport.loseConnection()
            self.net.settle()
            self.assertRefused(client, 502)

    def test_fresh(self) -> None:
        """
        Any other has a new connection from the start.
        """
        for request in (POST + b"abcdef", CHUNKED, GET.replace(b"GET", b"DELETE")):
            client = self.client(self.proxy(), GET)
            self.say(OK)
            self.hear(client, request)
            self.assertEqual(self.net.tried, 2)

    def test_answered(self) -> None:
        """
        Nor is one repeated whose answer has begun.
        """
        client = self.client(self.proxy(), GET)
        self.say(OK)
        self.hear(client, GET)
        self.say(OK[:-1])
        self.backends[0].transport.loseConnection()
        self.net.settle()
        self.assertTrue(client.aborted)
        self.assertEqual(self.net.tried, 1)


class BrokenTests(ProxyTestCase):
    """
    When it is our own fault.
    """

    def test_broken(self) -> None:
        """
        500, and the log says why.
        """

        class Broken(ReverseProxy):
            def asking(self, *arguments: Any) -> Any:
                raise ZeroDivisionError

        self.clock = Clock()
        self.net = Network(self.clock, [Backend()])
        proxy = Broken(["http://a"], reactor=self.clock, endpoint=lambda url: self.net)
        client = self.client(proxy, GET)
        self.assertRefused(client, 500)
        self.assertQuiet(proxy)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
