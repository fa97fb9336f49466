"""
Who gets which certificate, in memory.
"""

import contextlib
from collections.abc import Sequence
from typing import Any
from unittest import mock

from OpenSSL import SSL
from twisted.internet.endpoints import serverFromString, wrapServerTLS
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from tests.certificates import Issued, issue
from tests.test_server import serve
from tests.test_tap import DirectoryCase
from wsfallback.certificates import VERSIONS, Certificates
from wsfallback.pem import Unusable
from wsfallback.testing import MemoryTransport


class Echo(Protocol):
    """
    Of bytes.
    """

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Client:
    """
    OpenSSL itself, at the other end of a connection in memory.
    """

    def __init__(
        self,
        factory: Any,
        clock: Clock,
        name: bytes | None = None,
        *,
        offered: Sequence[bytes] = (),
        version: int | None = None,
    ) -> None:
        """
        :param factory: of the server, TLS included.
        :param name: whom it asks for.
        :param offered: by ALPN.
        :param version: the only one of TLS that it speaks.
        """
        context = SSL.Context(SSL.TLS_METHOD)
        if version is not None:
            context.set_cipher_list(b"ALL:@SECLEVEL=0")
            context.set_min_proto_version(version)
            context.set_max_proto_version(version)
        self.tls = SSL.Connection(context)
        if name is not None:
            self.tls.set_tlsext_host_name(name)
        if offered:
            self.tls.set_alpn_protos(offered)
        self.tls.set_connect_state()
        self._clock = clock
        self.transport = MemoryTransport(clock)
        self.transport.attach(factory.buildProtocol(self.transport.getPeer()))
        self._attempt(self.tls.do_handshake)

    @property
    def serial(self) -> int:
        """
        Of the certificate that it got.
        """
        certificate = self.tls.get_peer_certificate()
        assert certificate is not None
        return certificate.get_serial_number()

    def ask(self, data: bytes) -> bytes:
        """
        Send something, and what comes then.
        """
        self.tls.send(data)
        received: bytes = self._attempt(lambda: self.tls.recv(65536))
        return received

    def _attempt(self, do: Any) -> Any:
        for _ in range(9):
            try:
                return do()
            except SSL.WantReadError:
                self._turn()
            finally:
                self._flush()
        raise AssertionError("nothing comes")

    def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            self.transport.arrive(self.tls.bio_read(65536))

    def _turn(self) -> None:
        self._flush()
        self._clock.advance(0)
        for each in self.transport.writes:
            self.tls.bio_write(each)
        self.transport.writes.clear()


class CertificatesCase(DirectoryCase):
    """
    A directory, and clients of who serves with it.
    """

    def setUp(self) -> None:
        self.here = self.directory()

    def issue(self, file: str, *names: str, **options: Any) -> Issued:
        """
        Put a certificate there.
        """
        issued = issue(*names, **options)
        issued.file(self.here / f"{file}.pem")
        return issued

    def factory(self, certificates: Certificates, served: Any = None) -> Any:
        """
        What listens, TLS included.
        """
        self.clock = MemoryReactorClock()
        endpoint = wrapServerTLS(certificates, serverFromString(self.clock, "tcp:443"), self.clock)
        self.successResultOf(endpoint.listen(served or Factory.forProtocol(Echo)))
        return self.clock.tcpServers[0][1]

    def connect(self, certificates: Certificates, name: bytes | None = None, **more: Any) -> Client:
        """
        A client that has done the handshake.
        """
        return Client(self.factory(certificates), self.clock, name, **more)

    def assertGets(self, certificates: Certificates, name: bytes | None, issued: Issued) -> None:
        """
        Who asks for this name gets this certificate.
        """
        self.assertEqual(self.connect(certificates, name).serial, issued.serial, name)


