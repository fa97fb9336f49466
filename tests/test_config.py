"""
A config file, what is in force, and the check of both.
"""

import tomllib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.python import usage
from twisted.python.usage import UsageError

from tests.test_tap import DirectoryCase, parsed
from wsfallback import tap
from wsfallback.config import ConfigOptions, Kind, kinds, read, written
from wsfallback.tap import Options

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "wsfallback.toml"

#: For each kind, a value in TOML, and the same on a command line.
SAMPLES: dict[Kind, tuple[str, list[str]]] = {
    Kind.FLAG: ("true", [""]),
    Kind.NUMBER: ("7", ["7"]),
    Kind.VALUE: ('"x=y"', ["x=y"]),
    Kind.LIST: ('["x", 7, "--y"]', ["x", "7", "--y"]),
}
#: For each kind, values of other types.
WRONG = {
    Kind.FLAG: ("1", '"true"', "[true]"),
    Kind.NUMBER: ('"7"', "true", "[7]"),
    Kind.VALUE: ("false", '["x"]', "{x = 1}"),
    Kind.LIST: ("true", "[true]", '[["x"]]', "1979-05-27"),
}


class Last(usage.Options):
    """
    Some options, and what comes to them to be parsed.
    """

    optFlags = [["frames", None, "A flag."]]  # noqa: RUF012
    optParameters = [["max-head", None, 5, "A number."], ["fragment", None, None, "Any."]]  # noqa: RUF012

    def opt_listen(self, text: str) -> None:
        """
        A list.
        """

    opt_l = opt_listen

    def parseOptions(self, options: list[str]) -> None:
        self.passed = options


class Passing(ConfigOptions, Last):
    """
    Passes them on, with what is in a file.
    """


def recorder() -> type[Options]:
    """
    The command's options, which take any value, and keep what their methods are called with.
    """

    def method(name: str) -> object:
        return lambda self, text: self.setdefault(f"called {name}", []).append(text)

    methods = {
        f"opt_{name.replace('-', '_')}": method(name)
        for name, kind in kinds(Options()).items()
        if kind is Kind.LIST
    }
    return type("Recorder", (Options,), {**methods, "postOptions": lambda self: None})


def onTheLine(name: str, texts: list[str]) -> list[str]:
    """
    An option as the command line has it.
    """
    return [f"--{name}={text}" if text else f"--{name}" for text in texts]


class ConfigCase(DirectoryCase):
    """
    Has a config file.
    """

    def file(self, text: str | bytes) -> str:
        """
        One with this in it.
        """
        path = self.directory() / "wsfallback.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def refused(self, text: str | bytes, *arguments: str) -> str:
        """
        The sentence that a file gets, which begins with its name.
        """
        path = self.file(text)
        error = self.assertRaises(UsageError, parsed, "--config", path, *arguments)
        file, colon, sentence = str(error).partition(f"{path}: ")
        self.assertEqual((file.removeprefix("--config "), colon), ("", f"{path}: "))
        return sentence

    def left(self, *arguments: str) -> tuple[object, str]:
        """
        With what a command line leaves that asks for no service, and what it prints.
        """
        output = StringIO()
        with redirect_stdout(output):
            error = self.assertRaises(SystemExit, parsed, *arguments)
        return error.code, output.getvalue()


