"""
Certificates for tests: made on the spot, good for a day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)


@dataclass(frozen=True)
class Issued:
    """
    A certificate and its key.

    :ivar issuer: who has signed it; `None`: itself.
    """

    certificate: x509.Certificate
    key: Any
    issuer: "Issued | None" = None

    @property
    def pem(self) -> bytes:
        """
        The certificate alone.
        """
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain(self) -> bytes:
        """
        With those between it and the root.
        """
        above = self.issuer
        return self.pem + (above.chain if above is not None and above.issuer is not None else b"")

    @property
    def secret(self) -> bytes:
        """
        The key.
        """
        encoded: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return encoded

    @property
    def serial(self) -> int:
        """
        By which it is told from all others.
        """
        return self.certificate.serial_number

    def file(self, path: Path) -> Path:
        """
        Write all of it to a file.
        """
        path.write_bytes(self.chain + self.secret)
        return path

    def pair(self, directory: Path) -> Path:
        """
        Write it to a directory, as certbot does it.
        """
        directory.mkdir(exist_ok=True)
        (directory / "fullchain.pem").write_bytes(self.chain)
        (directory / "privkey.pem").write_bytes(self.secret)
        return directory


def issue(
    *names: str,
    by: Issued | None = None,
    isAuthority: bool = False,
    isRSA: bool = False,
    bits: int = 2048,
    days: float = 1,
) -> Issued:
    """
    Make one.

    :param names: DNS names, wildcards, addresses.
    :param by: who signs; by default it signs itself.
    :param bits: of the key, if it is one of RSA.
    :param days: until its end.
    """
    key: Any
    if isRSA:
        key = rsa.generate_private_key(65537, bits)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0] if names else "?")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(isAuthority, None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
        )
    return Issued(builder.sign(by.key if by is not None else key, hashes.SHA256()), key, by)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
