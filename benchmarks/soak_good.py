"""
The good connections of the soak, in a process of their own: the storms take no time from it.

Reads lines: ``phase NAME`` says to what its measurements belong, ``stop`` ends it. Prints its
figures as JSON then.
"""

import json
import sys
from collections import defaultdict
from random import Random
from typing import Any

from soak_clients import Good
from twisted.internet.defer import ensureDeferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall, deferLater, react
from twisted.protocols.basic import LineReceiver

#: Seconds between two messages of one connection.
INTERVAL = 0.1
#: Seconds for the last messages, and then for the closing handshakes.
PATIENCE = 30.0


class Orders(LineReceiver):
    """
    What is to be done.
    """

    delimiter = b"\n"
    phase = "start"
    isOver = False

    def lineReceived(self, line: bytes) -> None:
        """
        An order.
        """
        verb, _, what = line.decode().partition(" ")
        if verb == "phase":
            self.phase = what
        else:
            self.isOver = True

    def connectionLost(self, reason: object = None) -> None:
        """
        Nobody wants anything any more.
        """
        self.isOver = True


def percentiles(seconds: list[float]) -> dict[str, float]:
    """
    Milliseconds that it took for half of them, for 99 of 100, and at most.
    """
    ranked = sorted(seconds)
    last = len(ranked) - 1
    at = {"p50": ranked[last // 2], "p99": ranked[last * 99 // 100], "max": ranked[-1]}
    return {name: round(value * 1000, 1) for name, value in at.items()}


async def converse(reactor: Any, port: int, path: str, number: int, seed: int) -> None:
    """
    Send, until it is enough.
    """
    orders = Orders()
    StandardIO(orders)
    took: dict[str, list[float]] = defaultdict(list)
    random = Random(seed)
    clients = [
        Good(reactor, each, path, random, lambda seconds: took[orders.phase].append(seconds))
        for each in range(number)
    ]
    for client in clients:
        client.connect(port)
    senders = []
    for at, client in enumerate(clients):
        senders.append(LoopingCall(client.sayNext))
        reactor.callLater(INTERVAL * at / number, senders[-1].start, INTERVAL)

    async def until(isSo: Any) -> None:
        end = reactor.seconds() + PATIENCE
        while not isSo() and reactor.seconds() < end:
            await deferLater(reactor, 0.01)

    while not orders.isOver:
        await deferLater(reactor, 0.01)
    for sender in senders:
        if sender.running:
            sender.stop()
    await until(lambda: not any(client.lost for client in clients))
    remained = [client for client in clients if client.isOpen and not client.isOver]
    for client in remained:
        client.leave()
    await until(lambda: all(client.isOver for client in remained))
    figures = {
        "connections": number,
        "remained": len(remained),
        "closed": sum(client.isClosed for client in remained),
        "troubles": sorted({client.trouble for client in clients if client.trouble}),
        **{
            name: sum(getattr(client, name) for client in clients)
            for name in ("sent", "returned", "lost", "wrong")
        },
        "latency": {
            phase: {"messages": len(seconds), **percentiles(seconds)}
            for phase, seconds in took.items()
        },
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    _, port, path, number, seed = sys.argv
    react(
        lambda reactor: ensureDeferred(
            converse(reactor, int(port), path, int(number), int(seed)),
        )
    )
