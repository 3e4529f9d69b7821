"""Certificates open links, and only those that name members."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from dojopool.adapters.raft_tls import MutualTls, PlainTcp
from dojopool.errors import ConfigError
from support.raft_links import tls


def test_both_sides_must_prove_themselves(tmp_path: Path) -> None:
    """Neither side goes on without a certificate of the other, nor with an older TLS."""
    security = tls(tmp_path, "n1")
    for context in (security.dialling(), security.listening()):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
        assert len(context.get_ca_certs()) == 1


def test_plain_tcp_has_no_context() -> None:
    """Who asks for plain TCP gets it."""
    assert (PlainTcp().dialling(), PlainTcp().listening()) == (None, None)  # type: ignore[func-returns-value]  # that it returns none is the test


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    """Files that do not belong together are named before a link is opened."""
    one, two = tls(tmp_path, "n1"), tls(tmp_path, "n2")

    with pytest.raises(ConfigError, match=r"n1\.pem and key .*n2\.key cannot be used"):
        MutualTls(one.authority, one.certificate, two.key).dialling()
