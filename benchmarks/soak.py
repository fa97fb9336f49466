"""
What is left of many connections: nothing, and no message is lost on those that stay.

Starts the command, and has 5,000 idle clients of all drafts, storms of clients that come and go,
and clients that read slowly or not at all come to it, some cycles of the same; all on 127.0.0.0/8.
Meanwhile good connections exchange numbered messages. What is promised at the end stands in
`promises`; where one of them is broken the status is 1. On Linux; ``--help`` has the options.
"""

import argparse
import json
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from soak_run import FORWARDED, QUIET, Soak, Stuck
from soak_served import Served
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

MEBIBYTE = 1 << 20
#: Objects that may come and go by themselves: what is under way on the good connections.
OBJECTS = 500
#: Objects of wsfallback's that may remain of all connections together, and of none by itself.
OURS = 50
#: Descriptors for those who stall in a storm, five seconds each.
STALLED = 3000


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """
    The options.
    """
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").strip().partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def number(name: str, default: int, text: str) -> None:
        parser.add_argument(name, type=int, default=default, metavar="N", help=text)

    number("--connections", 5000, "how many idle clients, of all drafts in equal parts")
    number("--good", 50, "how many good connections, of 10 messages a second each")
    number("--storm", 200, "how many clients come at once in a storm")
    number("--slow", 100, "how many slow readers; every second one reads nothing at all")
    number("--cycles", 3, "how many cycles; the first one is the warm-up")
    number("--margin", 16, "MiB that a process may have more at the end than in the beginning")
    number("--seed", 1, "of all that is left to chance")
    parser.add_argument(
        "--seconds", type=float, default=30, metavar="S", help="seconds of storms in each cycle"
    )
    parser.add_argument(
        "--hold", type=float, default=10, metavar="S", help="seconds of nothing before them"
    )
    parser.add_argument(
        "--gateway", action="store_true", help="all this through a gateway before a backend"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument(
        "options", nargs="*", help="further options for the command, after a --: -- --nagle"
    )
    return parser.parse_args(arguments)


def raiseLimit(options: argparse.Namespace) -> int:
    """
    Have as many descriptors as may be had.

    :returns: how many connections the server may have.
    :raises SystemExit: these are not enough.
    """
    staying = options.connections + options.good + options.slow + options.storm
    most = staying + STALLED
    # A gateway has two ends of each; and every process has some files beside these.
    needed = most + (staying if options.gateway else 0) + 100
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(
            f"this needs {needed} descriptors, and there may be {hard}: raise the hard limit"
            f" (ulimit -Hn), or give --connections less than {options.connections}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return most


@contextmanager
def servers(options: argparse.Namespace, most: int) -> Iterator[list[Served]]:
    """
    The server, or the gateway and its backend; the first one is where clients go.
    """
    with TemporaryDirectory() as directory:
        base = ["--handler", "soak_handler.Echo", "--max-connections", str(most)]
        running: list[Served] = []
        try:
            name = "backend" if options.gateway else "server"
            running.append(Served(name, Path(directory, name), [*base, *options.options]))
            if options.gateway:
                forward = ["--forward", f"{FORWARDED}=ws://127.0.0.1:{running[0].port}"]
                log = Path(directory, "gateway")
                running.insert(0, Served("gateway", log, [*base, *forward, *options.options]))
            yield running
        finally:
            for each in running:
                each.stop()


def promises(figures: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """
    What is promised, what was seen of it, and whether that is it.
    """
    good = figures["good"] or {}
    number = figures["arguments"]["good"]
    yield (
        "every message of a good connection comes back, once and in order",
        f"{good.get('sent')} sent, {good.get('returned')} back, {good.get('wrong')} wrong",
        good.get("sent", 0) == good.get("returned") and good.get("wrong") == 0,
    )
    yield (
        "every good connection stays, and is closed in order at the end",
        f"{good.get('closed')} of {number}",
        good.get("closed") == number and not good["troubles"],
    )
    yield (
        "all others get what they should",
        f"{sum(figures['counts'].values())} seen, {sum(figures['troubles'].values())} otherwise",
        not figures["troubles"],
    )
    margin = figures["arguments"]["margin"] * MEBIBYTE
    points = figures["points"]
    before, *cycles, after = points
    for name, quiet in figures["quiet"].items():
        warm, *others = (point[name] for point in cycles)
        yield (
            f"{name}: descriptors are back",
            _arrow(point[name]["descriptors"] for point in points),
            before[name]["descriptors"] == after[name]["descriptors"]
            and len({point[name]["descriptors"] for point in cycles}) == 1,
        )
        yield (
            f"{name}: memory in use is back after each cycle",
            _arrow(_megabytes(point[name]["bytes"]) for point in points) + " MiB",
            all(each["bytes"] <= warm["bytes"] + MEBIBYTE for each in others),
        )
        trimmed = figures["trimmed"][name]
        yield (
            f"{name}: the system has its memory back at the end",
            _arrow(map(_megabytes, (before[name]["memory"], trimmed))) + " MiB",
            trimmed <= before[name]["memory"] + margin,
        )
        yield (
            f"{name}: objects are back after each cycle",
            _arrow(point[name]["objects"] for point in points),
            all(each["objects"] <= warm["objects"] + OBJECTS for each in others),
        )
        yield (
            f"{name}: nothing of wsfallback's is left of a connection",
            _arrow(sum(point[name]["ours"].values()) for point in points),
            sum(after[name]["ours"].values()) <= sum(before[name]["ours"].values()) + OURS,
        )
        yield (
            f"{name}: takes no time without clients",
            f"{quiet} s of {QUIET:g}",
            quiet < QUIET / 10,
        )
        yield (
            f"{name}: there is no error in its log, and it ends when told",
            "; ".join(figures["errors"][name][:3]) or "none",
            not figures["errors"][name],
        )


def table(figures: dict[str, Any]) -> Iterator[str]:
    """
    Everything, for people.
    """
    names = list(figures["quiet"])
    for name in names:
        yield f"{name:>10}: memory, MiB   in use, MiB   descriptors     objects"
        for point in figures["points"]:
            seen = point[name]
            yield (
                f"{point['name']:>24}{_megabytes(seen['memory']):>8}{_megabytes(seen['bytes']):>12}{seen['descriptors']:>14}"
                f"{seen['objects']:>12}"
            )
        yield f"{'trimmed':>24}{_megabytes(figures['trimmed'][name]):>8}"
        yield ""
        yield f"{name:>10}: cycle, phase     seconds   CPU, s   peak, MiB   descriptors at its end"
        for phase in figures["phases"]:
            seen = phase[name]
            yield (
                f"{phase['cycle']:>12}  {phase['name']:<16}{phase['seconds']:>8}{seen['cpu']:>9}"
                f"{_megabytes(seen['peak']):>12}{seen['descriptors']:>14}"
            )
        yield ""
    yield "good connections: messages    p50, ms   p99, ms   max, ms"
    for phase, seen in (figures["good"] or {"latency": {}})["latency"].items():
        yield (
            f"{phase:>16}{seen['messages']:>10}{seen['p50']:>11}{seen['p99']:>10}{seen['max']:>10}"
        )
    yield ""
    for what in ("counts", "troubles"):
        for text, number in figures[what].items():
            yield f"{number:>8} {'' if what == 'counts' else 'TROUBLE: '}{text}"
    yield ""
    for promise in figures["promises"]:
        yield f"{'kept  ' if promise['kept'] else 'BROKEN'}  {promise['says']}: {promise['seen']}"


def _arrow(values: Any) -> str:
    return " > ".join(map(str, values))


def _megabytes(size: int) -> str:
    return f"{size / MEBIBYTE:.1f}"


async def soak(reactor: Any, options: argparse.Namespace, running: list[Served]) -> None:
    """
    Run, and print.

    :raises SystemExit: with 1, a promise is broken; with a text, it didn't come to an end.
    """
    try:
        figures = await Soak(reactor, options, running).run()
    except Stuck as error:
        logs = "".join(f"\n{each.name}:\n{each.log[-2000:]}" for each in running)
        raise SystemExit(f"{error}{logs}") from None
    # The log of its end belongs to it.
    wereEnded = {each.name: each.stop() for each in running}
    figures["errors"] = {
        each.name: each.troubles + ([] if wereEnded[each.name] else ["it was killed"])
        for each in running
    }
    figures["said"] = {each.name: each.said for each in running}
    figures["promises"] = [
        {"says": says, "seen": seen, "kept": kept} for says, seen, kept in promises(figures)
    ]
    for line in table(figures):
        print(line)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if not all(promise["kept"] for promise in figures["promises"]):
        raise SystemExit(1)


def main() -> None:
    """
    The command.
    """
    options = parsed()
    # Around the reactor: a signal ends that, and the servers are to end with it.
    with servers(options, raiseLimit(options)) as running:
        react(lambda reactor: ensureDeferred(soak(reactor, options, running)))


if __name__ == "__main__":
    main()
