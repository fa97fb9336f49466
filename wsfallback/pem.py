"""
Certificates with their keys, in the files of a directory.

Two layouts, side by side if need be: ``NAME.pem``, the chain and the key in one file; and
``NAME/fullchain.pem`` with ``NAME/privkey.pem``, as in certbot's ``/etc/letsencrypt/live``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

#: RFC 7468 §10, §11 and the older kinds, each of which names its algorithm.
_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)

#: Bytes of a file: a hundred certificates and more.
_MAX_FILE = 1 << 20


class Unusable(ValueError):
    """
    What is in the files is of no use; the message says why, in one line.
    """


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where a certificate is.

    :ivar label: the name of the file, or of the directory.
    :ivar host: that without its suffix, in lower case.
    :ivar chain: the file with the certificates, the server's own first.
    :ivar key: the file with its key.
    """

    label: str
    host: str
    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Credential:
    """
    A certificate, those that vouch for it, and its key.

    :ivar names: whom it is for, in lower case: the DNS names of its ``subjectAltName``; where it
        has none, the name of its file.
    :ivar until: the end of its time.
    """

    source: Source
    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes
    names: frozenset[str]
    until: datetime


def sources(directory: Path) -> list[Source]:
    """
    What there is, by name.

    :raises Unusable: the directory can't be read.
    """
    try:
        return list(_sources(sorted(directory.iterdir())))
    except OSError as error:
        raise Unusable(f"{directory}: {error.strerror}") from None


def read(source: Source) -> Credential:
    """
    Read it and check that its parts belong together.

    :raises Unusable: they don't, or can't be read.
    """
    try:
        chain = tuple(x509.load_pem_x509_certificates(_content(source.chain)))
        key = _key(_content(source.key))
        if _public(key.public_key()) != _public(chain[0].public_key()):
            raise Unusable("the key is not that of the first certificate")
        names = _names(chain[0]) or {source.host}
    except Unusable:
        raise
    except Exception as error:  # each kind of mistake has an exception of its own there
        raise Unusable(_told(error)) from None
    return Credential(source, chain, key, frozenset(names), chain[0].not_valid_after_utc)


def _sources(paths: list[Path]) -> Iterator[Source]:
    for path in paths:
        if path.name.startswith("."):
            continue
        chain, key = path / "fullchain.pem", path / "privkey.pem"
        if path.is_dir():
            # A broken link counts as one that is there: half a pair is a mistake.
            if any(each.is_symlink() or each.exists() for each in (chain, key)):
                yield Source(path.name, path.name.lower(), chain, key)
        elif path.suffix == ".pem":
            yield Source(path.name, path.stem.lower(), path, path)


def _content(path: Path) -> bytes:
    """
    What is in a file. Anything else may keep the server waiting, as a pipe does, or have no end.

    :raises Unusable: it is no file, or too long.
    :raises OSError: it can't be read.
    """
    if path.exists() and not path.is_file():
        raise Unusable(f"{path.name} is no file")
    with path.open("rb") as file:
        content = file.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        raise Unusable(f"{path.name} has more than {_MAX_FILE} bytes")
    return content


def _key(text: bytes) -> PrivateKeyTypes:
    found = [match[0] for match in _KEY.finditer(text)]
    if len(found) != 1:
        raise Unusable(f"one private key is wanted, and there are {len(found)}")
    try:
        return load_pem_private_key(found[0], None)
    except TypeError:
        raise Unusable("the private key is encrypted") from None


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> set[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {name.lower() for name in extension.value.get_values_for_type(x509.DNSName)}


def _told(error: Exception) -> str:
    """
    An exception in one line.
    """
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
