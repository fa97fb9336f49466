"""
One run of the soak: its phases, and what is seen in them.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from random import Random
from typing import Any

from soak_clients import WIRES, Client, Deaf, Idle, Question, Slow, Visitor
from soak_served import HERE, Served
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

#: The path by which the gateway goes to the backend.
FORWARDED = "/soak"
#: Handshakes that are under way at once when the idle ones come.
AT_ONCE = 50
#: Seconds for anything that must come, on a busy machine.
PATIENCE = 60.0
#: Seconds in which a server without clients is looked at.
QUIET = 2.0


class Stuck(Exception):
    """
    Something didn't come.
    """


def machine() -> dict[str, Any]:
    """
    Where and with what this was run.
    """
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory": pages,
        "system": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("wsfallback", "twisted", "autobahn")},
    }


class GoodProcess(ProcessProtocol):
    """
    The process that has the good connections.

    :ivar figures: fires with what it has measured, when it has ended.
    """

    def __init__(self) -> None:
        self.figures: Deferred[Any] = Deferred()
        self._printed = bytearray()

    def tell(self, order: str) -> None:
        """
        Give an order.
        """
        self.transport.write(f"{order}\n".encode())

    def outReceived(self, data: bytes) -> None:
        """
        Its figures.
        """
        self._printed += data

    def errReceived(self, data: bytes) -> None:
        """
        Its troubles.
        """
        sys.stderr.write(data.decode(errors="replace"))

    def processEnded(self, reason: Failure) -> None:
        """
        It has said everything.
        """
        self.figures.callback(json.loads(self._printed) if self._printed else None)


class Soak:
    """
    One run: its phases, and what was seen in them.
    """

    def __init__(self, reactor: Any, options: argparse.Namespace, running: list[Served]) -> None:
        self._reactor = reactor
        self._options = options
        self._servers = running
        self._port = running[0].port
        self._path = FORWARDED if options.gateway else "/"
        self._random = Random(options.seed)
        self._good = GoodProcess()
        self._idle: list[Idle] = []
        self._troubles: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._points: list[dict[str, Any]] = []
        self._phases: list[dict[str, Any]] = []
        self._cycle = 0

    async def run(self) -> dict[str, Any]:
        """
        All cycles.

        :returns: the figures.
        """
        began = time.time()
        empty = await self._point("before")
        self._startGood()
        try:
            await self._until(lambda: self._hasGood(empty), "the good connections")
            for _ in range(self._options.cycles):
                self._cycle += 1
                await self._runCycle()
            self._good.tell("phase end")
        finally:
            self._good.tell("stop")
            # It waits twice itself: for the last messages, and for the closes.
            good = await self._good.figures.addTimeout(2 * PATIENCE, self._reactor)
        await self._settle(empty, "the end of the good connections")
        quiet = await self._quiet()
        await self._point("after", b"trimmed")
        trimmed = {each.name: each.memory() for each in self._servers}
        return {
            "began": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(began)),
            "seconds": round(time.time() - began),
            "arguments": {
                name: value for name, value in vars(self._options).items() if name != "json"
            },
            "machine": machine(),
            "drafts": [wire.draft for wire in WIRES],
            "points": self._points,
            "phases": self._phases,
            "counts": dict(self._counts),
            "troubles": dict(self._troubles),
            "good": good,
            "quiet": quiet,
            "trimmed": trimmed,
        }

    # The phases.

    async def _runCycle(self) -> None:
        """
        One of some, which are all alike.
        """
        before = self._present()
        await self._phase("come", self._come)
        await self._phase("idle", lambda: self._sleep(self._options.hold))
        await self._phase("storm", self._storm)
        await self._phase("slow", self._slow)
        await self._phase("half killed", self._go)
        await self._settle(before, "the end of the idle connections")
        await self._phase("come again", self._come)
        await self._phase("all gone", self._go)
        await self._settle(before, "the end of all but the good connections")
        await self._point(f"after cycle {self._cycle}")

    async def _come(self) -> None:
        """
        The idle ones come.
        """
        self._idle = [
            Idle(self._reactor, number, self._path) for number in range(self._options.connections)
        ]
        under: list[Idle] = []

        def isFull() -> bool:
            under[:] = [each for each in under if not (each.isOpen or each.isOver)]
            return len(under) >= AT_ONCE

        for each in self._idle:
            await self._until(lambda: not isFull(), "a handshake of the idle")
            each.connect(self._port)
            under.append(each)
        await self._until(lambda: not (isFull() or under), "the last handshakes of the idle")
        self._counts["idle connections"] += sum(each.isOpen for each in self._idle)

    async def _storm(self) -> None:
        """
        Clients come and go, as many at once as were asked for, again and again.
        """
        end = self._reactor.seconds() + self._options.seconds
        visitors: list[Visitor] = []
        number = 0
        while self._reactor.seconds() < end:
            batch = [
                Visitor(self._reactor, number + each, self._path, self._random)
                for each in range(self._options.storm)
            ]
            number += len(batch)
            for each in batch:
                each.connect(self._port)
            await self._until(
                lambda batch=batch: all(each.isOver or each.way == "stalled" for each in batch),
                "the end of a storm",
            )
            visitors = self._finished(visitors + batch)
        await self._until(lambda: all(each.isOver for each in visitors), "who stalls")
        self._finished(visitors)

    def _finished(self, visitors: list[Visitor]) -> list[Visitor]:
        """
        Count those that are done.

        :returns: the others.
        """
        for each in visitors:
            if each.isOver:
                self._count(f"visitors: {each.way}", each, each.isDone)
        return [each for each in visitors if not each.isOver]

    async def _slow(self) -> None:
        """
        Half of them read slowly, half of them not at all; of those half look then what has become
        of them, and half are killed.
        """
        everyone = range(self._options.slow)
        slow = [Slow(self._reactor, each, self._path) for each in everyone[::2]]
        deaf = [Deaf(self._reactor, each, self._path) for each in everyone[1::2]]
        for each in (*slow, *deaf):
            each.connect(self._port)
        await self._until(lambda: all(each.isDone or each.isOver for each in slow), "slow readers")
        asked = -1
        while asked != (now := sum(each.asked for each in deaf)):
            asked = now
            await self._sleep(1)
        for each in slow:
            each.leave()
        for each in deaf[::2]:
            each.look()
        for each in deaf[1::2]:
            each.kill()
        await self._until(lambda: all(each.isOver for each in (*slow, *deaf)), "slow readers' end")
        for each in slow:
            self._count("slow readers", each, each.isDone and each.isClosed)
        for each in deaf[::2]:
            self._count("readers of nothing, told", each, each.isDone)
        for each in deaf[1::2]:
            self._count("readers of nothing, killed", each, each.trouble is None)

    async def _go(self) -> None:
        """
        Each of the idle ones shows that it is still there; then half of them are killed, at once,
        and the others close.
        """
        for each in self._idle:
            if not each.isOver:
                each.check()
        await self._until(
            lambda: all(each.isPresent or each.isOver for each in self._idle), "the idle"
        )
        self._random.shuffle(self._idle)
        half = len(self._idle) // 2
        for each in self._idle[:half]:
            self._count("idle ones that were there, killed", each, each.isPresent)
            if not each.isOver:
                each.kill()
        for each in self._idle[half:]:
            if not each.isOver:
                each.leave()
        await self._until(lambda: all(each.isOver for each in self._idle), "the end of the idle")
        for each in self._idle[half:]:
            self._count("idle ones that were there, closed", each, each.isPresent and each.isClosed)
        self._idle = []

    # What is seen.

    async def _phase(self, name: str, do: Callable[[], Any]) -> None:
        """
        Do something, and measure what it takes.
        """
        self._good.tell(f"phase {name}")
        for each in self._servers:
            each.peak()
        before, began = {each.name: each.cpu() for each in self._servers}, time.monotonic()
        await do()
        seconds = time.monotonic() - began
        figures = {
            each.name: {
                "peak": each.peak(),
                "cpu": round(each.cpu() - before[each.name], 2),
                "descriptors": each.descriptors(),
            }
            for each in self._servers
        }
        self._phases.append(
            {"cycle": self._cycle, "name": name, "seconds": round(seconds, 1), **figures}
        )
        print(f"cycle {self._cycle}, {name}: {seconds:.1f} s", file=sys.stderr, flush=True)

    async def _point(self, name: str, question: bytes = b"present") -> dict[str, Any]:
        """
        Measure what is there now. The memory is taken first, before anything is done to it.
        """
        point = {
            each.name: {"memory": each.memory(), "descriptors": each.descriptors()}
            for each in self._servers
        }
        for each in self._servers:
            asking = Question(self._reactor, question)
            asking.connect(each.port)
            await self._until(lambda asking=asking: asking.isOver, "an answer")
            if asking.answer is None:
                raise Stuck(f"no answer: {asking.trouble}")
            point[each.name] |= asking.answer
        # Those questions are gone, too.
        await self._settle(point, "the end of the questions")
        self._points.append({"name": name, **point})
        return point

    def _hasGood(self, empty: dict[str, Any]) -> bool:
        """
        Whether all of the good connections are there; a gateway has two ends of each.
        """
        return all(
            each.descriptors() - empty[each.name]["descriptors"]
            >= self._options.good * (2 if each.name == "gateway" else 1)
            for each in self._servers
        )

    def _present(self) -> dict[str, dict[str, int]]:
        return {each.name: {"descriptors": each.descriptors()} for each in self._servers}

    async def _settle(self, before: dict[str, Any], what: str) -> None:
        """
        Wait for the descriptors to be as many as before: some connections have a deadline yet.
        """
        try:
            await self._until(
                lambda: all(
                    each.descriptors() <= before[each.name]["descriptors"] for each in self._servers
                ),
                what,
            )
        except Stuck:
            # One of the promises, and the other figures are of interest then.
            self._troubles[f"descriptors: {what}"] += 1

    async def _quiet(self) -> dict[str, float]:
        """
        Seconds of CPU that servers take without a client.
        """
        before = {each.name: each.cpu() for each in self._servers}
        await self._sleep(QUIET)
        return {each.name: round(each.cpu() - before[each.name], 2) for each in self._servers}

    def _count(self, what: str, client: Client, isDone: bool) -> None:
        self._counts[what] += 1
        if not isDone:
            self._troubles[f"{what}: {client.wire.draft}: {client.trouble}"] += 1

    # Within.

    def _startGood(self) -> None:
        self._reactor.spawnProcess(
            self._good,
            sys.executable,
            [
                sys.executable,
                str(HERE / "soak_good.py"),
                str(self._port),
                self._path,
                str(self._options.good),
                str(self._options.seed),
            ],
            env=os.environ,
        )

    async def _until(self, isSo: Callable[[], bool], what: str) -> None:
        end = self._reactor.seconds() + PATIENCE
        while not isSo():
            if self._reactor.seconds() > end:
                raise Stuck(f"waited {PATIENCE:g} s in vain for {what}")
            await self._sleep(0.02)

    def _sleep(self, seconds: float) -> Deferred[None]:
        return deferLater(self._reactor, seconds)
