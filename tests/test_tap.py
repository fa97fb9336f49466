"""
``twistd wsfallback``: options in, a service out.
"""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from twisted.application.service import IServiceMaker, MultiService
from twisted.internet.protocol import Factory, Protocol
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import issue
from wsfallback import DRAFTS, Limits
from wsfallback.demo import Broadcast, Echo
from wsfallback.policy import LIMIT_NAMES
from wsfallback.reloading import ReloadingService
from wsfallback.services import DEFAULT_ENDPOINT
from wsfallback.stream import StreamApplication
from wsfallback.tap import DRAIN, Options, makeService

PLAIN = Factory.forProtocol(Protocol)


def parsed(*arguments: str) -> Options:
    """
    A command line.
    """
    options = Options()
    options.parseOptions(arguments)
    return options


class DirectoryCase(SynchronousTestCase):
    """
    Has directories; trial's own would lie about after pytest.
    """

    def directory(self) -> Path:
        """
        An empty one.
        """
        made = TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return Path(made.name).resolve()


class OptionsTests(DirectoryCase):
    """
    What can be said.
    """

    def refused(self, *arguments: str) -> str:
        """
        The sentence that a mistake gets.
        """
        error = self.assertRaises(UsageError, parsed, *arguments)
        return str(error)

    def test_defaults(self) -> None:
        """
        Nothing said: echo on 8080, on the loopback interface, all drafts, the default limits.
        """
        options = parsed()
        self.assertEqual(options["listen"], [DEFAULT_ENDPOINT])
        self.assertIs(options["application"], Echo)
        nothing = {
            "rules": {},
            "hosts": [],
            "trusted": [],
            "externalURL": None,
            "flashPolicy": False,
        }
        self.assertEqual(options.entrance(), nothing)
        self.assertEqual(Limits(**options["limits"]), Limits())

    def test_everyLimit(self) -> None:
        """
        Each limit has an option of its name, which sets it.
        """
        options = parsed(
            "--handshake-timeout=1.5",
            "--max-head=1001",
            "--max-message=1002",
            "--max-frame=1003",
            "--max-skipped=0",
            "--idle-timeout=4",
            "--ping-interval=5",
            "--ping-timeout=6",
            "--close-timeout=7",
            "--max-connections=8",
            "--max-handshakes=12",
            "--max-per-address=13",
            "--max-new-per-address=14",
            "--max-message-rate=15",
            "--max-byte-rate=16",
            "--max-log-lines=11",
            "--max-send-queue=9",
            "--full-queue=drop",
            "--fragment=10",
            "--frames",
            "--nagle",
            "--no-compress",
            "--invalid-text=replace",
        )
        limits = Limits(
            *(
                1.5,
                1001,
                1002,
                1003,
                0,
                4,
                5,
                6,
                7,
                8,
                12,
                13,
                14,
                15,
                16,
                11,
                9,
                "drop",
                10,
                True,
                True,
                False,
                "replace",
            )
        )
        self.assertEqual(Limits(**options["limits"]), limits)
        self.assertEqual(set(options["limits"]), set(LIMIT_NAMES))

    def test_listen(self) -> None:
        """
        Several times, long and short, any Twisted server string.
        """
        options = parsed("-l", "tcp:0", "--listen", "unix:/tmp/x", "-l", "haproxy:tcp:0")
        self.assertEqual(options["listen"], ["tcp:0", "unix:/tmp/x", "haproxy:tcp:0"])

    def test_badEndpoints(self) -> None:
        """
        Unknown kinds, bad numbers, files that aren't there.
        """
        for wrong in ("", "8080", "tcp", "tcp:http8", "nonsense:1", "ssl:443:privateKey=/no/file"):
            self.assertIn(DEFAULT_ENDPOINT, self.refused("--listen", wrong))

    def test_badCertificates(self) -> None:
        """
        What is wrong with them, and nothing else.
        """
        here = self.directory()
        listen = f"certificates:{here}:tcp:0"
        sentence = f"{here}: there is no certificate that can be used"
        self.assertEqual(self.refused("--listen", listen), f"--listen {listen}: {sentence}")
        (here / "a.pem").touch()
        self.assertIn(f"{here}/a.pem: ValueError", self.refused("--listen", listen))
        sentence = self.refused("--listen", f"haproxy:{listen}")
        self.assertIn("give certificates: first", sentence)

    def test_handlerAndFactory(self) -> None:
        """
        By name, each in its own way.
        """
        self.assertIsInstance(parsed("--handler", "broadcast")["application"], Broadcast)
        self.assertIn("--handler ecko: ", self.refused("--handler", "ecko"))
        options = parsed("--factory", f"{__name__}.PLAIN")
        self.assertIsInstance(options["application"], StreamApplication)
        ((service, _),) = makeService(options)
        self.assertIs(service._factory._handler, options["application"])
        self.assertIn("--factory ecko: ", self.refused("--factory", "ecko"))

    def test_factoryAndHandler(self) -> None:
        """
        Exclude each other.
        """
        sentence = self.refused("--factory", f"{__name__}.PLAIN", "--handler", "echo")
        self.assertIn("give one of them", sentence)

    def test_web(self) -> None:
        """
        A directory that is there.
        """
        directory = str(self.directory())
        self.assertEqual(parsed("--web", directory)["web"], directory)
        self.assertIn(f"{directory}/x", self.refused("--web", f"{directory}/x"))
        self.assertIn("there is no such directory", self.refused("--web", ""))
        self.assertEqual(self.refused("--log-format", "xml"), "--log-format xml: give text or json")

    def test_badNumbers(self) -> None:
        """
        No number, or out of range: the sentence names option and range.
        """
        for option, wrong, word in (
            ("--max-message", "0", "from 1"),
            ("--max-message", "-1", "whole number"),
            ("--max-message", "1k", "whole number"),
            ("--max-head", "63", "from 64"),
            ("--idle-timeout", "0", "from 0.1"),
            ("--idle-timeout", "nan", "from 0.1"),
            ("--idle-timeout", "inf", "from 0.1"),
            ("--idle-timeout", "soon", "seconds"),
            ("--max-connections", "0", "from 1"),
            ("--fragment", "0", "from 1"),
            ("--invalid-text", "keep", "close or replace"),
        ):
            sentence = self.refused(option, wrong)
            self.assertIn(f"{option} {wrong}: ", sentence)
            self.assertIn(word, sentence, (option, wrong))

    def test_drain(self) -> None:
        """
        Seconds, with 0 for none.
        """
        self.assertEqual(parsed()["drainSeconds"], DRAIN)
        self.assertEqual(parsed("--drain", "0")["drainSeconds"], 0)
        self.assertEqual(parsed("--drain", "2.5")["drainSeconds"], 2.5)
        for wrong, word in (
            ("-1", "from 0.1"),
            ("0.01", "from 0.1"),
            ("nan", "from 0.1"),
            ("inf", "or 0"),
            ("soon", "a number of seconds"),
        ):
            self.assertIn(word, self.refused("--drain", wrong))

    def test_nonsense(self) -> None:
        """
        Unknown options, and arguments.
        """
        self.refused("--no-such-option")
        self.assertIn("'argument'", self.refused("argument"))

    def test_help(self) -> None:
        """
        Says of each draft what it is and who speaks it, and of each number its unit.
        """
        text = " ".join(str(Options()).split())
        for draft in DRAFTS:
            self.assertIn(f"{draft.name}: {draft.describes}; spoken by {draft.clients}", text)
        for row in Options.optParameters:
            self.assertIn(f"--{row[0]}=", text)
            if isinstance(row[2], int | float):
                self.assertRegex(row[3], "Bytes|Seconds|Lines|How many")

    def test_version(self) -> None:
        """
        Ours first.
        """
        with redirect_stdout(StringIO()) as printed:
            error = self.assertRaises(SystemExit, parsed, "--version")
        self.assertEqual(error.code, 0)
        self.assertRegex(printed.getvalue(), r"\Awsfallback \S+, Twisted \S+\n\Z")


