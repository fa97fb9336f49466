"""
Who a peer is.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.addresses import address, isWithin, networks, source


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
