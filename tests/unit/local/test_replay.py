"""Replaying a match from a log."""

from __future__ import annotations

import pytest

from dojopool.core.event import Event
from dojopool.errors import CallerError
from dojopool.local.replay import event_json, events_of, parse_dot, steps
from support.pipeline import POOL, Pipeline, Scorer

RULES = list(POOL.game.invariants.values())


async def replayed(pipeline: Pipeline, match: str = "m-1") -> list[Event]:
    """The events of a match in the log."""
    async with pipeline.log.reader() as reader:
        return await events_of(
            match, reader=reader, topics=pipeline.config.topics, partitions=pipeline.partitions, loaded=POOL
        )


async def test_events_of_all_streams_come_in_the_order_of_their_stamps() -> None:
    """Only those of the match; what is no event of it is left out."""
    pipeline, eu, us = Pipeline(), Scorer(), Scorer("us/gs-2#b")
    pipeline.append_mark(1)
    pipeline.append(eu.points("m-1"), eu.points("m-2"), eu.points("m-1"))
    pipeline.append(us.points("m-1"), region="us")
    pipeline.append_raw((b"m-1", b"garbage"), (b"m-1", us.points("m-1")))

    assert [event.dot for event in await replayed(pipeline)] == [(eu.node, 1), (us.node, 1), (eu.node, 2)]
    assert await replayed(pipeline, "m-9") == []


async def test_a_match_that_is_no_name_is_refused() -> None:
    """Nothing is read for it."""
    with pytest.raises(CallerError):
        await replayed(Pipeline(), "a b")


async def test_each_step_shows_what_it_did() -> None:
    """State and broken rules behind it, and what became of an event that was not delivered; repeats are left out."""
    pipeline, eu, twin = Pipeline(), Scorer(), Scorer()
    joined = eu.event("m-1", "player_joined", {"player": "ana"})
    eu.points("m-1", 5)
    late = eu.points("m-1", 7)
    pipeline.append(joined, joined, late, twin.points("m-1"))
    taken = list(steps(await replayed(pipeline), POOL, RULES, until=None))

    assert [(step.event.seq, step.outcome, list(step.broken_rules)) for step in taken] == [
        (1, "delivered", []),
        (1, "equivocation", []),
        (3, "waiting", []),
    ]
    assert taken[0].state["players"] == ["ana"]


async def test_it_stops_behind_the_event_that_was_named() -> None:
    """And shows the rule that this event broke."""
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append(*(eu.points("m-1") for _ in range(5)))
    taken = list(steps(await replayed(pipeline), POOL, RULES, until=(eu.node, 2)))

    assert [step.event.seq for step in taken] == [1, 2]
    assert list(taken[-1].broken_rules) == ["known-player"]


def test_events_are_written_in_their_json_form() -> None:
    """As `dojo fold` takes them."""
    scorer = Scorer()
    event = POOL.codec.decode(scorer.points("m-1", 4, seen={"us/b#1": 2}))
    assert isinstance(event, Event)

    assert event_json(event) == {
        "match": "m-1",
        "node": scorer.node,
        "seq": 1,
        "base": None,
        "context": {"us/b#1": 2},
        "stamp": 1 << 16,
        "type": "points_awarded",
        "body": {"frame": 1, "player": "ana", "points": 4},
    }


def test_dots_are_written_as_node_and_seq() -> None:
    """What is none is refused."""
    assert parse_dot("eu/a#1:12") == ("eu/a#1", 12)
    for text in ("", "eu/a#1", "eu/a#1:", ":3", "eu/a#1:x"):
        with pytest.raises(CallerError, match="names no event"):
            parse_dot(text)