class FileTests(ConfigCase):
    """
    What a file may say.
    """

    def test_everyOption(self) -> None:
        """
        Each option of the command comes to the same from a file as from the command line, and the
        command line wins.
        """
        recording = recorder()
        self.assertEqual(set(kinds(recording()).values()), set(Kind))
        for name, kind in kinds(recording()).items():
            literal, texts = SAMPLES[kind]
            expected = recording()
            expected.parseOptions(onTheLine(name, texts))
            self.assertNotEqual(expected, recording(), name)
            path = self.file(f"{name} = {literal}")
            found = recording()
            found.parseOptions(["--config", path])
            self.assertEqual(found, expected, name)
            if kind is not Kind.FLAG:
                found, expected = recording(), recording()
                found.parseOptions(["--config", path, f"--{name}=z"])
                expected.parseOptions([f"--{name}=z"])
                self.assertEqual(found, expected, name)

    def test_noOtherOptions(self) -> None:
        """
        All are there but those that do something at once.
        """
        there = {each.removesuffix("=") for each in Options().longOpt}
        self.assertEqual(
            there - set(kinds(Options())), {"check", "config", "help", "show-config", "version"}
        )

    def test_wrongTypes(self) -> None:
        """
        For each option, the sentence names the key and what is wanted.
        """
        for name, kind in kinds(Options()).items():
            for wrong in WRONG[kind]:
                sentence = self.refused(f"{name} = {wrong}")
                self.assertTrue(sentence.startswith(f"{name}: give {kind.value}, not "), sentence)

    def test_file(self) -> None:
        """
        It says what a command line could.
        """
        path = self.file(
            'listen = ["tcp:0", "unix:/tmp/x"]\norigin = "null"\nmax-message = 65536\n'
            "ping-interval = 7.5\nfragment = 100\nnagle = true\nno-compress = false\n"
        )
        options = parsed("--config", path)
        self.assertEqual(options["listen"], ["tcp:0", "unix:/tmp/x"])
        self.assertEqual(options.entrance()["origins"], ["null"])
        limits = {
            name: options["limits"][name]
            for name in ("maxMessage", "pingInterval", "fragment", "nagle", "compress")
        }
        self.assertEqual(
            limits,
            {
                "maxMessage": 65536,
                "pingInterval": 7.5,
                "fragment": 100,
                "nagle": True,
                "compress": True,
            },
        )

    def test_commandLineWins(self) -> None:
        """
        It replaces a list, by its short name too, and what it replaces is not looked at.
        """
        path = self.file('listen = ["carrier:pigeon", "tcp:1"]\nmax-head = 1\nmax-frame = 99')
        options = parsed("--max-head", "100", "-l", "tcp:0", "--config", path)
        self.assertEqual(options["listen"], ["tcp:0"])
        limits = options["limits"]
        self.assertEqual((limits["maxHead"], limits["maxFrame"]), (100, 99))

    def test_nothingSaid(self) -> None:
        """
        An empty list is none, as is a flag that is off.
        """
        path = self.file("listen = []\nframes = false")
        self.assertEqual(parsed("--config", path)["listen"], parsed()["listen"])

    def test_badValues(self) -> None:
        """
        What is found wrong later is told with the file's keys in it, whoever finds it.
        """
        for text, arguments, start in (
            ("max-message = 0", (), "max-message: --max-message 0: must be from 1"),
            ("max-message = 1.5", (), "max-message: --max-message 1.5: give a whole number"),
            ("idle-timeout = nan", (), "idle-timeout: --idle-timeout nan: must be from 0.1"),
            ('origin = ["null", "a/b"]', (), "origin: --origin a/b: an origin is"),
            ('listen = "carrier:pigeon"', (), "listen: --listen carrier:pigeon: "),
            ('handler = "nowhere.Thing"', (), "handler: --handler nowhere.Thing: "),
            ('web = "/no/such"', (), "web: --web /no/such: there is no such"),
            ('handler = "echo"\nforward = "ws://a"', (), "handler, forward: --forward and --han"),
            ('handler = "echo"', ("--forward", "ws://a"), "handler: --forward and --handler ex"),
            ("handshake-timeout = 3", ("--backend-timeout=4",), "handshake-timeout: --backend-"),
        ):
            sentence = self.refused(text, *arguments)
            self.assertTrue(sentence.startswith(start), sentence)

    def test_whatIsParsed(self) -> None:
        """
        All that is said, without the file: it may be parsed again when the file has changed.
        """
        for text, arguments, expected in (
            (
                "max-head = 99\nfragment = 1",
                ("-ltcp:0", "--frames", "x", "-l"),
                ["--listen=tcp:0", "--frames", "--max-head=99", "--fragment=1", "--", "x", "-l"],
            ),
            (
                "max-head = 99",
                ("--max-head", "100", "-l", "tcp:0", "-l:"),
                ["--max-head=100", "--listen=tcp:0", "--listen=:", "--"],
            ),
        ):
            options = Passing()
            options.parseOptions(["--config", self.file(text), *arguments])
            self.assertEqual(options.passed, expected)

    def test_notTheFilesMistake(self) -> None:
        """
        A mistake on the command line is none of the file's.
        """
        path = self.file("max-message = 1")
        for arguments, start in (
            (("--max-message", "0"), "--max-message 0: "),
            (("--max-head", "0"), "--max-head 0: "),
            (("stray",), "there are only options"),
            (("--colour",), "option --colour not recognized"),
            (("--max-mesage=1",), "option --max-mesage not recognized; did you mean --max-message"),
            (("--max-message",), "option --max-message requires argument"),
        ):
            error = self.assertRaises(UsageError, parsed, "--config", path, *arguments)
            self.assertEqual("did you mean" in str(error), "mesage" in str(error))
            self.assertTrue(str(error).startswith(start), error)

    def test_unknownKeys(self) -> None:
        """
        The sentence has the name that may be meant.
        """
        for key, near in (
            ("max-mesage", "; did you mean max-message?"),
            ("max_message", "; did you mean max-message?"),
            ("origins", "; did you mean origin?"),
            ("l", ""),
            ("help", ""),
            ("config", ""),
            ("check", ""),
            ("show-config", ""),
        ):
            sentence = self.refused(f"max-head = 100\n{key} = true")
            self.assertEqual(sentence, f"{key}: a config file has no such key{near}")
        self.assertIn("limits: ", self.refused("[limits]\nmax-head = 100"))

    def test_badFiles(self) -> None:
        """
        None, one that can't be read, one that is no TOML.
        """
        self.assertIn("line 2", self.refused("frames = true\nmax-head 100"))
        self.assertIn("'utf-8' codec", self.refused(b'handler = "\xff"'))
        self.assertIn("it is not TOML", self.refused("nagle = true\nnagle = true"))
        self.assertIn("it is not TOML", self.refused("origin = " + "[" * 100000))
        self.assertIn("max-head: ", self.refused("max-head = 0x1" + "0" * 5000))
        for option in ("web", "stats-file", "listen"):
            self.assertEqual(
                self.refused(f'{option} = "unix:/tmp/\\u0000x"'), f"{option}: a string has no NUL"
            )
        for path in (str(self.directory()), "/no/such/file", ""):
            error = self.assertRaises(UsageError, parsed, "--config", path)
            self.assertTrue(str(error).startswith(f"--config {path}: "), error)


