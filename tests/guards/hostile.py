"""Guards against what nobody should send: a foreign record must not count, nor stop what is behind it.

The records are put together byte by byte (`support.hostile`), since no codec of ours writes them.
"""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from dojopool.codec import envelope, event_codec, wire
from dojopool.core import names
from dojopool.core.event import STAMP_MAX, Event, RefusedBody
from dojopool.core.fold import Fold
from dojopool.core.inbox import Arrival, Inbox
from dojopool.replica import letters
from guards.reading import QUIET_S, US, read_through
from guards.result import Guard, Result, oracle, seen
from support.hostile import event, number, points_body, text
from support.pipeline import Pipeline, Scorer, passed

UNLIMITED: Final = 1 << 63
MATCH: Final = "m-1"
KEY: Final = MATCH.encode()
RIVAL: Final = "eu/gs-7#z"


def schedule(*players: str, max_score: int) -> bytes:
    """The body of a schedule."""
    listed = number(len(players)) + b"".join(map(text, players)) + b"\0"
    return number(0) + listed + number(9) + number(0) + number(max_score)


async def told_to_a_replica(*records: bytes, expected: list[bytes]) -> Result:
    """What readers see of the match after these records in the stream of eu, beside what they should see."""
    pipeline = Pipeline()
    pipeline.append_raw(*((KEY, record) for record in records))
    await read_through(pipeline)
    return Result(await seen(pipeline.store, [MATCH]), oracle(expected))


# --- limits of what is decoded


def without_size_cap(patch: pytest.MonkeyPatch) -> None:
    """An event is decoded however long it is."""
    patch.setattr(event_codec, "RECORD_BYTES_MAX", UNLIMITED)


async def a_schedule_of_many_players() -> Result:
    """A match is scheduled, and then once more by a foreign writer, in 70,000 bytes and with a later stamp."""
    sound = Scorer().event(MATCH, "match_scheduled", _rules(max_score=100))
    crowd = [f"player-{place:0112}" for place in range(590)]
    oversized = event(MATCH, node=RIVAL, body=schedule(*crowd, max_score=1))
    return await told_to_a_replica(sound, oversized, expected=[sound])


def _rules(*, max_score: int) -> dict[str, object]:
    return {"players": ["ana", "bo"], "frames_to_play": 9, "break_rule": "winner", "max_score": max_score}


def without_length_check(patch: pytest.MonkeyPatch) -> None:
    """A length may be negative, so that reading goes on in front of it."""
    patch.setattr(wire, "read_length", wire.read_long)


async def a_length_that_points_back() -> Result:
    """The last byte of an event is the length of a name, -1, and would be its points too if it were read again."""
    sound = Scorer().points(MATCH, 5)
    points_back = event(MATCH, node=RIVAL, body=number(4) + number(1) + number(-1))
    return await told_to_a_replica(sound, points_back, expected=[sound])


def without_context_limit(patch: pytest.MonkeyPatch) -> None:
    """A context may name as many nodes as fit into a record."""
    patch.setattr(envelope, "CONTEXT_NODES_MAX", UNLIMITED)
    patch.setattr(names, "CONTEXT_NODES_MAX", UNLIMITED)


async def a_context_of_too_many_nodes() -> Result:
    """513 writers add bo; a foreign one, whose context names all of them, takes bo out again."""
    writers = [Scorer(f"eu/gs-{place}#a") for place in range(513)]
    joined = [writer.event(MATCH, "player_joined", {"player": "bo"}) for writer in writers]
    context = b"".join(text(writer.node) + number(1) for writer in writers)
    left = event(
        MATCH, node=RIVAL, context=number(1) + number(len(writers)) + context + b"\0", body=number(2) + text("bo")
    )
    return await told_to_a_replica(*joined, left, expected=joined)


def without_stamp_limit(patch: pytest.MonkeyPatch) -> None:
    """A stamp may be any number that its field takes."""
    patch.setattr(envelope, "STAMP_MAX", UNLIMITED)
    patch.setattr(names, "STAMP_MAX", UNLIMITED)


async def a_stamp_beyond_all_others() -> Result:
    """Somebody schedules a match with a stamp above the highest there may be; nobody saw it when the match was set."""
    sound = Scorer().event(MATCH, "match_scheduled", _rules(max_score=100))
    late = event(MATCH, node=RIVAL, stamp=STAMP_MAX + 1, body=schedule("ana", "bo", max_score=1))
    return await told_to_a_replica(sound, late, expected=[sound])


# --- what one record may do to others


