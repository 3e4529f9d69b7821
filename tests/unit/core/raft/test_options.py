"""Options refuse what cannot work, naming the field and the rule."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.raft.options import Options, ReadMode
from dojopool.errors import ConfigError

LEASE = ReadMode.LEASE


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("id", {"id": 0}),
        ("id", {"id": 1 << 64}),
        ("heartbeat_ticks", {"heartbeat_ticks": 0}),
        ("election_ticks", {"election_ticks": 3, "heartbeat_ticks": 3}),
        ("message_bytes_max", {"message_bytes_max": -1}),
        ("inflight_bytes_max", {"inflight_bytes_max": -1}),
        ("uncommitted_bytes_max", {"uncommitted_bytes_max": -1}),
        ("committed_bytes_max", {"committed_bytes_max": -1}),
        ("inflight_max", {"inflight_max": 0}),
        ("read_mode", {"read_mode": LEASE, "lease_ms": 5, "check_quorum": False}),
        ("lease_ms", {"read_mode": LEASE}),
    ],
)
def test_what_breaks_a_rule_is_refused(field: str, options: dict[str, Any]) -> None:
    """The error names the field, the value found and the rule."""
    with pytest.raises(ConfigError, match=f"{field}={options.get(field, 0)!r}".replace("<", ".").replace(">", ".")):
        Options(**{"id": 1, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"id": (1 << 64) - 1},
        {"election_ticks": 2, "heartbeat_ticks": 1},
        {"inflight_max": 1, "message_bytes_max": 0, "uncommitted_bytes_max": 0},
        {"read_mode": LEASE, "lease_ms": 1},
    ],
)
def test_the_edges_are_allowed(options: dict[str, Any]) -> None:
    """The last value that keeps a rule is taken as it is."""
    made = Options(**{"id": 1, **options})

    assert {name: getattr(made, name) for name in options} == options


def test_a_promise_is_longer_than_a_lease() -> None:
    """A follower's clock may run a quarter faster than its leader's."""
    assert Options(id=1, read_mode=LEASE, lease_ms=1000).promise_ms == 1250
