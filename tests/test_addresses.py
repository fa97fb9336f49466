"""
Who a peer is.
"""

from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.addresses import address, isKnown, isWithin, networks, source
from wsfallback.testing import CLIENT_ADDRESS, MemoryTransport


class AddressTests(SynchronousTestCase):
    """
    Where a client is.
    """

    def test_address(self) -> None:
        """
        Without kind and port.
        """
        for peer, host in (
            ("tcp4:192.0.2.7:5", "192.0.2.7"),
            ("tcp6:2001:db8::1:5", "2001:db8::1"),
            ("tcp6:::ffff:192.0.2.7:5", "192.0.2.7"),
            ("tcp6:::ffff:c0:5", "::ffff:c0"),
            ("unix:/tmp/x", "unknown"),
            ("unknown", "unknown"),
        ):
            self.assertEqual(address(peer), host)

    def test_isWithin(self) -> None:
        """
        Where a network has it; what has no address is in none.
        """
        ours = networks(["192.0.2.0/24", "2001:db8::/32"])
        for peer, trusted in (
            ("tcp4:192.0.2.7:5", True),
            ("tcp6:2001:db8::1:5", True),
            ("tcp6:::ffff:192.0.2.7:5", True),
            ("tcp4:192.0.3.7:5", False),
            ("unix:/tmp/x", False),
        ):
            self.assertEqual(isWithin(peer, ours), trusted)

    def test_networks(self) -> None:
        """
        A name that is none is said.
        """
        for wrong in ("10.0.0.0/33", "host", "10.0.0.1/8", ""):
            self.assertRaises(ValueError, networks, [wrong])

    def test_source(self) -> None:
        """
        An IPv4 address by itself, with IPv6 all of its site.
        """
        for peer, one in (
            ("tcp4:192.0.2.7:5", "192.0.2.7"),
            ("tcp6:::ffff:192.0.2.7:5", "192.0.2.7"),
            ("tcp6:2001:db8:1:2:3:4:5:6:7", "2001:db8:1:2::/64"),
            ("tcp6:2001:db8:1:2::1:7", "2001:db8:1:2::/64"),
            ("tcp6:fe80::1%eth0:7", "fe80::/64"),
            ("tcp6:a:b:7", "a:b"),
            ("unix:/tmp/x", "unknown"),
        ):
            self.assertEqual(source(peer), one)


class Keeping(Factory):
    """
    Keeps the protocol that it makes.
    """

    made: Any

    def buildProtocol(self, addr: Any) -> Protocol:
        self.made = Protocol()
        return self.made


class KnownTests(SynchronousTestCase):
    """
    When a transport tells who is at the other end.
    """

    def test_known(self) -> None:
        """
        TLS changes nothing about it; what else stands before TCP may, be it within TLS or below.
        """

        def tls(factory: Any) -> Any:
            return TLSMemoryBIOFactory(CertificateOptions(), False, factory, Clock())

        def none(factory: Any) -> Any:
            return factory

        for wrap, known in (
            (none, True),
            (tls, True),
            (WrappingFactory, False),
            (lambda factory: WrappingFactory(tls(factory)), False),
            (lambda factory: tls(WrappingFactory(factory)), False),
        ):
            inner = Keeping()
            wrap(inner).buildProtocol(CLIENT_ADDRESS).makeConnection(MemoryTransport(Clock()))
            self.assertIs(isKnown(inner.made.transport), known)
