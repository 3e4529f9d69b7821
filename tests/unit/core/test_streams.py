"""The streams of a partition: which records are letters, how marks move on, and what a full stream does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from dojopool.core import streams as streams_module
from dojopool.core.cut import Position
from dojopool.core.partition import partition_of
from dojopool.core.streams import Fed, LetterKind, Streams
from dojopool.errors import StreamBroken
from support.builders import FakeRecord, form, mark, record, shown
from support.everything import At, Form, new_fold, to_bytes

TOTAL = At("total")
PARTITIONS = 4
HERE = partition_of("m", PARTITIONS)
NEIGHBOUR = next(name for number in range(99) if partition_of(name := f"m{number}", PARTITIONS) == HERE)
"""A match of the same partition."""
STRANGER = next(name for number in range(99) if partition_of(name := f"m{number}", PARTITIONS) != HERE)
"""A match of another partition."""


def new_streams() -> Streams:
    """The streams of the partition that match m lives in."""
    return Streams(new_fold(), partition=HERE, partitions=PARTITIONS, regions=["eu", "us", "ap"])


def log(*whats: Form, first: int = 0) -> list[FakeRecord]:
    """These events and marks as records, one after the other."""
    return [record(offset, what) for offset, what in enumerate(whats, start=first)]


def reasons(fed: Fed) -> list[str]:
    """What the letters say."""
    return [letter.reason for letter in fed.letters]


@pytest.fixture
def limit_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only three events of a stream may wait."""
    monkeypatch.setattr(streams_module, "WAITING_MAX", 3)


def test_events_are_folded_and_the_position_moves_behind_them() -> None:
    """Offsets may have holes; the next one is behind the last record."""
    streams = new_streams()
    fed = streams.feed("eu", [record(0, form("A1", TOTAL.add(1))), record(7, form("A2", TOTAL.add(10)))])

    assert (fed.records, fed.delivered, fed.letters) == (2, 2, [])
    assert shown(streams.fold.matches["m"], "total") == 11
    assert streams.positions == {"eu": Position(next_offset=8), "us": Position(), "ap": Position()}


def test_feeding_nothing_moves_nothing() -> None:
    """An empty run of records leaves the position."""
    streams = new_streams()
    streams.feed("eu", log(form("A1")))

    assert streams.feed("eu", []).records == 0
    assert streams.positions["eu"].next_offset == 1


def test_a_run_may_add_to_an_earlier_one() -> None:
    """What is handed in is counted on."""
    streams, fed = new_streams(), Fed()

    assert streams.feed("eu", log(form("A1")), fed) is fed
    streams.feed("eu", log(form("A2"), first=1), fed)
    assert (fed.records, fed.delivered) == (2, 2)


LETTERS: list[tuple[str, Any, str]] = [
    ("no value", FakeRecord(0, b"m", None), "the record has no value"),
    ("noise", FakeRecord(0, b"m", b"noise"), "no event"),
    ("a key of another match", record(0, form("A1"), key=NEIGHBOUR), "is not the match m"),
    ("no key", FakeRecord(0, None, to_bytes(form("A1"))), "the key is no match id"),
    ("a key that is no name", FakeRecord(0, b"\xff", to_bytes(form("A1"))), "the key is no match id"),
    ("a node of another region", record(0, form("B1")), "node us/b#1 is not of region eu"),
    ("a mark of another region", record(0, mark("us", 1)), "a mark of region us is in the stream of region eu"),
]


@pytest.mark.parametrize(("bad", "reason"), [pytest.param(bad, reason, id=name) for name, bad, reason in LETTERS])
def test_what_cannot_be_used_is_a_letter_and_counts_for_nothing(bad: FakeRecord, reason: str) -> None:
    """The record is named with the reason, leaves no trace in the state, and the stream goes on."""
    streams = new_streams()
    fed = streams.feed("eu", [bad, *log(form("A1", TOTAL.add(1)), mark("eu", 1), first=1)])

    assert [letter.record for letter in fed.letters] == [bad]
    is_unreadable = bad.value in (None, b"noise")
    assert fed.letters[0].kind is (LetterKind.UNDECODABLE if is_unreadable else LetterKind.MISPLACED)
    assert reason in reasons(fed)[0]
    assert (fed.records, fed.delivered) == (3, 1)
    assert streams.positions["eu"] == Position(next_offset=3, tick=1, mark_offset=2)
    assert list(streams.fold.matches) == ["m"]


