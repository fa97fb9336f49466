"""
What the reference takes from the code itself: the drafts, the limits, the options, the interfaces;
what the tests have seen of the gateway; and what a soak has left.

The functions give reStructuredText, and need no Sphinx; `setup` makes a directive of each.
"""

import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.python.reflect import accumulateClassList, namedAny
from zope.interface.interface import Method

from wsfallback.drafts.table import DRAFTS
from wsfallback.policy import CHOICES, LIMIT_NAMES, RANGES, Limits
from wsfallback.tap import Options

#: The limits whose numbers are no bytes.
_COUNTS = (
    *("maxConnections", "maxHandshakes", "maxPerAddress", "maxNewPerAddress"),
    *("maxMessageRate", "maxLogLines"),
)

#: Written by the tests of the gateway.
GATEWAY_MATRIX = Path(__file__).parents[1] / "howto" / "gateway_matrix.json"

#: Written by ``make soak``, with the name of what was soaked.
SOAK = Path(__file__).parents[1] / "explanation" / "soak_{}.json"
_MEBIBYTE = 1 << 20


def draftMatrix() -> str:
    """
    Two tables with a row for each draft: what it is and who speaks it; what it can carry.
    """
    who = [
        (f"``{draft.name}``", str(draft.version or "none"), draft.describes, draft.clients)
        for draft in DRAFTS
    ]
    what = [
        (
            f"``{draft.name}``",
            _yes(draft.binary),
            _yes(draft.ping),
            _yes(draft.closeCodes),
            _yes(draft.fragments),
            _yes(draft.masks),
            "Autobahn" if draft.framing is None else "wsfallback",
        )
        for draft in DRAFTS
    ]
    return "\n".join(
        [
            _table(("Name", "Version", "Covers", "Clients"), who, "14 10 26 50"),
            _table(
                ("Name", "Binary", "Ping", "Close codes", "Fragments", "Masked", "Framing by"),
                what,
                "18 12 12 16 14 12 16",
            ),
        ]
    )


def limitTable() -> str:
    """
    A row for each limit: its name in both worlds, its default and its range.
    """
    limits = Limits()
    rows = []
    for name in LIMIT_NAMES:
        option = optionNamed(name)
        rows.append((f"``{name}``", f"``--{option}``", _value(getattr(limits, name)), _range(name)))
    return _table(("Argument", "Option", "Default", "Range"), rows, "22 26 22 30")


def optionList() -> str:
    """
    An ``option`` directive for each option of the command.
    """
    return "\n".join(_options())


def interface(name: str) -> str:
    """
    An interface with everything in it.

    :param name: of a `zope.interface` interface, dotted.
    """
    found = namedAny(name)
    module, _, short = name.rpartition(".")
    bases = [base.__name__ for base in found.__bases__ if base.__name__ != "Interface"]
    lines = [f".. py:class:: {short}", f"   :module: {module}", ""]
    if bases:
        lines += [f"   Extends {' and '.join(f'`{base}`' for base in bases)}.", ""]
    lines += [*_indented(found.__doc__), ""]
    for member in found.names():
        described = found[member]
        if isinstance(described, Method):
            head = f".. py:method:: {member}{described.getSignatureString()}"
        else:
            head = f".. py:attribute:: {member}"
        lines += [f"   {head}", "", *_indented(described.getDoc(), 6), ""]
    return "\n".join(lines)


def gatewayMatrix() -> str:
    """
    What has been tested between which client and which backend, as the tests have written it.
    """
    seen = json.loads(GATEWAY_MATRIX.read_text("utf-8"))
    legend = list(seen["legend"])
    rows = []
    for name, (title, draft) in seen["clients"].items():
        passed = seen["passed"][name].values()
        cells = [_numbers([legend.index(each) + 1 for each in cell]) for cell in passed]
        rows.append((title, f"``{draft}``", *cells))
    head = [f"{title} (``{draft}``)" for title, draft in seen["backends"].values()]
    widths = " ".join(["28", "14", *["14"] * len(head)])
    return "\n".join(
        [
            _table(("Client", "Draft", *head), rows, widths),
            *(f"#. {text}" for text in seen["legend"].values()),
            "",
        ]
    )


