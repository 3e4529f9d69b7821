"""How links between members are secured: mutual TLS, or nothing when that is asked for by name.

A member's certificate names it in a subject alternative name, `dojo:member/NAME`, which no certificate of a host has:
so a web server's certificate of the same authority opens no door here. Host names are not looked at, as members are
reached through addresses, tunnels and proxies; who is at the other end is the handshake's matter.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dojopool.errors import ConfigError

MEMBER_URI: Final = "dojo:member/"
"""What the URI of a member's certificate starts with; its name follows."""


@dataclass(frozen=True, slots=True)
class MutualTls:
    """Files in PEM form. They are read when links are opened; a new certificate counts after a restart."""

    authority: Path
    """Certificate of the authority that signed every member's; no other one is trusted."""
    certificate: Path
    key: Path

    def dialling(self) -> ssl.SSLContext:
        """Context for connections to other members. Raises ConfigError naming what cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        return self._loaded(context)

    def listening(self) -> ssl.SSLContext:
        """Context for connections from other members. Raises ConfigError naming what cannot be used."""
        return self._loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def _loaded(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(self.authority)
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # an SSLError is one too
            raise ConfigError(
                f"mutual TLS with authority {self.authority}, certificate {self.certificate} and key {self.key} cannot"
                f" be used: {error}; `dojo certs make` makes such files"
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class PlainTcp:
    """No TLS: whoever reaches the port can be any member, read everything and decide everything. For a network that
    nobody else is on.
    """

    def dialling(self) -> None:
        """No context."""

    def listening(self) -> None:
        """No context."""


Security = MutualTls | PlainTcp


def certified_names(transport: asyncio.BaseTransport) -> frozenset[str] | None:
    """Members that the other side's verified certificate names; None on plain TCP."""
    if transport.get_extra_info("ssl_object") is None:
        return None
    certificate = transport.get_extra_info("peercert") or {}
    uris = (value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI")
    return frozenset(uri.removeprefix(MEMBER_URI) for uri in uris if uri.startswith(MEMBER_URI))