def test_an_event_in_another_partition_is_a_letter() -> None:
    """Its key is right and its place is wrong."""
    streams = new_streams()
    fed = streams.feed("eu", log(form("A1", match=STRANGER)))

    assert f"match {STRANGER} belongs to partition" in reasons(fed)[0]
    assert fed.letters[0].kind is LetterKind.MISPLACED
    assert streams.fold.matches == {}


def test_a_wrong_key_stays_a_letter_after_the_right_one_was_seen() -> None:
    """Knowing a key does not open the match to other keys, nor the key to other matches."""
    streams = new_streams()
    streams.feed("eu", log(form("A1"), form("A1", match=NEIGHBOUR)))
    fed = streams.feed("eu", [record(2, form("A2"), key=NEIGHBOUR), record(3, form("A2", match=NEIGHBOUR), key="m")])

    assert len(fed.letters) == 2
    assert [streams.fold.matches[match].inbox.delivered for match in ("m", NEIGHBOUR)] == [{"eu/a#1": 1}] * 2


def test_a_refused_body_is_a_letter_and_is_delivered() -> None:
    """The node that wrote it is not blocked."""
    streams = new_streams()
    fed = streams.feed("eu", log(form("A1") | {"body": "fail"}, form("A2", TOTAL.add(1))))

    assert reasons(fed) == ["the reducer of ops refused it: the body asks for it"]
    assert fed.letters[0].kind is LetterKind.REFUSED_BODY
    assert (fed.delivered, shown(streams.fold.matches["m"], "total")) == (2, 1)


def test_a_refused_body_in_the_wrong_place_is_one_letter_and_is_not_delivered() -> None:
    """The place is judged before the body counts."""
    streams = new_streams()
    fed = streams.feed("eu", log(form("B1") | {"body": "fail"}))

    assert reasons(fed) == ["node us/b#1 is not of region eu, in whose stream it wrote"]
    assert streams.fold.matches == {}


def test_an_unknown_schema_is_a_letter_and_is_held() -> None:
    """The record waits with the match that its key names; a repeat of it is held once."""
    streams = new_streams()
    fed = streams.feed("eu", [FakeRecord(0, b"m", b"?1"), FakeRecord(1, b"m", b"?1")])

    assert reasons(fed) == ["written with schema 31"] * 2
    assert {letter.kind for letter in fed.letters} == {LetterKind.UNKNOWN_SCHEMA}
    assert (fed.waited, fed.duplicates) == (1, 1)
    assert streams.fold.matches["m"].undecoded == {("eu", b"?1")}


@pytest.mark.parametrize("key", [None, b"\xff", b"m 1"])
def test_an_unknown_schema_without_a_match_is_only_a_letter(key: bytes | None) -> None:
    """Both reasons are given, and nothing is held."""
    streams = new_streams()
    fed = streams.feed("eu", [FakeRecord(0, key, b"?1")])

    assert reasons(fed)[0].startswith("written with schema 31; the key is no match id")
    assert (fed.waited, streams.fold.matches) == (0, {})


def test_an_unknown_schema_in_another_partition_is_only_a_letter() -> None:
    """It is held in one place: where its match lives."""
    streams = new_streams()
    fed = streams.feed("eu", [FakeRecord(0, STRANGER.encode(), b"?1")])

    assert "belongs to partition" in reasons(fed)[0]
    assert streams.fold.matches == {}


def test_marks_are_remembered_with_their_offset() -> None:
    """The last mark is kept while records follow it; repeats change nothing but the next offset."""
    streams = new_streams()
    streams.feed("eu", log(mark("eu", 1), form("A1"), mark("eu", 2, time_ms=5), form("A2"), mark("eu", 1), form("A3")))

    assert streams.positions["eu"] == Position(next_offset=6, tick=2, mark_offset=2, mark_time_ms=5)


def test_a_jump_of_marks_breaks_the_stream_in_front_of_it() -> None:
    """What came before is in the state and in the tally; the position is at the mark that jumps."""
    streams, fed = new_streams(), Fed()
    broken = log(mark("eu", 1), form("A1"), form("B1"), mark("eu", 3), form("A2"))

    with pytest.raises(StreamBroken):
        streams.feed("eu", broken, fed)
    assert (fed.records, fed.delivered, len(fed.letters)) == (3, 1, 1)
    assert streams.positions["eu"] == Position(next_offset=3, tick=1, mark_offset=0)
    assert streams.fold.matches["m"].inbox.delivered == {"eu/a#1": 1}


