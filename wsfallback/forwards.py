"""
The options of a gateway, as the command line gives them.
"""

from collections.abc import Iterable
from typing import Any

from twisted.python import usage

from wsfallback.client import NEWEST_FIRST
from wsfallback.descriptions import byPath, listed
from wsfallback.destination import destination
from wsfallback.gateway import BINARY, Gateway
from wsfallback.policy import RANGES, draftsNamed
from wsfallback.proxy import ReverseProxy, httpDestination

#: Of the handshake's time, what backends have by default: the rest is for the answer.
SHARE = 0.8
#: Seconds, of all timeouts: `checkSeconds`.
SHORTEST = RANGES["idleTimeout"][0]


class ForwardOptions(usage.Options):
    """
    Mixed into the options of the command.
    """

    optFlags = [  # noqa: RUF012  # Twisted's way to declare them
        [
            "keep-host",
            None,
            "When forwarding, ask the backends for the client's Host, and not"
            " for that of their URL.",
        ],
    ]
    optParameters: list[list[Any]] = [  # noqa: RUF012
        [
            "backend-drafts",
            None,
            ",".join(NEWEST_FIRST),
            "With --forward, which drafts the backends may speak, in the order of trying.",
        ],
        [
            "backend-timeout",
            None,
            None,
            "With --forward, seconds for the backends' answer [default: 0.8 of the handshake's].",
        ],
        [
            "http-timeout",
            None,
            60.0,
            "With --forward-http, seconds without progress of a request or its answer.",
        ],
        [
            "binary",
            None,
            BINARY[0],
            "With --forward, binary messages for who has only text: refuse, or base64 for"
            " clients that ask for the subprotocol base64.",
        ],
    ]

    def opt_forward(self, target: str) -> None:
        """
        A backend: ws://host[:port][/path], or /path=ws://... for one path; repeatable
        """
        try:
            path, url = byPath(target)
            destination(url)
        except ValueError as error:
            raise usage.UsageError(f"--forward {target}: {error}") from None
        self.setdefault("forwards", {}).setdefault(path, []).append(url)

    def opt_forward_http(self, url: str) -> None:
        """
        A backend for plain HTTP: http://host[:port], or https; repeatable
        """
        try:
            httpDestination(url)
        except ValueError as error:
            raise usage.UsageError(f"--forward-http {url}: {error}") from None
        self.setdefault("forwardHTTP", []).append(url)

    def checkForward(self) -> None:
        """
        Check what belongs together.

        :raises usage.UsageError: with what to do.
        """
        if self["frames"] and "forwards" in self:
            raise usage.UsageError(
                "--forward and --frames exclude each other: messages go through whole"
            )
        self["backendDrafts"] = self.draftsOf("backend-drafts")
        if self["binary"] not in BINARY:
            raise usage.UsageError(f"--binary {self['binary']}: give {' or '.join(BINARY)}")
        handshake = self["limits"]["handshakeTimeout"]
        given = self["backend-timeout"]
        share = max(SHARE * handshake, SHORTEST)
        self["backendTimeout"] = share if given is None else self.secondsOf("backend-timeout")
        if given is not None and not SHORTEST <= self["backendTimeout"] < handshake:
            raise usage.UsageError(
                f"--backend-timeout {given}: give at least {SHORTEST}, and less than"
                f" --handshake-timeout, {handshake:g}"
            )

        self["httpTimeout"] = self.secondsOf("http-timeout")
        if not SHORTEST <= self["httpTimeout"] <= 86400:
            raise usage.UsageError(
                f"--http-timeout {self['http-timeout']}: give seconds from {SHORTEST} to 86400,"
                " a day"
            )

    def secondsOf(self, option: str) -> float:
        """
        An option's number.

        :raises usage.UsageError: it is none.
        """
        try:
            return float(self[option])
        except ValueError:
            raise usage.UsageError(f"--{option} {self[option]}: give a number of seconds") from None

    def draftsOf(self, option: str) -> list[str]:
        """
        The drafts that an option names, with commas between.

        :raises usage.UsageError: there is no such draft, or none is named.
        """
        given = self[option]
        try:
            return [draft.name for draft in draftsNamed(listed(given))]
        except ValueError as error:
            raise usage.UsageError(f"--{option} {given}: {error}") from None

    def gateways(self, reactor: Any) -> dict[str, Gateway]:
        """
        A gateway for each path; for all others under the empty one.
        """
        return {
            path: self._gateway(urls, reactor) for path, urls in self.get("forwards", {}).items()
        }

    def proxy(self, reactor: Any) -> ReverseProxy | None:
        """
        Who has plain HTTP, where it is forwarded.
        """
        if "forwardHTTP" not in self:
            return None
        return ReverseProxy(
            self["forwardHTTP"],
            reactor=reactor,
            connectTimeout=self["backendTimeout"],
            timeout=self["httpTimeout"],
            keepHost=bool(self["keep-host"]),
            trusted=self.get("trusted", []),
            hosts=self.get("hosts", []),
            **self["limits"],
        )

    def _gateway(self, urls: Iterable[str], reactor: Any) -> Gateway:
        limits = {
            name: value for name, value in self["limits"].items() if name != "handshakeTimeout"
        }
        return Gateway(
            urls,
            reactor=reactor,
            drafts=self["backendDrafts"],
            binary=self["binary"],
            timeout=self["backendTimeout"],
            keepHost=bool(self["keep-host"]),
            trusted=self.get("trusted", []),
            **limits,
        )