def soak(name: str, what: str) -> str:
    """
    One of the tables of a run of ``benchmarks/soak.py``.

    :param name: of the run.
    :param what: of `SOAK_TABLES`.
    """
    seen = json.loads(Path(str(SOAK).format(name)).read_text("utf-8"))
    return "\n".join(SOAK_TABLES[what](seen))


def _soakRun(seen: dict[str, Any]) -> Iterator[str]:
    machine, given = seen["machine"], seen["arguments"]
    counts = seen["counts"]
    options = " ".join(given["options"])
    yield _table(
        ("What", "How"),
        [
            ("When", f"{seen['began']}, {seen['seconds']} s"),
            (
                "Where",
                f"{machine['cores']} cores for servers and clients together,"
                f" {machine['memory'] / (1 << 30):.0f} GiB, {machine['system']}",
            ),
            (
                "With",
                f"Python {machine['python']}, Twisted {machine['twisted']},"
                f" Autobahn {machine['autobahn']}, wsfallback {machine['wsfallback']}",
            ),
            ("Options of the command", f"``{options}``" if options else "the defaults"),
            ("Drafts", ", ".join(seen["drafts"])),
            ("Cycles", str(given["cycles"])),
            *((what.capitalize(), str(number)) for what, number in counts.items()),
        ],
        "30 70",
    )


def _soakPromises(seen: dict[str, Any]) -> Iterator[str]:
    rows = [
        (promise["says"], promise["seen"], "kept" if promise["kept"] else "**broken**")
        for promise in seen["promises"]
    ]
    yield _table(("Promise", "Seen", ""), rows, "44 44 12")


def _soakMemory(seen: dict[str, Any]) -> Iterator[str]:
    names = list(seen["quiet"])
    rows = [
        (
            name,
            point["name"],
            _mebibytes(point[name]["memory"]),
            _mebibytes(point[name]["bytes"]),
            str(point[name]["objects"]),
            str(point[name]["descriptors"]),
        )
        for name in names
        for point in seen["points"]
    ]
    rows += [(name, "trimmed", _mebibytes(seen["trimmed"][name]), "", "", "") for name in names]
    head = ("Process", "When", "RSS, MiB", "In use, MiB", "Objects", "Descriptors")
    yield _table(head, rows, "14 22 16 16 16 16")


def _soakPhases(seen: dict[str, Any]) -> Iterator[str]:
    rows = [
        (
            f"{phase['cycle']}, {phase['name']}",
            str(phase["seconds"]),
            name,
            str(phase[name]["cpu"]),
            _mebibytes(phase[name]["peak"]),
            str(phase[name]["descriptors"]),
        )
        for phase in seen["phases"]
        for name in seen["quiet"]
    ]
    head = ("Cycle, phase", "Seconds", "Process", "CPU, s", "Peak RSS, MiB", "Descriptors")
    yield _table(head, rows, "24 14 14 14 18 16")


def _soakLatency(seen: dict[str, Any]) -> Iterator[str]:
    rows = [
        (phase, *(str(figures[name]) for name in ("messages", "p50", "p99", "max")))
        for phase, figures in seen["good"]["latency"].items()
    ]
    head = ("Phase", "Messages", "Half of them, ms", "99 of 100, ms", "All, ms")
    yield _table(head, rows, "24 18 20 20 18")


#: What can be had of a soak.
SOAK_TABLES: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "run": _soakRun,
    "promises": _soakPromises,
    "memory": _soakMemory,
    "phases": _soakPhases,
    "latency": _soakLatency,
}


def _mebibytes(size: int) -> str:
    return f"{size / _MEBIBYTE:.1f}"


def optionNamed(limit: str) -> str:
    """
    The option of a limit: ``maxHead`` is ``max-head``.
    """
    option = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in limit)
    return "no-compress" if option == "compress" else option


