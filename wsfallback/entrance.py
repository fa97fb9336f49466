"""
`Entrance`: all that a request is asked before anybody gets it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wsfallback.addresses import Network, networks
from wsfallback.external import External
from wsfallback.flash import domains, policy
from wsfallback.forwarded import clientOf
from wsfallback.hosts import Hosts
from wsfallback.request import Request
from wsfallback.rules import Gate, Gates, Rules


@dataclass(frozen=True, slots=True)
class Visit:
    """
    A request, seen from outside.

    :ivar request: with the name of the server that the client knows.
    :ivar isSecure: the client's own connection is one of TLS, as far as we know.
    :ivar prefix: what a proxy has taken from the beginning of the client's path.
    :ivar gate: what it has to pass if it is a WebSocket.
    """

    request: Request
    isSecure: bool
    prefix: bytes
    gate: Gate


class Entrance:
    """
    Who may come in, by which names the server is known, and where.

    :ivar trusted: networks of proxies that are believed.
    """

    def __init__(
        self,
        everywhere: Rules,
        byPath: Mapping[str, Rules],
        hosts: Iterable[str] = (),
        trusted: Iterable[str | Network] = (),
        externalURL: str | None = None,
        flashPolicy: bool = False,
    ) -> None:
        """
        Parameters as of `wsfallback.FallbackServerFactory`.

        :raises TypeError: a string where a list belongs.
        :raises ValueError: something that can't be.
        """
        if any(isinstance(each, str) for each in (hosts, trusted)):
            raise TypeError("hosts and trusted are lists of strings")
        self._gates = Gates(everywhere, byPath)
        self.trusted = networks(trusted)
        self._hosts = Hosts(hosts, self.trusted)
        self._external = None if externalURL is None else External.at(externalURL)
        self._answersFlash = flashPolicy

    def visit(self, request: Request, peer: str, isSecure: bool) -> Visit:
        """
        Look at a request.

        :param peer: who is at the other end of TCP, as Autobahn writes it:
            ``tcp4:192.0.2.7:52914``.
        :param isSecure: whether that was by TLS.
        :raises HandshakeError: 421: it is for another host.
        """
        asked, isSecure = self._hosts.asked(request, peer, isSecure)
        gate, prefix = self._gates.forPath(request.path), b""
        if asked.target != asked.resource:
            # What was compared is what handlers and backends are to see.
            asked = asked.askedOf(asked.host)
        if self._external is not None:
            asked, isSecure = self._external.asked(asked), self._external.isSecure
            prefix = self._external.prefix
        return Visit(asked, isSecure, prefix, gate)

    def clientOf(self, request: Request, peer: str) -> str:
        """
        Who the client is: as `wsfallback.forwarded.clientOf`.

        :param peer: who is at the other end of TCP.
        """
        return clientOf(request, peer, self.trusted)

    def flashPolicy(self, port: int | None) -> bytes | None:
        """
        What Flash is told when it asks for a policy; `None`: nothing.

        :param port: that has been connected to, if it has a number.
        """
        if not self._answersFlash:
            return None
        if self._external is not None:
            port = self._external.port
        return policy(domains(gate.origins for gate in self._gates.all), port)
