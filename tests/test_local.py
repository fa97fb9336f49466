"""
Who is on this machine.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.addresses import networks
from wsfallback.local import isLocal

HERE = "tcp4:127.0.0.1:5000"
V11 = b"HTTP/1.1"


class LocalTests(SynchronousTestCase):
    """
    Only who surely is.
    """

    def test_local(self) -> None:
        """
        By IPv4 and IPv6, with a name of this machine.
        """
        for peer in (HERE, "tcp4:127.9.9.9:1", "tcp6:::1:5000", "tcp6:::ffff:127.0.0.1:5000"):
            for host in ("localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "[::1]:9"):
                self.assertTrue(isLocal(peer, V11, host, ["host", "accept"]), (peer, host))

    def test_elsewhere(self) -> None:
        """
        Other machines, and those that have no address.
        """
        for peer in ("tcp4:192.0.2.7:1", "tcp6:2001:db8::1:1", "unix:/x", "unknown", "", "?"):
            self.assertFalse(isLocal(peer, V11, "localhost", []), peer)

    def test_otherNames(self) -> None:
        """
        A browser here may have been told that somebody's name is this machine's: DNS rebinding.
        """
        for host in (
            *("", "example.com", "localhost.example.com", "localhost:80:80", "127.0.0.1.x"),
            *("127.0.0.2", "xlocalhost", "localhost/", "localhost:", "localhost\n"),
        ):
            self.assertFalse(isLocal(HERE, V11, host, []), host)

    def test_proxies(self) -> None:
        """
        A proxy here says that it is one, or was named as one.
        """
        for name in (
            *("Via", "forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP"),
            *("CF-Connecting-IP", "True-Client-IP", "X-Client-IP"),
        ):
            self.assertFalse(isLocal(HERE, V11, "localhost", ["host", name]), name)
        self.assertFalse(isLocal(HERE, V11, "localhost", [], networks(["127.0.0.0/8"])))
        self.assertTrue(isLocal(HERE, V11, "localhost", [], networks(["10.0.0.0/8"])))

    def test_oldHTTP(self) -> None:
        """
        Proxies speak HTTP/1.0 that have not been told otherwise.
        """
        self.assertFalse(isLocal(HERE, b"HTTP/1.0", "localhost", []))