class ShowTests(ConfigCase):
    """
    ``--show-config``.
    """

    def test_defaults(self) -> None:
        """
        Nothing said: every option in a comment, of those with a value what that is.
        """
        code, printed = self.left("--show-config")
        self.assertEqual((code, tomllib.loads(printed)), (0, {}))
        for name in kinds(Options()):
            self.assertRegex(printed, rf"(?m)^# {name}( =|:) ")
        for line in (
            "max-message = 1048576",
            "frames = false",
            'full-queue = "close"',
            "listen: tcp:8080:interface=127.0.0.1",
            "origin: any",
            "handler: not given",
        ):
            self.assertIn(f"\n# {line}\n", printed)

    def test_defaultsAreWhatIsSo(self) -> None:
        """
        Those that are TOML may as well be said.
        """
        _, printed = self.left("--show-config")
        lines = [line.removeprefix("# ") for line in printed.splitlines() if " = " in line]
        options = parsed("--config", self.file("\n".join(lines)))
        self.assertEqual(options["limits"], parsed()["limits"])
        self.assertEqual(options.entrance(), parsed().entrance())

    def test_said(self) -> None:
        """
        What file and command line say together, in the order of the alphabet.
        """
        path = self.file('max-message = 5\nmax-head = 100\norigin = ["http://a", "null"]')
        _, printed = self.left(
            *("--config", path, "--max-head=200", "--max-head=300", "--show-config", "-l", "tcp:0"),
            *("--idle-timeout=7", "--frames", "--frames", "--fragment=10", "--full-queue=drop"),
        )
        self.assertEqual(
            [line for line in printed.splitlines() if not line.startswith("#")],
            [
                "fragment = 10",
                "frames = true",
                'full-queue = "drop"',
                "idle-timeout = 7",
                'listen = ["tcp:0"]',
                "max-head = 300",
                "max-message = 5",
                'origin = ["http://a", "null"]',
            ],
        )
        again = self.left("--config", self.file(printed), "--show-config")
        self.assertEqual(again, (0, printed))

    def test_everyOption(self) -> None:
        """
        What is written of any option is read as what it was.
        """
        options = Options()
        told = {name: SAMPLES[kind][1] for name, kind in kinds(options).items()}
        self.assertEqual(read(options, self.file(written(options, told))), told)

    def test_everyText(self) -> None:
        """
        Any text that a command line can have, too.
        """
        options = Options()
        for text in (
            *('"', "\\", "\\u0041", "'''", '"""', "#", "a\nb", "\r", "\t", "\1\x1b\x7f\x80", "é✓𝄞"),
            *("007", "1.50", "1e3", ".5", "0x10", "1_000", "true", "nan", "inf", "-1", "", " 1"),
            *("1", "1.5", "1e+16", "9" * 30),
        ):
            told = {"listen": [text, text], "web": [text]}
            self.assertEqual(read(options, self.file(written(options, told))), told)

    def test_noText(self) -> None:
        """
        A name that is not UTF-8 can't be in a file; a command line may have it.
        """
        web = self.directory() / "\udcff"
        web.mkdir()
        self.assertEqual(parsed("--web", str(web))["web"], str(web))
        code, printed = self.left("--web", str(web), "--show-config")
        self.assertEqual(
            (code, printed), (f"wsfallback: --web {str(web)!r}: TOML can't hold it", "")
        )

    def test_mistake(self) -> None:
        """
        Gets its sentence alone: not Twisted's help, which would go to the file.
        """
        code, printed = self.left("--show-config", "--max-head", "1")
        self.assertRegex(str(code), r"\Awsfallback: --max-head 1: must be from 64 .*\Z")
        self.assertEqual(printed, "")


