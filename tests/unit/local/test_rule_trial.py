"""Trying rules on a file of events; on a log they are tried in `tests/stack`."""

from __future__ import annotations

import io
import json

import pytest

from dojopool.adapters.cel import compile_expression
from dojopool.core.invariants.rules import Rule
from dojopool.errors import InvalidEvent
from dojopool.local.rule_trial import judged_events
from support.pipeline import POOL

EVENT = {"match": "m-1", "node": "eu/a#1", "seq": 1, "stamp": 1, "type": "player_joined", "body": {"player": "ana"}}


def lines(*events: dict[str, object]) -> io.BytesIO:
    """A file of events."""
    return io.BytesIO("".join(json.dumps(event) + "\n" for event in events).encode())


def test_each_rule_is_tried_on_each_match() -> None:
    """With what stands at the places that it reads."""
    holds = compile_expression("size(match.players) > 1", POOL.game.kind)
    rule = Rule("company", holds, reads=holds.reads)
    two = [EVENT, {**EVENT, "match": "m-2"}, {**EVENT, "match": "m-2", "seq": 2, "body": {"player": "ben"}}]
    trials = judged_events(lines(*two), POOL, [rule])

    assert [(match, judgement.is_valid, values) for match, judgement, values in trials] == [
        ("m-1", False, {"players": '["ana"]'}),
        ("m-2", True, {"players": '["ana","ben"]'}),
    ]


def test_a_line_that_is_no_event_is_refused() -> None:
    """A sample that is half read would say something about another match."""
    with pytest.raises(InvalidEvent, match="line 2"):
        judged_events(lines(EVENT, {"match": "m-1"}), POOL, [])
