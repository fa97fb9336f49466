"""
What the command shows of itself.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.task import Clock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from tests.test_server import serve
from tests.test_tap import parsed
from wsfallback.kept import StatisticsFile
from wsfallback.services import DrainingService, ListeningService, OrderlyService
from wsfallback.shown import Shown
from wsfallback.status import LocalStatus, StatusSite


class OptionsTests(SynchronousTestCase):
    """
    What can be said.
    """

    def test_badEndpoint(self) -> None:
        """
        As of --listen.
        """
        error = self.assertRaises(UsageError, parsed, "--admin", "nonsense:1")
        self.assertIn("--admin nonsense:1: ", str(error))

    def test_badFile(self) -> None:
        """
        A directory, a device, and a file in a directory that isn't there.
        """
        with TemporaryDirectory() as directory:
            for wrong in (directory, "/dev/null", f"{directory}/none/file"):
                error = self.assertRaises(UsageError, parsed, "--stats-file", wrong)
                self.assertIn("there can't be such a file", str(error))
            self.assertEqual(parsed("--stats-file", f"{directory}/x")["stats-file"][-2:], "/x")


class ShownTests(SynchronousTestCase):
    """
    Who answers, and how long.
    """

    def setUp(self) -> None:
        self.factory = serve()
        self.services = DrainingService(None, self.factory, 0)

    def shown(self, *arguments: str) -> tuple[Shown, Any]:
        """
        All of it, and the services.
        """
        shown = Shown(parsed(*arguments), Clock(), dict)  # type: ignore[arg-type]
        return shown, shown.around(self.services, lambda: not self.factory.isDraining)

    def test_here(self) -> None:
        """
        Without an endpoint of its own the status is on those of all others, and needs no service.
        """
        shown, services = self.shown()
        self.assertIs(services, self.services)
        self.assertIsInstance(shown.site, StatusSite)
        others = Resource()  # type: ignore[no-untyped-call]
        beside: Any = shown.beside(others)
        self.assertIsInstance(beside, LocalStatus)
        self.assertIs(beside.others, others)

    def test_admin(self) -> None:
        """
        With one it is there, and nowhere else, until the last connection has ended.
        """
        shown, services = self.shown("--admin", "tcp:0")
        self.assertIsInstance(services, OrderlyService)
        admin, inner = services
        self.assertIsInstance(admin, ListeningService)
        self.assertEqual(shown.listening, [admin])
        self.assertIsInstance(admin._factory, StatusSite)
        self.assertIs(inner, self.services)
        self.assertIsNone(shown.site)
        others = Resource()  # type: ignore[no-untyped-call]
        self.assertIs(shown.beside(others), others)

    def test_file(self) -> None:
        """
        Is written while there still is who can be asked, and what it says is shown.
        """
        with TemporaryDirectory() as directory:
            path = Path(directory).resolve() / "seen.json"
            shown, services = self.shown("--stats-file", str(path), "--admin", "tcp:0")
            _, inner, file = services
            self.assertIsInstance(file, StatisticsFile)
            self.assertIs(inner, self.services)
            self.assertEqual(shown._resource._snapshot, file.snapshot)

    def test_worker(self) -> None:
        """
        The endpoint and the file are its parent's.
        """
        with TemporaryDirectory() as directory:
            options = parsed("--stats-file", f"{directory}/x", "--admin", "tcp:0")
            shown = Shown(options, Clock(), dict, isWorker=True)  # type: ignore[arg-type]
            self.assertIs(shown.around(self.services, lambda: True), self.services)
            self.assertIsNone(shown.site)
            self.assertEqual(shown.listening, [])

    def test_ready(self) -> None:
        """
        Between the start and the drain.
        """
        shown, _ = self.shown()
        self.assertTrue(shown._resource._isReady())
        self.factory.drain(0)
        self.assertFalse(shown._resource._isReady())
