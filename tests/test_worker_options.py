"""
``--workers``, and what becomes of the options in a worker.
"""

import os
from unittest import mock

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.test_tap import parsed
from wsfallback.tap import Options, makeService
from wsfallback.worker_options import MOST, inheritable
from wsfallback.workers import WorkersService


class WorkersOptionTests(SynchronousTestCase):
    """
    What can be said.
    """

    def refused(self, *arguments: str) -> str:
        """
        The sentence that a mistake gets.
        """
        return str(self.assertRaises(UsageError, parsed, *arguments))

    def test_numbers(self) -> None:
        """
        One by default.
        """
        self.assertEqual(parsed()["workers"], 1)
        self.assertEqual(parsed("--workers", str(MOST))["workers"], MOST)
        for wrong in ("0", "-1", "two", "1.5", str(MOST + 1), "²", ""):
            self.assertIn("from 1 to", self.refused("--workers", wrong))

    def test_endpoints(self) -> None:
        """
        All that have a socket.
        """
        self.assertEqual(parsed("--listen", "stdio:")["listen"], ["stdio:"])
        sentence = self.refused("--workers", "2", "--listen", "stdio:")
        self.assertIn("--listen stdio:: it has no socket for several processes", sentence)

    def test_chroot(self) -> None:
        """
        There is nothing to start there.
        """
        for chroot, count in ((None, "2"), ("/somewhere", "1")):
            options = Options()
            options.parent = {"chroot": chroot}
            options.parseOptions(["--workers", count])
        options.parent = {"chroot": "/somewhere"}
        error = self.assertRaises(SystemExit, options.parseOptions, ["--workers", "2"])
        self.assertIn("--chroot", str(error))

    def test_service(self) -> None:
        """
        Several workers are the same command once more, where and as it was given.
        """
        options = Options()
        options.parent = {"reactor": "poll"}
        given = ["--workers", "2", "--listen", "tcp:0", "--drain", "7"]
        options.parseOptions(given)
        with mock.patch("wsfallback.worker_options.spawner") as spawner:
            (service,) = makeService(options)
        assert isinstance(service, WorkersService)
        self.assertEqual(len(service.workers), 2)
        self.assertEqual(service._seconds, 7)
        command = spawner.call_args.args[1]
        self.assertEqual(
            (command.reactor, command.arguments, command.directory),
            ("poll", ("--workers=2", "--listen=tcp:0", "--drain=7", "--"), os.getcwd()),
        )

    def test_broadcast(self) -> None:
        """
        Whoever wants it is warned.
        """
        for handler, isWarned in (("broadcast", True), ("echo", False)):
            (service,) = makeService(parsed("--workers", "2", "--handler", handler))
            assert isinstance(service, WorkersService)
            self.assertEqual(service._warning is not None, isWarned)


class InheritableTests(SynchronousTestCase):
    """
    Server strings for a worker.
    """

    def test_asTheyAre(self) -> None:
        """
        What a worker can parse.
        """
        for endpoint in (
            *("tcp:80", "tcp:80:interface=\\:\\:1", "ssl:1:a=b"),
            *("unix:/run/systemd/x", "unix:systemd", "certificates:systemd:tcp:443"),
        ):
            self.assertEqual(inheritable(endpoint), endpoint)

    def test_systemd(self) -> None:
        """
        Its sockets are not the worker's.
        """
        for endpoint, wanted in (
            ("systemd:domain=INET:index=0", "tcp:0"),
            ("systemd:domain=UNIX:name=a\\:b", "tcp:0"),
            ("haproxy:systemd:domain=INET6:index=1", "haproxy:tcp:0"),
            ("wsfallback:systemd:binary=yes:domain=INET:index=1", "wsfallback:tcp:0:binary=yes"),
            ("systemd:name=systemd:domain=INET", "tcp:0"),
            ("certificates:systemd:systemd:domain=INET:name=a", "certificates:systemd:tcp:0"),
        ):
            self.assertEqual(inheritable(endpoint), wanted)
