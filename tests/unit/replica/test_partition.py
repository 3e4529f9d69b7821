"""One owned partition: what a batch expects and brings, and the proof that the log is the one the state came from."""

from __future__ import annotations

import pytest

from dojopool.core.cut import Position
from dojopool.core.streams import Fed
from dojopool.errors import StreamBroken
from dojopool.ports import Head
from dojopool.replica.partition import OwnedPartition
from support.pipeline import NOW_MS, POOL, Scorer, mark, records

EMPTY = Head(epoch=7, positions=None, version=None)
STORED = {"eu": Position(10, 3, 8, NOW_MS), "us": Position(4, 0, -1, 0)}
"""The newest mark of eu at offset 8 with one record behind it; us never saw a mark."""


def owned(head: Head = EMPTY, regions: tuple[str, ...] = ("eu", "us")) -> OwnedPartition:
    """A partition under this head."""
    return OwnedPartition(0, head, POOL, partitions=1, regions=regions)


def loaded() -> OwnedPartition:
    """A partition whose state ends at STORED."""
    return owned(Head(epoch=7, positions=STORED, version=POOL.version))


def test_a_batch_goes_from_what_is_stored_to_what_was_read() -> None:
    """The first batch of an empty partition expects nothing, carries epoch and version, and each change whole."""
    partition = owned()
    partition.feed("eu", records(0, Scorer().points("m-1"), mark(1)))

    batch = partition.make_batch(NOW_MS)

    assert batch is not None
    assert (batch.partition, batch.epoch, batch.version, batch.at_ms) == (0, 7, POOL.version, NOW_MS)
    assert batch.expected is None
    assert batch.positions == {"eu": Position(2, 1, 1, NOW_MS), "us": Position()}
    assert [change.match for change in batch.changes] == ["m-1"]


def test_the_next_batch_expects_the_last_one() -> None:
    """A batch counts as stored when it is made, so that the next can be folded meanwhile; changes are told once."""
    partition, scorer = owned(), Scorer()
    partition.feed("eu", records(0, scorer.points("m-1")))
    first = partition.make_batch(NOW_MS)
    partition.feed("eu", records(1, scorer.points("m-2"), match="m-2"))
    second = partition.make_batch(NOW_MS)

    assert first is not None
    assert second is not None
    assert second.expected == first.positions
    assert [change.match for change in second.changes] == ["m-2"]


def test_without_records_there_is_no_batch() -> None:
    """Nothing read is nothing to store; a mark alone is something."""
    partition = owned()
    partition.feed("eu", records(0, Scorer().points("m-1")))
    partition.make_batch(NOW_MS)

    nothing = partition.make_batch(NOW_MS)
    partition.feed("us", records(0, mark(1, region="us")))
    marked = partition.make_batch(NOW_MS)

    assert nothing is None
    assert marked is not None
    assert list(marked.changes) == []


def test_an_empty_partition_is_stored_once_it_was_read() -> None:
    """A batch whose positions are all at the beginning is still not "nothing stored"."""
    batch = owned().make_batch(NOW_MS)

    assert batch is not None
    assert (batch.expected, batch.positions) == (None, {"eu": Position(), "us": Position()})


def test_reading_goes_on_at_the_last_mark() -> None:
    """A stream with a mark is read from that mark on, one without from its next offset; the store still expects both
    as they are.
    """
    partition = loaded()

    assert {region: partition.next_offset(region) for region in STORED} == {"eu": 8, "us": 4}
    assert partition.expected == STORED


def test_the_mark_proves_the_log() -> None:
    """With the mark where it was, the stream goes on: the same records bring nothing new, later ones count."""
    partition, scorer = loaded(), Scorer()
    partition.feed("eu", records(8, mark(3), scorer.points("m-1")))
    unchanged = partition.streams.positions["eu"]
    partition.feed("eu", records(10, mark(4)))

    assert unchanged == STORED["eu"]
    assert partition.streams.positions["eu"] == Position(11, 4, 10, NOW_MS)
    assert partition.broken == {}


@pytest.mark.parametrize(
    ("first", "found"),
    [
        (records(8, mark(2)), "mark 2 at offset 8"),
        (records(9, mark(3)), "mark 3 at offset 9"),
        (records(8, Scorer().points("m-1")), r"an event \(Event\(m-1 eu/gs-1#a:1 points_awarded\)\) at offset 8"),
        (records(8, b"damaged"), "a record that is none .* at offset 8"),
    ],
    ids=["another tick", "another offset", "an event", "damaged"],
)
def test_another_log_is_noticed(first: list[object], found: str) -> None:
    """Whatever else lies where the mark was stops the stream with both facts, and nothing of it is taken in."""
    partition = loaded()

    with pytest.raises(StreamBroken, match=f"contains mark 3 of region eu at offset 8, but the log has {found}"):
        partition.feed("eu", first)  # type: ignore[arg-type]  # records of any kind
    assert list(partition.broken) == ["eu"]
    assert partition.fold.matches == {}


def test_only_the_first_record_must_prove_the_log() -> None:
    """Later reads of the same stream are not held to the mark."""
    partition = loaded()
    partition.feed("eu", records(8, mark(3)))
    partition.feed("eu", records(9, Scorer().points("m-1")))

    assert partition.broken == {}


def test_reading_nothing_proves_nothing() -> None:
    """An empty piece leaves the proof to the first record."""
    partition = loaded()
    partition.feed("eu", [])

    with pytest.raises(StreamBroken, match="log has mark 9"):
        partition.feed("eu", records(8, mark(9)))


def test_a_stream_without_marks_has_nothing_to_prove() -> None:
    """Where no mark was ever read the stream goes on at its next offset with whatever is there."""
    partition = loaded()
    partition.feed("us", records(4, Scorer("us/gs-2#b").points("m-1")))

    assert partition.next_offset("us") == 5


def test_a_jump_breaks_its_stream_alone() -> None:
    """A mark that skips ticks stops its stream in front of it; what came before is known, the other stream goes on."""
    partition, fed = owned(), Fed()
    with pytest.raises(StreamBroken, match="jumps from mark 0"):
        partition.feed("eu", records(0, b"damaged", Scorer().points("m-1"), mark(2)), fed)
    partition.feed("us", records(0, mark(1, region="us")))

    assert (fed.records, fed.delivered, [letter.record.offset for letter in fed.letters]) == (2, 1, [0])
    assert (partition.next_offset("eu"), partition.next_offset("us")) == (2, 1)
    assert list(partition.broken) == ["eu"]


def test_nothing_is_read_behind_a_break() -> None:
    """Feeding a broken stream on would hide the gap: it is our own bug."""
    partition = owned()
    with pytest.raises(StreamBroken):
        partition.feed("eu", records(0, mark(2)))

    with pytest.raises(AssertionError, match="the stream of eu is broken"):
        partition.feed("eu", records(1, Scorer().points("m-1")))


def test_a_region_that_is_new_is_read_from_its_beginning() -> None:
    """What was stored before a region was added still is what the store must hold."""
    partition = owned(Head(7, STORED, POOL.version), regions=("eu", "us", "ap"))

    assert partition.next_offset("ap") == 0
    assert partition.expected == STORED


def test_a_region_that_is_gone_is_read_no_more() -> None:
    """The next batch drops the position of a region that left the deployment."""
    partition = owned(Head(7, STORED, POOL.version), regions=("eu",))
    batch = partition.make_batch(NOW_MS)

    assert batch is not None
    assert (batch.expected, list(batch.positions)) == (STORED, ["eu"])
