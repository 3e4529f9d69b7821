"""Hostile records in a stream: each has the verdict of the corpus, whoever decodes it, and harms nobody."""

from __future__ import annotations

import json
import tracemalloc
from itertools import count

import pytest

from dojopool.codec.event_codec import EventCodec, codec_for
from dojopool.core.fold import Fold
from dojopool.core.streams import Fed, Streams
from dojopool.games.loading import LoadedGame
from dojopool.games.pool import pool
from support.avro_samples import pool_codecs
from support.builders import FakeRecord
from support.hostile import CORPUS, HERE, NEIGHBOUR, NEWER, NODE, PARTITIONS, Becomes, Case, newer_points
from support.pipeline import Scorer

CODECS = dict(zip(("generated", "fastavro"), pool_codecs(), strict=True))

MEMORY_MAX = 4 * 65_536
"""For one case, whose longest record that is looked into has 64 KiB: nothing may grow with what a number announces."""


def new_streams(codec: EventCodec) -> Streams:
    """The streams of the partition of all cases, for the built-in game."""
    loaded = LoadedGame(pool, codec)
    return Streams(loaded.new_fold(), partition=HERE, partitions=PARTITIONS, regions=["eu", "us"])


def records(*pairs: tuple[bytes | None, bytes | None]) -> list[FakeRecord]:
    """Keys and values as records of a log."""
    return [FakeRecord(offset, key, value) for offset, (key, value) in zip(count(), pairs, strict=False)]


def points(fold: Fold, match: str) -> int:
    """The points of ana in frame 1."""
    held = fold.matches.get(match)
    plain = {} if held is None else json.loads(json.dumps(fold.kind.plain(held.root)))
    return int(plain.get("frames", {}).get("1", {}).get("points", {}).get("ana", 0))


def fed_among_neighbours(case: Case, codec: EventCodec) -> tuple[Streams, Fed]:
    """The case between two sound events of another match, and what feeding that did."""
    streams, writer = new_streams(codec), Scorer(NODE)
    before, after = ((NEIGHBOUR.encode(), writer.points(NEIGHBOUR)) for _ in range(2))
    return streams, streams.feed("eu", records(before, *case.records, after))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_each_record_has_its_verdict(case: Case, codec: EventCodec) -> None:
    """At most one letter, of the right record and reason; what counts is counted, and the neighbours are applied."""
    streams, fed = fed_among_neighbours(case, codec)
    fold, position = streams.fold, streams.positions["eu"]

    assert [letter.record.offset for letter in fed.letters] == [len(case.records)] * case.letters
    assert all(case.reason in letter.reason for letter in fed.letters)
    assert (fed.records, position.next_offset) == (len(case.records) + 2, len(case.records) + 2)
    assert points(fold, NEIGHBOUR) == 2
    assert points(fold, case.match) == case.applied
    assert fold.waiting("eu") == case.waits
    assert len(fed.equivocations) == (case.becomes is Becomes.SECOND)
    delivered = case.applied + (case.becomes is Becomes.NO_OP)
    assert fed.delivered == 2 + delivered
    held = fold.matches.get(case.match)
    assert ({} if held is None else held.inbox.delivered) == ({NODE: delivered} if delivered else {})


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_both_decoders_leave_the_same_state_and_the_same_letters(case: Case) -> None:
    """Canonical bytes and reasons are equal, letter for letter."""
    found = []
    for codec in CODECS.values():
        streams, fed = fed_among_neighbours(case, codec)
        states = {match: held.encode(pool.kind) for match, held in streams.fold.matches.items()}
        found.append((states, [letter.reason for letter in fed.letters]))

    assert found[0] == found[1]


@pytest.mark.parametrize("case", [case for case in CORPUS if case.becomes is Becomes.NO_OP], ids=lambda case: case.name)
def test_a_node_goes_on_behind_a_refused_body(case: Case) -> None:
    """What the node writes next on the match is applied."""
    streams, writer = new_streams(CODECS["generated"]), Scorer(NODE)
    writer.seqs[case.match] = 1
    streams.feed("eu", records(*case.records, (case.match.encode(), writer.points(case.match))))

    assert points(streams.fold, case.match) == 1


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_what_is_announced_costs_nothing(codec: EventCodec) -> None:
    """No record of the corpus takes more memory than a few times its own size, whatever it says of itself."""
    peaks = {}
    for case in CORPUS:
        streams = new_streams(codec)
        prepared = records(*case.records)
        tracemalloc.start()
        try:
            streams.feed("eu", prepared)
            peaks[case.name] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert {name: peak for name, peak in peaks.items() if peak > MEMORY_MAX} == {}


def test_letters_leave_nothing_behind_in_memory() -> None:
    """However many letters there were under however many keys, no match of them is kept."""
    streams = new_streams(CODECS["generated"])
    [case] = [case for case in CORPUS if case.name == "another match's key"]
    value = case.records[0][1]
    pairs = ((key.encode(), value) for number in range(2_000) if (key := f"k-{number}"))
    fed = streams.feed("eu", records(*pairs))

    assert len(fed.letters) == 2_000
    assert streams.fold.matches == {}


def test_a_newer_program_applies_what_was_held() -> None:
    """The records that an older program held are events to one that knows their schema; the game's other codec, that of
    today, holds them.
    """
    match = NEIGHBOUR
    pairs = [(match.encode(), newer_points(match, seq)) for seq in (1, 2)]
    older, newer = new_streams(codec_for("event.avsc")), new_streams(NEWER)
    held, read = older.feed("eu", records(*pairs)), newer.feed("eu", records(*pairs))

    assert (points(older.fold, match), older.fold.undecoded(), len(held.letters)) == (0, 2, 2)
    assert (points(newer.fold, match), newer.fold.undecoded(), read.letters) == (2, 0, [])
    assert LoadedGame(pool, NEWER).version != LoadedGame(pool, codec_for("event.avsc")).version