class CheckTests(ConfigCase):
    """
    ``--check``.
    """

    def test_good(self) -> None:
        """
        One line.
        """
        self.assertEqual(self.left("--check"), (0, "wsfallback: no mistake found\n"))

    def test_example(self) -> None:
        """
        The documentation's file is one.
        """
        code, printed = self.left("--check", "--show-config", "--config", str(EXAMPLE))
        self.assertEqual(code, 0)
        said = tomllib.loads(EXAMPLE.read_text("utf-8"))
        self.assertEqual(said["max-message"], 65536)
        # A list of one may be written without brackets.
        said["forward-http"] = [said["forward-http"]]
        self.assertEqual(tomllib.loads(printed), said)

    def test_bad(self) -> None:
        """
        The sentence alone, of the command line or of a file.
        """
        path = self.file("max-head = 1")
        for arguments, sentence in (
            (("--max-head", "1"), "--max-head 1: must be from 64 to 1048576, not 1"),
            (("--colour",), "option --colour not recognized"),
            (("--config", path), f"{path}: max-head: --max-head 1: must be from 64 to 1048576, "),
        ):
            code, printed = self.left("--check", *arguments)
            self.assertTrue(str(code).startswith(f"wsfallback: {sentence}"), code)
            self.assertEqual(printed, "")

    def test_twistd(self) -> None:
        """
        To twistd the sentence is all that there is to print, without --check, too.
        """
        options = Options()
        options.parent = usage.Options()
        error = self.assertRaises(SystemExit, options.parseOptions, ["--max-head", "1"])
        sentence = "wsfallback: --max-head 1: must be from 64 to 1048576, not 1"
        self.assertEqual(error.code, sentence)

    def test_service(self) -> None:
        """
        What only shows when the service is made is found, too.
        """

        def makeService(options: Options) -> None:
            raise ValueError(f"{options['max-head']} is no head for this")

        self.patch(tap, "makeService", makeService)
        self.assertEqual(
            self.left("--check", "--max-head", "99"), ("wsfallback: 99 is no head for this", "")
        )

    def test_both(self) -> None:
        """
        What is shown has been checked.
        """
        code, printed = self.left("--check", "--show-config", "--max-head", "99")
        self.assertEqual((code, tomllib.loads(printed)), (0, {"max-head": 99}))
        self.patch(tap, "makeService", lambda _: int("no number"))
        code, printed = self.left("--check", "--show-config")
        self.assertIn("no number", str(code))
        self.assertEqual(printed, "")