def test_a_broken_stream_does_not_disturb_the_others() -> None:
    """Positions are per stream."""
    streams = new_streams()
    with pytest.raises(StreamBroken):
        streams.feed("eu", log(mark("eu", 9)))

    assert streams.feed("us", log(mark("us", 1), form("B1"))).delivered == 1


@pytest.mark.usefixtures("limit_of_three")
def test_a_full_stream_stops_in_front_of_the_next_record() -> None:
    """At the limit nothing more is read, be it a mark, a letter or a repeat, and nothing is dropped."""
    streams = new_streams()
    waiting = [form("A1{B:2}"), form("A2"), form("A3")]
    fed = streams.feed("eu", log(*waiting, mark("eu", 1), form("A4")))

    assert (fed.records, fed.waited) == (3, 3)
    assert streams.is_full("eu")
    assert streams.positions["eu"] == Position(next_offset=3)
    assert streams.feed("eu", log(mark("eu", 1), first=3)).records == 0
    assert streams.fold.missing() == {"m": {"us/b#1": [(1, 2)]}}


def test_few_large_events_fill_a_stream_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is limited in bytes as well, over all matches, held records counted; what is delivered makes room."""
    first = to_bytes(form("A1{B:1}"))
    monkeypatch.setattr(streams_module, "WAITING_BYTES_MAX", len(first) + 2)
    streams = new_streams()
    streams.fold.hold("m", "eu", b"?", Fed())
    fed = streams.feed("eu", log(form("A1{B:1}"), form("A2"), form("A3")))

    assert (fed.records, streams.fold.waiting_bytes("eu")) == (2, len(first) + len(to_bytes(form("A2"))) + 1)
    assert streams.is_full("eu")
    streams.feed("us", log(form("B1")))
    assert (streams.fold.waiting_bytes("eu"), streams.is_full("eu")) == (1, False)


@pytest.mark.usefixtures("limit_of_three")
def test_other_streams_go_on_and_free_a_full_one() -> None:
    """What a full stream waits for comes in another; then it can be read on."""
    streams = new_streams()
    streams.feed("eu", log(form("A1{B:2}"), form("A2"), form("A3")))
    assert not streams.is_full("us")

    fed = streams.feed("us", log(form("B1"), form("B2")))
    assert (fed.delivered, streams.is_full("eu")) == (5, False)
    assert streams.feed("eu", log(form("A4"), first=3)).delivered == 1


@pytest.mark.usefixtures("limit_of_three")
def test_a_stream_below_its_limit_is_not_full() -> None:
    """One less than the limit is still read; repeats of what waits do not fill it."""
    streams = new_streams()
    streams.feed("eu", log(form("A1{B:2}"), form("A2"), form("A2"), form("A2")))
    assert not streams.is_full("eu")

    streams.feed("eu", log(form("A3"), first=4))
    assert streams.is_full("eu")


@pytest.mark.usefixtures("limit_of_three")
def test_held_records_fill_a_stream() -> None:
    """Records nobody can read count as waiting, so that they cannot fill memory."""
    streams = new_streams()
    held = [FakeRecord(offset, b"m", b"?%d" % offset) for offset in range(5)]

    assert streams.feed("eu", held).records == 3
    assert streams.is_full("eu")


def everything_fed(order: Iterable[str]) -> bytes:
    """The bytes of match m after its streams were fed record by record, taking the next of the region named."""
    by_region = {
        "eu": log(form("A1", TOTAL.add(1)), form("B9"), form("A2{B:2}"), form("A1", TOTAL.add(5)), form("A3")),
        "us": log(form("B1{A:1}", TOTAL.add(10)), form("B2") | {"body": "fail"}, form("B3")),
    }
    streams = new_streams()
    for region in order:
        streams.feed(region, [by_region[region].pop(0)])
    return streams.fold.matches["m"].encode(streams.fold.kind)


def test_regions_that_read_streams_at_another_pace_end_alike() -> None:
    """Letters, rivals and refused bodies are judged the same, however the streams interleave."""
    orders = [["eu"] * 5 + ["us"] * 3, ["us"] * 3 + ["eu"] * 5, ["eu", "us", "eu", "eu", "us", "eu", "us", "eu"]]

    assert len({everything_fed(order) for order in orders}) == 1