def _options() -> Iterator[str]:
    limits = {optionNamed(limit): limit for limit in LIMIT_NAMES}
    rows: list[tuple[str, str, Any, str]] = []
    flags: list[Any] = []
    accumulateClassList(Options, "optFlags", flags)
    for name, _, text in flags:
        rows.append((name, f"--{name}", None, text))
    parameters: list[Any] = []
    accumulateClassList(Options, "optParameters", parameters)
    for name, _, default, text, *_ in parameters:
        rows.append((name, f"--{name} {_unit(name, limits.get(name))}", default, text))
    methods = [
        (name.removeprefix("opt_").replace("_", "-"), method)
        for name, method in inspect.getmembers(Options, inspect.isfunction)
        if name.startswith("opt_")
        and method.__module__.startswith("wsfallback.")
        # --version has no value, and is on the page beside --help.
        and len(inspect.signature(method).parameters) > 1
    ]
    letters = {method: name for name, method in methods if len(name) == 1}
    for name, method in methods:
        if len(name) > 1:
            head = f"--{name} {name.upper()}"
            if method in letters:
                head = f"-{letters[method]} {name.upper()}, {head}"
            # Twisted takes the option's help from there, default included.
            rows.append((name, head, None, " ".join((method.__doc__ or "").split())))
    for name, head, default, text in sorted(rows):
        yield f".. option:: {head}"
        yield ""
        yield f"   {_literal(text)}"
        if default is not None:
            yield f"   Default: ``{_plain(default)}``."
        if limits.get(name) in RANGES:
            yield f"   Range: {_range(limits[name])}."
        yield ""


def _unit(option: str, limit: str | None) -> str:
    if limit is None or limit in CHOICES:
        return {
            "drain": "SECONDS",
            "web": "DIRECTORY",
            "config": "FILE",
            "stats-file": "FILE",
            "admin": "ENDPOINT",
            "http-timeout": "SECONDS",
            "backend-timeout": "SECONDS",
            "backend-drafts": "LIST",
            "external-url": "URL",
            "workers": "N",
            "handler": "NAME",
            "factory": "NAME",
        }.get(option, "HOW")
    if isinstance(getattr(Limits(), limit), float):
        return "SECONDS"
    return "N" if limit in _COUNTS else "BYTES"


def _range(limit: str) -> str:
    if limit in CHOICES:
        return " or ".join(f"``{each}``" for each in CHOICES[limit])
    if limit not in RANGES:
        return "on or off"
    lowest, highest = (_plain(each) for each in RANGES[limit])
    return f"{lowest} to {highest}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if value == (1 << 63) - 1:
        return "2\\ :sup:`63` - 1"
    return str(value)


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "on" if value else "off"
    return _plain(value)


def _numbers(numbers: list[int]) -> str:
    """
    Numbers in ascending order: ``1-3, 5``.
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return (
        ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "none"
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _literal(text: str) -> str:
    """
    A help text for paper: nothing in it is markup, and other options can be followed.
    """
    escaped = re.sub(r"([*:])", r"\\\1", text)
    return re.sub(r"--[a-z][a-z-]*", r":option:`\g<0>`", escaped)


def _indented(text: str | None, spaces: int = 3) -> list[str]:
    return textwrap.indent(inspect.cleandoc(text or ""), " " * spaces).split("\n")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: str) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (head, *rows):
        for at, cell in enumerate(row):
            lines.append(f"   {'* -' if at == 0 else '  -'} {cell}")
    return "\n".join([*lines, ""])


def setup(app: Any) -> dict[str, bool]:
    """
    Tell Sphinx.
    """
    from sphinx.util.docutils import SphinxDirective

    def directive(make: Callable[..., str], arguments: int = 0) -> type[SphinxDirective]:
        class Generated(SphinxDirective):
            required_arguments = arguments

            def run(self) -> list[Any]:
                return self.parse_text_to_nodes(make(*self.arguments))

        return Generated

    app.add_directive("wsfallback-drafts", directive(draftMatrix))
    app.add_directive("wsfallback-limits", directive(limitTable))
    app.add_directive("wsfallback-options", directive(optionList))
    app.add_directive("wsfallback-gateway-matrix", directive(gatewayMatrix))
    app.add_directive("wsfallback-soak", directive(soak, 2))
    app.add_directive("wsfallback-interface", directive(partial(interface), 1))
    return {"parallel_read_safe": True}