class ChoiceTests(CertificatesCase):
    """
    By name.
    """

    def test_names(self) -> None:
        """
        The one that has the name; a wildcard is for one label, and less than the name itself.
        """
        a = self.issue("one", "a.example", "other.example")
        wild = self.issue("two", "*.a.example")
        own = self.issue("three", "www.a.example")
        certificates = Certificates(self.here)
        verifyObject(IOpenSSLServerConnectionCreator, certificates)
        for name, issued in (
            (b"a.example", a),
            (b"A.Example.", a),
            (b"other.example", a),
            (b"x.a.example", wild),
            (b"www.a.example", own),
        ):
            self.assertGets(certificates, name, issued)

    def test_others(self) -> None:
        """
        Who names nobody, or somebody else, gets the first by name of file.
        """
        self.issue("b", "b.example", "*.b.example")
        first = self.issue("a", "a.example")
        certificates = Certificates(str(self.here))
        for name in (None, b"c.example", b"x.y.b.example", b"example", b".", b"\xff\xfe", b"*"):
            self.assertGets(certificates, name, first)
        self.assertIn("2 certificates", str(certificates))
        self.assertIn("a.pem for clients that name nobody", str(certificates))

    def test_default(self) -> None:
        """
        Or the one called so; or the one that is asked for.
        """
        self.issue("a", "a.example")
        default = self.issue("default", "d.example")
        other = issue("z.example")
        other.pair(self.here / "Z.example")
        self.assertGets(Certificates(self.here), None, default)
        self.assertGets(Certificates(self.here, default="z.Example"), None, other)
        error = self.assertRaises(Unusable, Certificates, self.here, default="none.example")
        self.assertIn("no certificate called none.example", str(error))

    def test_severalForAName(self) -> None:
        """
        That which is good longest, whatever its file is called.
        """
        self.issue("a.example", "a.example", days=3)
        longest = self.issue("a.example-0001", "a.example", days=5)
        self.issue("a.example-0002", "a.example", days=4)
        self.assertGets(Certificates(self.here), b"a.example", longest)

    def test_chain(self) -> None:
        """
        Clients get what is between the certificate and the root, too.
        """
        between = issue("between", by=issue("root", isAuthority=True), isAuthority=True)
        issued = self.issue("a", "a.example", by=between)
        self.issue("0", "0.example")
        chain = self.connect(Certificates(self.here), b"a.example").tls.get_peer_cert_chain()
        assert chain is not None
        serials = [each.get_serial_number() for each in chain]
        self.assertEqual(serials, [issued.serial, between.serial])

    def test_alpn(self) -> None:
        """
        What is served goes on to say by ALPN what it speaks, with each certificate.
        """
        self.issue("a", "a.example")
        self.issue("b", "b.example")
        for name in (None, b"a.example", b"b.example", b"c.example"):
            for offered, taken in (
                ((), b""),
                ((b"http/1.1",), b"http/1.1"),
                ((b"h2", b"http/1.1"), b"http/1.1"),
            ):
                factory = self.factory(Certificates(self.here), serve())
                client = Client(factory, self.clock, name, offered=offered)
                self.assertEqual(client.tls.get_alpn_proto_negotiated(), taken)


class MistakesTests(CertificatesCase):
    """
    At the start all of it must be good.
    """

    def refused(self, **options: Any) -> str:
        """
        The sentence.
        """
        return str(self.assertRaises(Unusable, Certificates, self.here, **options))

    def test_nothing(self) -> None:
        """
        No certificate, no directory, no such version.
        """
        self.assertIn("no certificate that can be used", self.refused())
        self.assertIn("lowest=1.4: give 1.0, 1.1, 1.2, 1.3", self.refused(lowest="1.4"))
        self.here /= "x"
        self.assertIn("No such file or directory", self.refused())

    def test_broken(self) -> None:
        """
        One of them, with its name.
        """
        self.issue("a", "a.example")
        broken = self.here / "b.pem"
        broken.write_text("broken")
        self.assertIn(f"{broken}: ", self.refused())

    def test_refusedByOpenSSL(self) -> None:
        """
        A key that is too weak for it.
        """
        self.issue("a", "a.example", isRSA=True, bits=1024)
        self.assertIn("OpenSSL doesn't take it", self.refused())

    def test_expired(self) -> None:
        """
        Is told, and served: some clients have no clock.
        """
        issued = self.issue("a", "a.example", days=-1)
        with mock.patch("wsfallback.certificates._log") as log:
            certificates = Certificates(self.here)
        self.assertIn("expired", log.warn.call_args.args[0])
        self.assertGets(certificates, b"a.example", issued)


