"""A certificate authority for development, and certificates of Raft members signed by it.

The authority's key lies beside the certificates, unencrypted: whoever reads it can be any member. In production the
same certificates come from an authority that is kept elsewhere; what one must say is written at `raft_tls`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dojopool.adapters.raft_tls import MEMBER_URI
from dojopool.errors import ConfigError

AUTHORITY: Final = "ca"
"""Name of the authority's files, which no member can have."""

VALID_DAYS: Final = 365
"""Of everything made here. Development outlives it seldom; then remove the folder and make it anew."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

_BACKDATED: Final = timedelta(minutes=5)  # for members whose clock is behind


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one name."""

    name: str
    certificate: Path
    key: Path
    is_new: bool


def make_certificates(folder: Path, names: Sequence[str]) -> list[Made]:
    """Make `ca.pem`, `ca.key`, and `NAME.pem`, `NAME.key` for every name; what is there already is kept as it is.

    Keys can be read by their owner only. Raises ConfigError for a name that cannot be a file or a member, for half a
    pair, and for what cannot be read or written.
    """
    for name in names:
        if not NAME.fullmatch(name) or name == AUTHORITY:
            raise ConfigError(
                f"{name!r} cannot name a member's certificate: take 1 to 63 of letters, digits, '.', '_', '-',"
                f" a letter or digit first, and not {AUTHORITY!r}"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority = _Authority.of(folder)
        return [authority.made, *(authority.member(name) for name in dict.fromkeys(names))]
    except (OSError, ValueError) as error:
        raise ConfigError(f"certificates cannot be made in {folder}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Authority:
    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    made: Made

    @classmethod
    def of(cls, folder: Path) -> _Authority:
        """The authority of a folder, made when there is none."""
        made = _pair(folder, AUTHORITY)
        if made.is_new:
            key = ec.generate_private_key(ec.SECP256R1())
            subject = _named("dojo development authority")
            certificate = (
                _begun(subject, issuer=subject, key=key)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(signs_certificates=True), critical=True)
                .sign(key, hashes.SHA256())
            )
            _write(made, certificate, key)
            return cls(folder, certificate, key, made)
        found = serialization.load_pem_private_key(made.key.read_bytes(), password=None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise ConfigError(f"{made.key} is not a key that this command made: give another folder")
        return cls(folder, x509.load_pem_x509_certificate(made.certificate.read_bytes()), found, made)

    def member(self, name: str) -> Made:
        """The certificate of a member, made when there is none."""
        made = _pair(self.folder, name)
        if made.is_new:
            key = ec.generate_private_key(ec.SECP256R1())
            uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(MEMBER_URI + name)])
            issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            certificate = (
                _begun(_named(name), issuer=self.certificate.subject, key=key)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_usage(signs_certificates=False), critical=True)
                .add_extension(uses, critical=False)
                .add_extension(names, critical=False)
                .add_extension(issuer_key, critical=False)
                .sign(self.key, hashes.SHA256())
            )
            _write(made, certificate, key)
        return made


def _pair(folder: Path, name: str) -> Made:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if certificate.exists() != key.exists():
        there, missing = (certificate, key) if certificate.exists() else (key, certificate)
        raise ConfigError(f"{there} is there and {missing} is not: bring the missing one back, or remove the other")
    return Made(name, certificate, key, is_new=not key.exists())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(subject: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(made: Made, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # "x" and O_EXCL: a key that appeared meanwhile is not overwritten.
    with os.fdopen(os.open(made.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    with made.certificate.open("xb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
