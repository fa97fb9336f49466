"""
`Certificates`: a directory of certificates, each client gets the one for the name that it gives.

TLS calls that name SNI, Server Name Indication: RFC 6066 §3.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import X509, PKey
from twisted.internet.interfaces import (
    IAcceptableCiphers,
    ICipher,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from wsfallback.pem import Credential, Source, Unusable, read, sources

_log = Logger()

#: The versions of TLS, as they are said.
VERSIONS = {
    "1.0": TLSVersion.TLSv1_0,
    "1.1": TLSVersion.TLSv1_1,
    "1.2": TLSVersion.TLSv1_2,
    "1.3": TLSVersion.TLSv1_3,
}

#: Of these, what all clients of today have: Twisted's default, too.
LOWEST = "1.2"

#: Those that OpenSSL speaks at its lowest level of security alone.
_OLD = ("1.0", "1.1")


@implementer(ICipher)
@dataclass(frozen=True, slots=True)
class _Cipher:
    """
    What stands in OpenSSL's list of ciphers.
    """

    fullName: str


@implementer(IAcceptableCiphers)
class _OldCiphers:
    """
    The ciphers for clients of all times.

    TLS 1.0 and 1.1 sign with SHA-1, and OpenSSL 3 and later have that at level 0 alone. The level
    is set by a word in the list of ciphers, and that list is all that Twisted lets one say.
    """

    def selectCiphers(self, availableCiphers: tuple[ICipher]) -> Any:
        """
        Those with AES; RC4 and 3DES are gone from OpenSSL.
        """
        ciphers = AcceptableCiphers.fromOpenSSLCipherString(
            "TLS13-AES-256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES-128-GCM-SHA256:"
            "ECDH+AESGCM:ECDH+CHACHA20:RSA+AESGCM:ECDH+AES:RSA+AES:!aNULL:!eNULL:!MD5"
        )
        return (*ciphers.selectCiphers(availableCiphers), _Cipher("@SECLEVEL=0"))


@dataclass(frozen=True, slots=True)
class _Served:
    """
    A certificate in the form in which connections get it.
    """

    credential: Credential
    options: CertificateOptions

    @property
    def context(self) -> SSL.Context:
        """
        One for all connections: nothing in it changes any more.
        """
        return self.options.getContext()


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """
    The certificates of a directory, for `twisted.internet.endpoints.wrapServerTLS`.

    Which certificate is for whom say the names in it, wildcards too; `wsfallback.pem` says what
    the files are called. Of several for a name the one that is valid longest is taken.
    """

    def __init__(
        self, directory: str | Path, *, default: str | None = None, lowest: str = LOWEST
    ) -> None:
        """
        :param directory: with the files.
        :param default: the name of the file, without ``.pem``, or of the directory, whose
            certificate the clients get that give no name, or one that nothing is there for. By
            default that is ``default``, or if nothing is called so the first by its name.
        :param lowest: the lowest version of TLS that is spoken: ``1.0``, ``1.1``, ``1.2`` or
            ``1.3``.
        :raises ValueError: a certificate can't be used, there is none, or no such version.
        """
        if lowest not in VERSIONS:
            raise Unusable(f"lowest={lowest}: give {', '.join(VERSIONS)}")
        self._directory = Path(directory)
        self._default = default and default.lower()
        self._lowest = lowest
        self._served: dict[str, _Served] = {}
        served, problems = self._read()
        if problems:
            raise Unusable("; ".join(problems))
        self._use(served)

    def __str__(self) -> str:
        count = len(self._served)
        return (
            f"{count} certificate{'s' if count > 1 else ''} of {self._directory},"
            f" {self._first.credential.source.label} for clients that name nobody"
        )

    def reload(self) -> None:
        """
        Read the directory again, for connections that come from now on.

        What can't be read is logged, in a line for each, and the certificate that was there
        before stays in force; so do all of them if nothing can be read. It never raises.
        """
        try:
            served, problems = self._read()
            before = self._served
            self._use(served)
        except Unusable as error:
            _log.error("{problem}; all certificates stay as they are", problem=str(error))
            return
        for problem in problems:
            _log.error("{problem}; it stays as it was", problem=problem)
        new = [label for label, each in served.items() if each is not before.get(label)]
        _log.info(
            "Read again: {certificates}; new: {new}",
            certificates=str(self),
            new=", ".join(new) or "none",
        )

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        A connection that has the certificate for unknown names, until it gives one.
        """
        return self._first.options.serverConnectionForTLS(protocol)

    def contextFor(self, name: bytes | None) -> SSL.Context | None:
        """
        What a client gets that gives this name.

        :param name: as it was received, any bytes; `None`: no name.
        :returns: `None`: there is nothing for it.
        """
        if name is None:
            return None
        name = name.lower().removesuffix(b".")
        # RFC 6125 §6.4.3: the star is one label.
        for candidate in (name, b"*." + name.partition(b".")[2]):
            found = self._names.get(candidate)
            if found is not None:
                return found.context
        return None

    def _read(self) -> tuple[dict[str, _Served], list[str]]:
        """
        What is to be in force, and what is wrong in the files.

        :raises Unusable: nothing can be read.
        """
        served: dict[str, _Served] = {}
        problems: list[str] = []
        for source in sources(self._directory):
            before = self._served.get(source.label)
            try:
                served[source.label] = self._serve(source, before)
            except Unusable as error:
                problems.append(f"{self._directory / source.label}: {error}")
                if before is not None:
                    served[source.label] = before
        if not served:
            problems.append(f"{self._directory}: there is no certificate that can be used")
            raise Unusable("; ".join(problems))
        return served, problems

    def _serve(self, source: Source, before: _Served | None) -> _Served:
        credential = read(source)
        if before is not None and before.credential.chain == credential.chain:
            return before
        try:
            options = self._optionsOf(credential)
            options.getContext()  # now, to see what OpenSSL thinks of it
        except (SSL.Error, TypeError, ValueError) as error:
            raise Unusable(f"OpenSSL doesn't take it: {error}") from None
        if credential.until < datetime.now(UTC):
            _log.warn(
                "{where}: the certificate has expired, on {until:%Y-%m-%d}",
                where=str(self._directory / source.label),
                until=credential.until,
            )
        return _Served(credential, options)

    def _optionsOf(self, credential: Credential) -> CertificateOptions:
        first, *others = map(X509.from_cryptography, credential.chain)
        return CertificateOptions(
            privateKey=PKey.from_cryptography_key(credential.key),  # type: ignore[arg-type]
            certificate=first,
            extraCertChain=others,
            insecurelyLowerMinimumTo=VERSIONS[self._lowest],
            acceptableCiphers=_OldCiphers() if self._lowest in _OLD else None,
            contextForServerName=self.contextFor,
        )

    def _use(self, served: dict[str, _Served]) -> None:
        """
        Have these in force.

        :raises Unusable: the default is not among them, and nothing has changed.
        """
        byHost = {each.credential.source.host: each for each in served.values()}
        wanted = self._default or "default"
        first = byHost.get(wanted)
        if first is None:
            if self._default is not None:
                raise Unusable(f"{self._directory}: there is no certificate called {wanted}")
            first = next(iter(served.values()))
        names: dict[bytes, _Served] = {}
        for each in sorted(served.values(), key=lambda each: each.credential.until):
            names.update((name.encode(), each) for name in each.credential.names)
        self._served, self._names, self._first = served, names, first
