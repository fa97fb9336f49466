"""
The options of who may come in, as the command line gives them.
"""

from collections.abc import Iterable
from typing import Any

from twisted.python import usage

from wsfallback.addresses import networks
from wsfallback.descriptions import byPath, listed
from wsfallback.external import External
from wsfallback.hosts import HostPattern
from wsfallback.policy import OriginPattern, draftsNamed
from wsfallback.rules import Gates, Rules


class RuleOptions(usage.Options):
    """
    Mixed into the options of the command.
    """

    optFlags = [  # noqa: RUF012  # Twisted's way to declare them
        [
            "flash-policy",
            None,
            "Answer Flash's request for a policy: programs from the domains of --origin may"
            " connect to this port.",
        ],
    ]
    optParameters: list[list[Any]] = [  # noqa: RUF012
        [
            "external-url",
            None,
            None,
            "Where clients find the server, which hixie's answers repeat: ws://host[:port] or"
            " wss://..., with the path that a proxy takes away.",
        ],
    ]

    def opt_drafts(self, names: str) -> None:
        """
        Which drafts to serve, with commas between: hixie-76,rfc6455, or /path=rfc6455 for a path
        and all below it; repeatable [default: all]
        """
        path, given = self._pathOf("drafts", names)
        try:
            found = [draft.name for draft in draftsNamed(listed(given))]
        except ValueError as error:
            raise usage.UsageError(f"--drafts {names}: {error}") from None
        self._add(path, "drafts", found)

    def opt_origin(self, pattern: str) -> None:
        """
        Which origin may connect: scheme://host:port, * for any part or for all that have one; null,
        file:// and none, for no origin, only where named; /path=... for a path and all below it;
        repeatable [default: any]
        """
        path, given = self._pathOf("origin", pattern)
        try:
            OriginPattern(given)
        except ValueError as error:
            raise usage.UsageError(f"--origin {pattern}: {error}") from None
        self._add(path, "origins", [given])

    def opt_legacy_from(self, network: str) -> None:
        """
        A network from where clients may use hixie-75 and hixie-76: 10.0.0.0/8, or /path=10.0.0.0/8
        for a path and all below it; repeatable [default: any]
        """
        path, given = self._pathOf("legacy-from", network)
        try:
            self._add(path, "legacyFrom", networks([given]))
        except ValueError as error:
            raise usage.UsageError(f"--legacy-from {network}: {error}") from None

    def opt_host(self, host: str) -> None:
        """
        A host that clients may ask for, by HTTP too: name[:port], with * for any part, or an
        address; repeatable [default: any]
        """
        try:
            HostPattern(host)
        except ValueError as error:
            raise usage.UsageError(f"--host {host}: {error}") from None
        self.setdefault("hosts", []).append(host)

    def opt_trusted_proxy(self, network: str) -> None:
        """
        A network of proxies whose X-Forwarded fields are believed: 10.0.0.0/8; repeatable
        """
        try:
            self.setdefault("trusted", []).extend(networks([network]))
        except ValueError as error:
            raise usage.UsageError(f"--trusted-proxy {network}: {error}") from None

    def checkRules(self) -> None:
        """
        Check what belongs together.

        :raises usage.UsageError: with what to do.
        """
        rules = self._rules()
        url = self["external-url"]
        try:
            Gates(rules.pop("", Rules()), rules)
        except ValueError as error:
            raise usage.UsageError(f"--drafts, --origin, --legacy-from: {error}") from None
        try:
            if url is not None:
                External.at(url)
        except ValueError as error:
            raise usage.UsageError(f"--external-url {url}: {error}") from None

    def entrance(self) -> dict[str, Any]:
        """
        What the factory is to be given of all this.
        """
        rules = self._rules()
        everywhere = rules.pop("", Rules())
        given = {
            name: value
            for name in Rules.__dataclass_fields__
            if (value := getattr(everywhere, name)) is not None
        }
        return {
            **given,
            "rules": rules,
            "hosts": self.get("hosts", []),
            "trusted": self.get("trusted", []),
            "externalURL": self["external-url"],
            "flashPolicy": bool(self["flash-policy"]),
        }

    def _pathOf(self, option: str, given: str) -> tuple[str, str]:
        try:
            return byPath(given)
        except ValueError as error:
            raise usage.UsageError(f"--{option} {given}: {error}") from None

    def _add(self, path: str, name: str, values: Iterable[Any]) -> None:
        self.setdefault("rules", {}).setdefault(path, {}).setdefault(name, []).extend(values)

    def _rules(self) -> dict[str, Rules]:
        return {path: Rules(**given) for path, given in self.get("rules", {}).items()}
