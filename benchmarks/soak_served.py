"""
A server of the soak: the real command as a process of its own, and what Linux says of it.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
#: Twisted's default is 50, and then the kernel has clients of a storm wait and try again.
ENDPOINT = "tcp:0:interface=127.0.0.1:backlog=1024"
#: Seconds for the command to listen, and then for its end.
PATIENCE = 30.0

#: What there must be nothing of in its log.
_TROUBLE = re.compile(r"Traceback|Unhandled|#(warn|error|critical)\]")
#: What it says of connections, without what differs between them.
_SAID = re.compile(r"tcp4:[0-9.:]+(?: \([a-z0-9-]+\))?: ([^:'\n]*)")


class Served:
    """
    ``twistd wsfallback``, with options.

    :ivar pid: its process.
    :ivar port: where it listens.
    """

    def __init__(self, name: str, log: Path, options: Sequence[str]) -> None:
        """
        Start it, and wait until it listens.

        :param name: what it is called in the figures.
        :param log: a file for its log.
        """
        self.name = name
        self._log = log
        twistd = Path(sys.executable).with_name("twistd")
        path = os.pathsep.join(
            filter(None, [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH")])
        )
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [twistd, "-n", "--pidfile=", "wsfallback", "--listen", ENDPOINT, *options],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # Without Python's own allocator the C library's knows of all memory, and can be
                # told to give back what is free; Python's keeps a MiB for one object in it.
                env={"PYTHONMALLOC": "malloc", **os.environ, "PYTHONPATH": path},
            )
        self.pid = self._process.pid
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"serves on http://127\.0\.0\.1:(\d+)/", self.log)):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise SystemExit(f"the {name} doesn't serve:\n{self.log}")
            time.sleep(0.05)
        self.port = int(found[1])

    @property
    def log(self) -> str:
        """
        All that it has logged.
        """
        return self._log.read_text("utf-8", "backslashreplace")

    @property
    def troubles(self) -> list[str]:
        """
        Lines of its log that there should be none of.
        """
        return [line for line in self.log.splitlines() if _TROUBLE.search(line)]

    @property
    def said(self) -> dict[str, int]:
        """
        What it has logged of connections, and how often.
        """
        return dict(Counter(_SAID.findall(self.log)).most_common())

    def memory(self) -> int:
        """
        Bytes of memory that it has (RSS).
        """
        return self._kilobytes("VmRSS") * 1024

    def peak(self) -> int:
        """
        Bytes that it had at most since this was asked before.
        """
        peak = self._kilobytes("VmHWM") * 1024
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return peak

    def descriptors(self) -> int:
        """
        How many it has open.
        """
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu(self) -> float:
        """
        Seconds of CPU that it has taken.
        """
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> bool:
        """
        End it, by its pid.

        :returns: whether it ended by itself on SIGTERM.
        """
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    def _kilobytes(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        (number,) = re.findall(rf"^{name}:\s*(\d+) kB$", status, re.MULTILINE)
        return int(number)