class ServiceTests(DirectoryCase):
    """
    What comes of it.
    """

    def test_plugin(self) -> None:
        """
        Twistd finds the command.
        """
        (found,) = [each for each in getPlugins(IServiceMaker) if each.tapname == "wsfallback"]
        self.assertIs(found.options, Options)
        self.assertIs(found.makeService, makeService)

    def test_oneApplication(self) -> None:
        """
        All endpoints serve one factory; without a directory the page can ask for its draft.
        """
        service = makeService(parsed("-l", "tcp:0", "-l", "tcp:0:interface=127.0.0.1"))
        self.assertIsInstance(service, MultiService)
        ((first, second, _),) = [*service]
        self.assertIs(first._factory, second._factory)
        self.assertEqual(list(first._factory._routes), ["/-/draft"])

    def test_certificates(self) -> None:
        """
        Those of all endpoints are read again together.
        """
        here = self.directory()
        issue("a.example").file(here / "a.pem")
        secure = f"certificates:{here}:tcp:0"
        ((*listening, reloading),) = makeService(parsed("-l", "tcp:0", "-l", secure, "-l", secure))
        self.assertIsInstance(reloading, ReloadingService)
        with mock.patch("wsfallback.certificates._log") as log:
            reloading.reload()
        self.assertEqual(log.info.call_count, 2)
        self.assertEqual(len(listening), 3)

    def test_noTracebacks(self) -> None:
        """
        A page that fails doesn't tell the client how.
        """
        ((service, _),) = makeService(parsed())
        self.assertFalse(service._factory._site.displayTracebacks)

    def test_web(self) -> None:
        """
        With a directory its files are served, and no path is ours.
        """
        directory = self.directory()
        ((service, _),) = makeService(parsed("--web", str(directory)))
        self.assertEqual(service._factory._routes, {})
        self.assertEqual(service._factory._site.resource.others.path, str(directory))
