"""Who may come in, and what is said to who may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.adapters.raft_frames import Rejected
from dojopool.adapters.raft_handshake import (
    HELLO_BYTES_MAX,
    Hello,
    check_certificate,
    check_hello,
    decode_hello,
    encode_hello,
)
from dojopool.errors import ConfigError

MINE = Hello("prod", 1, 0, b"m" * 16)
THEIRS = Hello("prod", 2, 1, b"t" * 16)


def test_a_hello_comes_back() -> None:
    """What one side says of itself arrives."""
    assert decode_hello(encode_hello(THEIRS)) == THEIRS


def test_the_longest_hello_fits() -> None:
    """Who has the longest name can still say it before being known."""
    assert len(encode_hello(replace(THEIRS, cluster="c" * 64))) <= HELLO_BYTES_MAX


@pytest.mark.parametrize(
    ("damaged", "kind", "why"),
    [
        (b"", "malformed", "a hello has more than 42 bytes, this one 0"),
        (b"x" * 50, "malformed", "begins with b'dojoraft', this one with b'xxxxxxxx'"),
        (encode_hello(THEIRS)[:8] + b"\x02" + encode_hello(THEIRS)[9:], "version", "the other side speaks version 2"),
        (encode_hello(THEIRS)[:-1] + b"\xff", "malformed", "cannot be read"),
        (encode_hello(THEIRS) + b"c" * 64, "malformed", "has 1 to 64 bytes in UTF-8"),
    ],
)
def test_what_is_no_hello(damaged: bytes, kind: str, why: str) -> None:
    """Bytes that are no hello of this version are refused, by kind."""
    with pytest.raises(Rejected, match=why) as refused:
        decode_hello(damaged)

    assert refused.value.kind == kind


@pytest.mark.parametrize("expected", [None, 2])
def test_a_member_is_let_in(expected: int | None) -> None:
    """A member of this group that means this member passes."""
    check_hello(THEIRS, MINE, expected=expected, members=[2, 3])


@pytest.mark.parametrize(
    ("found", "expected", "kind", "why"),
    [
        (replace(THEIRS, cluster="test"), None, "cluster", "it belongs to cluster 'test', this member to 'prod'"),
        (replace(THEIRS, to=3), None, "addressee", "it means member 3, this is member 1"),
        (replace(THEIRS, from_=1), None, "member", "ids are never shared"),
        (replace(THEIRS, from_=3), 2, "member", "member 3 answers at the address of member 2"),
        (replace(THEIRS, from_=4), None, "member", "member 4 is not known here"),
    ],
)
def test_m13_who_is_not_let_in(found: Hello, expected: int | None, kind: str, why: str) -> None:
    """Another cluster, another addressee and unknown or wrong members are told apart."""
    with pytest.raises(Rejected, match=why) as refused:
        check_hello(found, MINE, expected=expected, members=[2, 3])

    assert refused.value.kind == kind


def test_a_certificate_names_the_member() -> None:
    """A certificate opens the door to the member that it names, and to no other."""
    check_certificate({"n2"}, "n2")
    with pytest.raises(Rejected, match="the certificate names n3, not 'n2'"):
        check_certificate({"n3"}, "n2")
    with pytest.raises(Rejected, match="the certificate names nobody, not 'n2'"):
        check_certificate(set(), "n2")


@pytest.mark.parametrize(("cluster", "disk_id"), [("", MINE.disk_id), ("ü" * 33, MINE.disk_id), ("prod", b"short")])
def test_what_cannot_be_said(cluster: str, disk_id: bytes) -> None:
    """A member that cannot introduce itself is not started."""
    with pytest.raises(ConfigError):
        Hello(cluster, 1, 2, disk_id)
