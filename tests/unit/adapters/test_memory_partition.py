"""Offsets of one partition in memory."""

from __future__ import annotations

from dojopool.adapters.memory_partition import PartitionLog, StoredRecord


def records(*values: str) -> list[StoredRecord]:
    """Records that have no offset yet."""
    return [StoredRecord(-1, b"m-1", value.encode(), (("h", b"1"),), 1_000) for value in values]


def values(found: list[StoredRecord]) -> dict[int, str]:
    """Offset and value of each record."""
    return {record.offset: (record.value or b"").decode() for record in found}


def test_offsets_count_from_zero() -> None:
    """Each append stands behind the last one and says where it begins."""
    log = PartitionLog()

    assert [log.append(records("a", "b")), log.append(records("c"))] == [0, 2]
    assert values(log.read(0)) == {0: "a", 1: "b", 2: "c"}
    assert (log.first, log.end) == (0, 3)


def test_a_record_keeps_all_but_its_offset() -> None:
    """A copy from another log differs from the original in nothing but its place."""
    log = PartitionLog()
    original = StoredRecord(77, None, None, (("h", b"1"), ("h", b"")), 1_754_000_000_000)
    log.append([original])

    assert log.read(0) == [StoredRecord(0, None, None, (("h", b"1"), ("h", b"")), 1_754_000_000_000)]


def test_reading_starts_and_ends_anywhere() -> None:
    """The start is part of what is read, the end is not."""
    log = PartitionLog()
    log.append(records("a", "b", "c", "d"))

    assert values(log.read(1, 3)) == {1: "b", 2: "c"}
    assert values(log.read(3)) == {3: "d"}
    assert log.read(4) == []


def test_a_batch_of_the_same_number_is_stored_once() -> None:
    """A writer's repeat is answered with the offset of the first try; another writer's batch is no repeat."""
    log = PartitionLog()
    offsets = [
        log.append_once(records(value), writer=writer, sequence=sequence)
        for value, writer, sequence in [("a", 1, 1), ("b", 2, 1), ("a", 1, 1), ("c", 1, 2), ("c", 1, 2)]
    ]

    assert offsets == [0, 1, 0, 2, 2]
    assert values(log.read(0)) == {0: "a", 1: "b", 2: "c"}


def test_a_trim_raises_the_first_offset_for_good() -> None:
    """What is below is gone, what is above keeps its offset, and a lower trim later changes nothing."""
    log = PartitionLog()
    log.append(records("a", "b", "c"))
    log.trim(2)
    log.trim(1)

    assert (log.first, log.end) == (2, 3)
    assert values(log.read(2)) == {2: "c"}
    log.trim(3)
    assert (log.first, log.end, log.read(3)) == (3, 3, [])
    assert log.append(records("d")) == 3


def test_offsets_of_a_lost_tail_are_given_again() -> None:
    """A log that lost its newest records hands out their offsets a second time."""
    log = PartitionLog()
    log.append(records("a", "b", "c"))
    log.cut_tail(2)

    assert log.end == 1
    assert log.append(records("x")) == 1
    assert values(log.read(0)) == {0: "a", 1: "x"}


def test_no_more_can_be_lost_than_there_is() -> None:
    """Cutting nothing changes nothing, cutting too much empties the log down to its first offset."""
    log = PartitionLog()
    log.append(records("a", "b", "c"))
    log.trim(1)
    log.cut_tail(0)
    assert (log.first, log.end) == (1, 3)
    log.cut_tail(9)

    assert (log.first, log.end) == (1, 1)
    log.cut_tail(1)
    assert (log.first, log.end) == (1, 1)


def test_a_hole_has_offsets_without_records() -> None:
    """Reading inside a hole goes on behind it, and trimming into it is possible."""
    log = PartitionLog()
    log.append(records("a"))
    log.leave_hole(3)
    assert log.append(records("b")) == 4

    assert values(log.read(0)) == {0: "a", 4: "b"}
    assert values(log.read(2)) == {4: "b"}
    assert values(log.read(0, 4)) == {0: "a"}
    log.trim(2)
    assert (log.first, values(log.read(2))) == (2, {4: "b"})


def test_going_back_counts_records() -> None:
    """Going back passes holes and stops at the first record held."""
    log = PartitionLog()
    log.append(records("a", "b"))
    log.leave_hole(5)
    log.append(records("c", "d"))

    assert [log.back_from(9, records=number) for number in (0, 1, 2, 3, 4, 9)] == [9, 8, 7, 1, 0, 0]
    log.trim(8)
    assert log.back_from(9, records=9) == 8
    assert PartitionLog().back_from(0, records=3) == 0