def without_reducer_containment(patch: pytest.MonkeyPatch) -> None:
    """What a reducer raises is raised on."""

    def read(self: Fold, data: bytes) -> object:
        found = self._decode(data)
        if isinstance(found, Event) and not isinstance(found.body, RefusedBody):
            found.writes = self._reduce(found)
        return found

    patch.setattr(Fold, "read", read)


async def a_reducer_raises() -> Result:
    """A foreign writer awards zero points, at which the reducer raises, in front of another match's points."""
    pipeline, eu = Pipeline(), Scorer()
    behind = eu.points("m-2", 5)
    pipeline.append_raw((KEY, event(MATCH, node=RIVAL, body=points_body(0))), (b"m-2", behind))
    async with pipeline.replica() as running:
        await passed(QUIET_S)
        if running.task.done():  # what it raised is what the broken build is to be caught at
            running.is_judged = True
            await asyncio.wait([running.task])
            running.task.exception()
    return Result(await seen(pipeline.store, ["m-2"]), oracle([behind]))


def without_first_payload(patch: pytest.MonkeyPatch) -> None:
    """A second payload under the dot of an event that waits takes its place."""
    sound = Inbox.arrive

    def arrive(self: Inbox, event: Event) -> Arrival:
        if self.backlog is not None:
            self.backlog.waiting.get(event.node, {}).pop(event.seq, None)
        return sound(self, event)

    patch.setattr(Inbox, "arrive", arrive)


async def two_payloads_under_one_dot() -> Result:
    """Two programs write as one node; the first one's event waits for what it had read, the second's does not."""
    pipeline, us = Pipeline(), Scorer(US)
    read = us.points(MATCH, 1)
    first, second = Scorer().points(MATCH, 8, seen={US: 1}), Scorer().points(MATCH, 2)
    pipeline.append(first, second)
    async with pipeline.replica():
        await passed(QUIET_S)
        pipeline.append(read, region="us")
        await passed(QUIET_S)
    return Result(await seen(pipeline.store, [MATCH]), oracle([read, first]))


def without_letter_size(patch: pytest.MonkeyPatch) -> None:
    """A letter carries its record whole, however long that is."""
    patch.setattr(letters, "RECORD_BYTES_MAX", UNLIMITED)


async def a_record_that_no_topic_takes() -> Result:
    """Noise of two million bytes, which were few when compressed, stands in front of an event."""
    pipeline, eu = Pipeline(), Scorer()
    behind = eu.points(MATCH, 5)
    pipeline.append_raw((KEY, bytes(2_000_000)), (KEY, behind))
    await read_through(pipeline)
    return Result(await seen(pipeline.store, [MATCH]), oracle([behind]))


GUARDS: Final = (
    Guard(
        "size cap",
        "a record of more than 64 KiB is a letter, in every region and whatever it says",
        "it counts where there is memory for it",
        "lost",
        "an event that other regions refuse replaces a match's rules and players",
        without_size_cap,
        a_schedule_of_many_players,
    ),
    Guard(
        "no length below zero",
        "a negative length refuses its value",
        "reading goes on in front of it: the same bytes are read again, in a list without end",
        "lost",
        "a byte counts as a length and as points, and a point is gone",
        without_length_check,
        a_length_that_points_back,
    ),
    Guard(
        "limit of a context",
        "an event that names more than 512 nodes is a letter",
        "it counts, and its nodes are kept with the match for good",
        "lost",
        "an event that other regions refuse takes a player out",
        without_context_limit,
        a_context_of_too_many_nodes,
    ),
    Guard(
        "limit of a stamp",
        "an event with a stamp above 2^62 is a letter",
        "it counts",
        "lost",
        "it outdoes every stamp that a writer may give, for good",
        without_stamp_limit,
        a_stamp_beyond_all_others,
    ),
    Guard(
        "containment of a reducer",
        "whatever a reducer raises refuses that one event",
        "it is raised on",
        "lost",
        "the program ends at this record each time it reads it, and everything behind is never read",
        without_reducer_containment,
        a_reducer_raises,
    ),
    Guard(
        "first payload of a dot",
        "of two payloads under one dot the one that was first in the log counts",
        "the second one does while the first waits",
        "lost",
        "which one counts depends on how far other streams were read, and the first is gone",
        without_first_payload,
        two_payloads_under_one_dot,
    ),
    Guard(
        "size of a letter",
        "of a record that is too long for a letter the beginning is written",
        "the letter carries it whole",
        "lost",
        "no topic takes the letter, and the partition stands still in front of everything behind it",
        without_letter_size,
        a_record_that_no_topic_takes,
    ),
)
