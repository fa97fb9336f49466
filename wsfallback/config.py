"""
A config file: the options of a command in TOML, and what is in force, written as one.

There is no list of options here. What Twisted knows of them is asked, and what the file says goes
through the parser of the command line, together with what was said there.
"""

import getopt
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Any

from twisted.python import usage


class Kind(Enum):
    """
    What an option's value is in TOML, as a sentence says it.
    """

    FLAG = "true or false"
    NUMBER = "a number"
    VALUE = "a string or a number"
    LIST = "a list of strings or numbers"


class ConfigOptions(usage.Options):
    """
    Mixed into the options of the command.
    """

    optFlags = [  # noqa: RUF012  # Twisted's way to declare them
        ["check", None, "Check all that can be checked without opening a port, and leave."],
        ["show-config", None, "Print what is in force, as a config file, and leave."],
    ]
    optParameters: list[list[Any]] = [  # noqa: RUF012
        [
            "config",
            None,
            None,
            "A TOML file of options, each by its long name; the command line wins over it.",
        ],
    ]

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse the file and the command line.

        :raises usage.UsageError: with what to do.
        :raises SystemExit: the same, if twistd asks; or no service is asked for, and what is has
            been printed.
        """
        arguments = list(sys.argv[1:] if options is None else options)
        try:
            printed = self._parse(arguments)
        except usage.UsageError as error:
            if self.parent is None and not {"--check", "--show-config"}.intersection(arguments):
                raise
            # Twistd would print all of the help before the sentence, into a journal as well.
            raise SystemExit(f"wsfallback: {error}") from None
        if printed:
            print(printed, end="")
            raise SystemExit(0)

    def checkService(self) -> None:
        """
        Find what only shows when the service is made.

        :raises usage.UsageError: with what to do.
        """
        raise NotImplementedError

    def _parse(self, arguments: list[str]) -> str:
        """
        :returns: what to print instead of serving, if anything.
        """
        try:
            pairs, rest = getopt.getopt(arguments, self.shortOpt, self.longOpt)
        except getopt.error as error:
            # Twisted finds it too, and tells; or it is a shell that asks for completions.
            try:
                super().parseOptions(arguments)  # type: ignore[no-untyped-call]
            except usage.UsageError as unknown:
                known = [each.rstrip("=") for each in self.longOpt]
                raise usage.UsageError(f"{unknown}{_hint(error.opt, known, '--')}") from None
            return ""
        said: dict[str, list[str]] = {}
        for option, text in pairs:
            name = option.lstrip("-")
            said.setdefault(self.synonyms.get(name, name), []).append(text)
        path = said.pop("config", [None])[-1]
        told = {} if path is None else read(self, path)
        told = {name: texts for name, texts in told.items() if name not in said}
        try:
            # Without the file: who parses this once more, in another process, gets the same.
            together = [*_arguments(self, {**said, **told}), "--", *rest]
            super().parseOptions(together)  # type: ignore[no-untyped-call]
            if self["check"]:
                self.checkService()
        except usage.UsageError as error:
            # Whoever finds a mistake names the option, and doesn't know of files.
            names = re.findall(r"--([\w-]+)", str(error))
            guilty = [name for name in told if name in names]
            if guilty:
                raise usage.UsageError(f"{path}: {', '.join(guilty)}: {error}") from None
            raise
        if self["show-config"]:
            return written(self, {**said, **told})
        return "wsfallback: no mistake found\n" if self["check"] else ""


#: These say what to do with the others.
_OURS = [row[0] for row in (*ConfigOptions.optFlags, *ConfigOptions.optParameters)]


def kinds(options: usage.Options) -> dict[str, Kind]:
    """
    Every option that a file may hold, in the order of the alphabet.
    """
    found = {}
    for each in options.longOpt:
        name, equals, _ = each.partition("=")
        if hasattr(options, f"opt_{name.replace('-', '_')}"):
            # One without a value does something at once, as --help.
            if equals:
                found[name] = Kind.LIST
        elif not equals:
            found[name] = Kind.FLAG
        else:
            isNumber = isinstance(options.defaults[name], int | float)
            found[name] = Kind.NUMBER if isNumber else Kind.VALUE
    return {name: found[name] for name in sorted(found) if name not in _OURS}


def read(options: usage.Options, path: str) -> dict[str, list[str]]:
    """
    A config file.

    :param options: those that it may hold.
    :returns: the texts of each option, as many as a command line would have; a flag's is empty.
    :raises usage.UsageError: with the file and the key.
    """
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise usage.UsageError(f"--config {path}: {error.strerror}") from None
    except (RecursionError, ValueError) as error:
        raise usage.UsageError(f"--config {path}: it is not TOML: {error}") from None
    known = kinds(options)
    told = {}
    for key, value in tables.items():
        if key not in known:
            hint = _hint(key, known)
            raise usage.UsageError(f"{path}: {key}: a config file has no such key{hint}")
        try:
            told[key] = _texts(known[key], value)
        except (TypeError, ValueError) as error:
            raise usage.UsageError(f"{path}: {key}: {error}") from None
    return {key: texts for key, texts in told.items() if texts}


def written(options: usage.Options, told: Mapping[str, Sequence[str]]) -> str:
    """
    A config file of all options, with a comment for each one that nothing is said of.

    :param told: as `read` returns it.
    :raises usage.UsageError: TOML can't hold it.
    """
    lines = ["# What is in force; in comments, what is so by default."]
    for name, kind in kinds(options).items():
        default = options.defaults.get(name)
        if name in told:
            try:
                lines.append(f"{name} = {_literal(kind, told[name])}")
            except UnicodeError:
                text = told[name][-1]
                raise usage.UsageError(f"--{name} {text!r}: TOML can't hold it") from None
        elif kind is Kind.LIST or default is None:
            # Its help says what happens then, if anybody does.
            words = " ".join((options.docs[name] or "").split())
            said = re.search(r"\[default: (.*)\]", words)
            lines.append(f"# {name}: {said[1] if said else 'not given'}")
        else:
            texts = [] if kind is Kind.FLAG else [str(default)]
            lines.append(f"# {name} = {_literal(kind, texts)}")
    return "\n".join([*lines, ""])


def _hint(name: str, known: Iterable[str], dashes: str = "") -> str:
    """
    What somebody may have meant, as the end of a sentence.
    """
    names = list(known)
    # One that there is, or that begins so, is wrong in another way.
    isKnown = any(each.startswith(name) for each in names)
    near = [] if isKnown else get_close_matches(name, names, 1)
    return f"; did you mean {dashes}{near[0]}?" if near else ""


def _texts(kind: Kind, value: Any) -> list[str]:
    """
    :raises TypeError: it is not of this kind.
    :raises ValueError: no command line could say it.
    """
    if kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise TypeError(f"give {kind.value}, not {value!r}")
        return [""] if value else []
    types = (int, float) if kind is Kind.NUMBER else (int, float, str)
    values = value if kind is Kind.LIST and isinstance(value, list) else [value]
    for each in values:
        if isinstance(each, bool) or not isinstance(each, types):
            raise TypeError(f"give {kind.value}, not {each!r}")
    texts = [str(each) for each in values]
    if any("\0" in text for text in texts):
        # A command line can't have one, and what opens files fails on it in ways of its own.
        raise ValueError("a string has no NUL")
    return texts


def _arguments(options: usage.Options, told: Mapping[str, Iterable[str]]) -> list[str]:
    return [
        f"--{name}={text}" if f"{name}=" in options.longOpt else f"--{name}"
        for name, texts in told.items()
        for text in texts
    ]


def _literal(kind: Kind, texts: Sequence[str]) -> str:
    """
    :raises UnicodeError: a file's name that is no text.
    """
    if kind is Kind.FLAG:
        return "true" if texts else "false"
    if kind is Kind.LIST:
        return f"[{', '.join(_scalar(text) for text in texts)}]"
    # Of several, Twisted takes the last.
    return _scalar(texts[-1], isNumber=kind is Kind.NUMBER)


def _scalar(text: str, isNumber: bool = False) -> str:
    """
    A string, or a number that is read as the same text, or as the same number.

    :raises UnicodeError: see `_literal`.
    """
    for number in (int, float):
        try:
            value = str(number(text))
        except ValueError:
            continue
        if isNumber or value == text:
            return value
    # Python has bytes of names that are no UTF-8 as what UTF-8 can't have.
    text.encode()
    # JSON's strings are TOML's but for one character, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