class ReloadTests(CertificatesCase):
    """
    Without a restart.
    """

    def setUp(self) -> None:
        super().setUp()
        self.a = self.issue("a", "a.example")
        self.b = self.issue("b", "b.example")
        self.certificates = Certificates(self.here)

    def reload(self) -> list[str]:
        """
        Read again, and what is logged.
        """
        with mock.patch("wsfallback.certificates._log") as log:
            self.certificates.reload()
        lines = [call.args[0].format(**call.kwargs) for call in log.method_calls]
        for line in lines:
            self.assertNotIn("\n", line)
        return lines

    def test_renewed(self) -> None:
        """
        New connections get the new one; open ones go on.
        """
        before = self.connect(self.certificates, b"b.example")
        clock = self.clock
        renewed = self.issue("b", "b.example")
        self.assertGets(self.certificates, b"b.example", self.b)
        (line,) = self.reload()
        self.assertIn("2 certificates", line)
        self.assertIn("new: b.pem", line)
        self.assertGets(self.certificates, b"b.example", renewed)
        self.assertGets(self.certificates, b"a.example", self.a)
        self.clock = clock
        self.assertEqual(before.ask(b"still here"), b"still here")

    def test_duringAHandshake(self) -> None:
        """
        One that has begun ends with a certificate and its own key.
        """
        factory = self.factory(self.certificates)
        clock = self.clock
        with mock.patch.object(Client, "_attempt"):
            client = Client(factory, clock, b"b.example")
        renewed = self.issue("b", "b.example")
        self.issue("a", "a.example")
        self.reload()
        client._attempt(client.tls.do_handshake)
        self.assertEqual(client.serial, renewed.serial)
        self.assertEqual(client.ask(b"hello"), b"hello")

    def test_unchanged(self) -> None:
        """
        What is as before is not made again.
        """
        context = self.certificates.contextFor(b"a.example")
        self.assertIn("new: none", self.reload()[0])
        self.assertIs(self.certificates.contextFor(b"a.example"), context)

    def test_default(self) -> None:
        """
        Of clients that give no name, too.
        """
        renewed = self.issue("a", "a.example")
        self.reload()
        self.assertGets(self.certificates, None, renewed)
        added = self.issue("default", "d.example")
        self.reload()
        self.assertGets(self.certificates, None, added)

    def test_gone(self) -> None:
        """
        A file that is taken away, and one that has come.
        """
        (self.here / "b.pem").unlink()
        added = issue("c.example")
        added.pair(self.here / "c.example")
        self.assertIn("new: c.example", self.reload()[0])
        self.assertGets(self.certificates, b"b.example", self.a)
        self.assertGets(self.certificates, b"c.example", added)

    def test_broken(self) -> None:
        """
        The one from before stays, others are renewed; a new one that is broken isn't there.
        """
        (self.here / "b.pem").write_bytes(self.b.pem + issue("b.example").secret)
        (self.here / "c.pem").write_bytes(b"broken")
        renewed = self.issue("a", "a.example")
        first, second, last = self.reload()
        self.assertIn("b.pem: the key is not that of the first certificate; it stays", first)
        self.assertIn("c.pem: ", second)
        self.assertIn("2 certificates", last)
        self.assertGets(self.certificates, b"a.example", renewed)
        self.assertGets(self.certificates, b"b.example", self.b)

    def test_nothingLeft(self) -> None:
        """
        Of an empty directory, or none, nothing changes.
        """
        for path in self.here.iterdir():
            path.unlink()
        for _ in range(2):
            (line,) = self.reload()
            self.assertIn("all certificates stay as they are", line)
            self.assertGets(self.certificates, b"a.example", self.a)
            self.assertGets(self.certificates, b"b.example", self.b)
            if self.here.exists():
                self.here.rmdir()
        self.here.mkdir()

    def test_defaultIsGone(self) -> None:
        """
        The one that was asked for must be there: nothing changes until it is.
        """
        self.certificates = Certificates(self.here, default="b")
        (self.here / "b.pem").unlink()
        self.issue("a", "a.example")
        self.assertIn("no certificate called b; all certificates stay", self.reload()[0])
        self.assertGets(self.certificates, b"a.example", self.a)
        self.assertGets(self.certificates, None, self.b)


class VersionTests(CertificatesCase):
    """
    The lowest version of TLS.
    """

    SPOKEN = {  # noqa: RUF012
        "1.0": SSL.TLS1_VERSION,
        "1.1": SSL.TLS1_1_VERSION,
        "1.2": SSL.TLS1_2_VERSION,
        "1.3": SSL.TLS1_3_VERSION,
    }

    def test_lowest(self) -> None:
        """
        Those from there on, with each kind of key; by default from 1.2.
        """
        for isRSA in (True, False):
            issued = self.issue("a", "a.example", isRSA=isRSA)
            self.issue("0", "0.example")
            for lowest in VERSIONS:
                certificates = Certificates(self.here, lowest=lowest)
                for spoken, version in self.SPOKEN.items():
                    if spoken < lowest:
                        self.assertRaises(
                            SSL.Error, self.connect, certificates, b"a.example", version=version
                        )
                        continue
                    client = self.connect(certificates, b"a.example", version=version)
                    self.assertEqual(client.serial, issued.serial)
                    self.assertEqual(client.ask(b"hello"), b"hello")
        self.assertRaises(
            SSL.Error, self.connect, Certificates(self.here), version=SSL.TLS1_1_VERSION
        )
