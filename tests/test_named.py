"""
Handlers and factories by name.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import MessageHandler
from wsfallback.bridge import AutobahnApplication
from wsfallback.demo import Broadcast, Echo
from wsfallback.named import factoryNamed, handlerNamed
from wsfallback.stream import StreamApplication

NOT_A_HANDLER = object

AUTOBAHNS = WebSocketServerFactory(reactor=Clock())
PLAIN = Factory.forProtocol(Protocol)


def makesNothing() -> None:
    """
    No handler, and no factory.
    """


def makesHandlers() -> MessageHandler:
    """
    Handlers.
    """
    return MessageHandler()


def makesAutobahns() -> WebSocketServerFactory:
    """
    Autobahn's.
    """
    return AUTOBAHNS


def makesPlain() -> Factory:
    """
    Any other.
    """
    return PLAIN


def makesTrouble() -> Factory:
    """
    None at all.
    """
    raise ZeroDivisionError("trouble")


class Plain(Factory):
    """
    A class of factories.
    """


class Calling(Factory):
    """
    A factory that can be called, as some can.
    """

    def __call__(self) -> Factory:
        raise ZeroDivisionError("it was called")


CALLING = Calling()


def here(name: str) -> str:
    """
    The whole name of something in this module.
    """
    return f"{__name__}.{name}"


class NamedTestCase(SynchronousTestCase):
    """
    What the tests of names say.
    """

    def assertRefused(self, find: Callable[[str], Any], name: str, *words: str) -> None:
        """
        The sentence has the option as it was given, and these words.
        """
        sentence = str(self.assertRaises(UsageError, find, name))
        option = {handlerNamed: "--handler", factoryNamed: "--factory"}[find]
        self.assertTrue(sentence.startswith(f"{option} {name}: "), sentence)
        for word in words:
            self.assertIn(word, sentence)

    def module(self, name: str, text: str) -> str:
        """
        A directory with a module of this text.
        """
        made = TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.addCleanup(sys.modules.pop, name, None)
        directory = Path(made.name).resolve()
        (directory / f"{name}.py").write_text(text)
        return str(directory)


class HandlerNamedTests(NamedTestCase):
    """
    What makes handlers.
    """

    def test_builtIn(self) -> None:
        """
        By one word; each broadcast is a group of its own.
        """
        self.assertIs(handlerNamed("echo"), Echo)
        first, second = handlerNamed("broadcast"), handlerNamed("broadcast")
        self.assertIsInstance(first, Broadcast)
        self.assertIsNot(first, second)

    def test_imported(self) -> None:
        """
        A class, or anything that makes them.
        """
        self.assertIs(handlerNamed("wsfallback.handlers.MessageHandler"), MessageHandler)
        self.assertIs(handlerNamed(here("makesHandlers")), makesHandlers)

    def test_oneWord(self) -> None:
        """
        Of a word that isn't built in, the sentence says which are.
        """
        self.assertRefused(handlerNamed, "ecko", "give echo, broadcast, or package.module.Name")

    def test_mistakes(self) -> None:
        """
        The sentence says what is the matter: the import's own error, or what it is instead.
        """
        for wrong, word in (
            ("no.such.Module", "ModuleNotFoundError: No module named 'no'"),
            ("wsfallback.demo.NoSuch", "AttributeError: "),
            (here("NOT_A_HANDLER"), "IMessageHandler"),
            (here("makesNothing"), "it makes None, which does not provide IMessageHandler"),
            (here("makesTrouble"), "trouble"),
            ("wsfallback.tap.DEFAULT_ENDPOINT", "callable"),
            ("wsfallback.demo.BroadcastHandler", "missing a required argument"),
            ("sys.exit", ""),
        ):
            self.assertRefused(handlerNamed, wrong, word)

    def test_workingDirectory(self) -> None:
        """
        Modules are found there, as by ``python -m``; it is added behind all else, and once.
        """
        directory = self.module("named_here", "from wsfallback import MessageHandler as Mine\n")
        before = [entry for entry in sys.path if entry not in ("", os.getcwd())]
        with (
            mock.patch.object(os, "getcwd", return_value=directory),
            mock.patch.object(sys, "path", list(before)),
        ):
            self.assertIs(handlerNamed("named_here.Mine"), MessageHandler)
            handlerNamed("named_here.Mine")
            self.assertEqual(sys.path, [*before, directory])
        with mock.patch.object(sys, "path", ["", *before]):
            handlerNamed(here("makesHandlers"))
            self.assertEqual(sys.path, ["", *before])

    def test_moduleThatIsBroken(self) -> None:
        """
        Whatever importing it raises is in the sentence; to leave is not to leave.
        """
        for text, word in (
            ("1 / 0\n", "can't be imported: ZeroDivisionError: division by zero"),
            ("import sys\nsys.exit('done')\n", "can't be imported: SystemExit: done"),
        ):
            directory = self.module("named_broken", text)
            with mock.patch.object(sys, "path", [directory, *sys.path]):
                self.assertRefused(handlerNamed, "named_broken.Handler", word)


class FactoryNamedTests(NamedTestCase):
    """
    What is served as it is.
    """

    def test_imported(self) -> None:
        """
        A factory, or what returns one; Autobahn's and others are told apart.
        """
        for name, kind, factory in (
            ("AUTOBAHNS", AutobahnApplication, AUTOBAHNS),
            ("makesAutobahns", AutobahnApplication, AUTOBAHNS),
            ("PLAIN", StreamApplication, PLAIN),
            ("makesPlain", StreamApplication, PLAIN),
            ("CALLING", StreamApplication, CALLING),
        ):
            application: Any = factoryNamed(here(name))
            self.assertIsInstance(application, kind)
            self.assertIs(application.factory, factory)

    def test_class(self) -> None:
        """
        A class of factories is one of them.
        """
        application: Any = factoryNamed(here("Plain"))
        self.assertIsInstance(application, StreamApplication)
        self.assertIsInstance(application.factory, Plain)

    def test_textByDefault(self) -> None:
        """
        A stream's bytes are text where the client asks for nothing.
        """
        application: Any = factoryNamed(here("PLAIN"))
        self.assertFalse(application.isBinary)

    def test_mistakes(self) -> None:
        """
        The sentence says what is the matter, and what to do.
        """
        for wrong, word in (
            ("ecko", "package.module.name"),
            ("no.such.name", "No module named 'no'"),
            (here("NOT_A_HANDLER"), "give a Twisted factory"),
            (here("makesNothing"), "None is no factory of protocols; give a Twisted factory"),
            (here("makesTrouble"), "ZeroDivisionError: trouble; give a Twisted factory"),
            ("sys.exit", "SystemExit"),
        ):
            self.assertRefused(factoryNamed, wrong, word)
