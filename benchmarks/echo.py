"""
What an echo costs: wsfallback on each draft, and its gateway, as ratios to bare Autobahn.

Each server is a process of its own on 127.0.0.1; what is compared is the CPU time that it takes
for a message of 64 bytes, which a busy machine changes less than the messages in a second.
Usage, on Linux: python benchmarks/echo.py [MESSAGES]
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wsfallback.testing import VERSIONS, request

PAYLOAD = b"x" * 64
#: Messages that are sent before their echoes are read.
WINDOW = 200
ROUNDS = 3

BARE = """
import sys
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor

class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

factory = WebSocketServerFactory()
factory.protocol = Echo
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
print(f"serves on http://127.0.0.1:{port.getHost().port}/", flush=True)
reactor.run()
"""


@contextmanager
def server(*command: str) -> Iterator[tuple[int, int]]:
    """
    A server, ended by its pid; its pid and its port.
    """
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"serves on http://127\.0\.0\.1:(\d+)/", line)
            if found:
                break
        else:
            raise SystemExit(f"{command} ended")
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def cpu(pid: int) -> float:
    """
    Seconds of CPU that a process has taken.
    """
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def frames(draft: str) -> tuple[bytes, bytes]:
    """
    A message as it is sent, and as it comes back.
    """
    if draft.startswith("hixie"):
        return (b"\x00" + PAYLOAD + b"\xff",) * 2
    size = len(PAYLOAD)
    return bytes([0x81, 0x80 | size]) + bytes(4) + PAYLOAD, bytes([0x81, size]) + PAYLOAD


def converse(port: int, draft: str, messages: int) -> None:
    """
    Send so many, and read their echoes.
    """
    sent, echoed = frames(draft)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(request(draft, host=f"127.0.0.1:{port}", origin=f"http://127.0.0.1:{port}"))
        with client.makefile("rb") as stream:
            while stream.readline() not in (b"\r\n", b""):
                pass
            if draft == "hixie-76":
                stream.read(16)
            for _ in range(messages // WINDOW):
                client.sendall(sent * WINDOW)
                if stream.read(len(echoed) * WINDOW) != echoed * WINDOW:
                    raise SystemExit("that is no echo")


def cost(port: int, draft: str, messages: int, *pids: int) -> float:
    """
    Microseconds of CPU for a message: the best of some rounds, after one to warm up.
    """
    converse(port, draft, messages // 10)
    found = []
    for _ in range(ROUNDS):
        before = sum(map(cpu, pids))
        converse(port, draft, messages)
        found.append(sum(map(cpu, pids)) - before)
    return min(found) / messages * 1e6


def main() -> None:
    """
    Measure, and print a table.
    """
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    listen = ("-m", "wsfallback", "--listen", "tcp:0:interface=127.0.0.1", "--no-compress")
    with server("-c", BARE) as (pid, port):
        bare = cost(port, "rfc6455", messages, pid)
        # Of a few messages there is nothing to be measured.
        bare = max(bare, 1e-3)
        print(f"{'bare Autobahn, rfc6455':36}{bare:8.1f} us {1:7.2f}")
        with server(*listen, "--forward", f"ws://127.0.0.1:{port}") as (front, door):
            for draft in ("rfc6455", "hixie-76"):
                # Of the gateway alone: the backend's part is the line above.
                found = cost(door, draft, messages, front)
                print(f"{f'gateway, {draft} to rfc6455':36}{found:8.1f} us {found / bare:7.2f}")
    with server(*listen) as (pid, port):
        for draft in VERSIONS:
            found = cost(port, draft, messages, pid)
            print(f"{f'wsfallback, {draft}':36}{found:8.1f} us {found / bare:7.2f}")


if __name__ == "__main__":
    main()
