"""One match: applying, joining, canonical bytes and what is refused when reading them back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from dojopool.core.crdt.encoding import Writer
from dojopool.core.crdt.maps import PIECES_FROM
from dojopool.core.event import Event
from dojopool.core.inbox import Arrival
from dojopool.core.match import FORMAT, Match, digest, region_digest
from dojopool.errors import CorruptState, RefusedRecord
from support.builders import clock, event, fold_all, form, names, node, shown
from support.everything import KIND, At, copied, read_event, replay, to_bytes

TOTAL, TAGS = At("total"), At("tags")


def bytes_of(match: Match) -> bytes:
    """Canonical bytes."""
    return match.encode(KIND)


def test_an_arrival_says_what_was_written() -> None:
    """The bits of the top-level fields written, and the events that were set free."""
    match = Match(KIND)
    waiting = event("B1{A:1}", At("cells", 1, "title").set("x"))

    assert match.arrive(waiting, KIND) == (Arrival.WAITING, 0, ())
    arrival, fields, freed = match.arrive(event("A1", At("title").set("x"), At("rivals").set("x")), KIND)
    assert arrival is Arrival.DELIVERED
    assert freed == [waiting]
    assert [name for index, name in enumerate(KIND.names) if fields >> index & 1] == ["title", "rivals", "cells"]


def test_an_event_without_writes_counts() -> None:
    """A no-op moves clock and stamp and writes no field."""
    match = Match(KIND)

    assert match.arrive(event("A1@9"), KIND) == (Arrival.DELIVERED, 0, ())
    assert (match.inbox.delivered, match.stamp) == (clock("A:1"), 9 << 16)


def test_the_stamp_is_the_highest_delivered() -> None:
    """A lower stamp does not take it back, and what waits does not count."""
    match = fold_all(event("A1@9"), event("A2@3"), event("A4@50"))

    assert match.stamp == 9 << 16


def test_rereading_the_log_changes_no_byte() -> None:
    """Repeats are harmless, singly and all over again."""
    events = [form("A1", TAGS.add("x")), form("A2", TAGS.remove("x")), form("B1{A:1}", TAGS.add("x"))]
    once = bytes_of(replay(events))

    assert bytes_of(replay([events[0], *events, events[0], *events])) == once


def test_a_gap_is_closed_by_joining_a_snapshot() -> None:
    """What waited for a lost event is dropped when the snapshot has it already."""
    match = fold_all(event("A1", TOTAL.add(1)), event("A3", TOTAL.add(100)))
    assert (shown(match, "total"), match.pending) == (1, 1)

    match.join(replay([form(f"A{seq}", TOTAL.add(amount)) for seq, amount in ((1, 1), (2, 10), (3, 100))]), KIND)
    assert (shown(match, "total"), match.pending) == (111, 0)
    assert match.inbox.delivered == clock("A:3")


def test_joining_delivers_what_waited_on_both_sides() -> None:
    """Each side holds what the other waits for."""
    left = fold_all(event("A1", TOTAL.add(1)), event("A2{B:1}", TOTAL.add(10)))
    right = fold_all(event("B1", TOTAL.add(100)), event("B2{A:2}", TOTAL.add(1000)))
    left.join(right, KIND)

    assert (shown(left, "total"), left.pending) == (1111, 0)


def test_a_null_context_after_a_join_is_that_of_the_event_before() -> None:
    """An event that waited with a null context observes what its predecessor on the other side had observed."""
    forms = [form("B1", TAGS.add("x")), form("A1{B:1}", TOTAL.add(1)), form("A2^", TAGS.remove("x"))]
    left, right = replay([forms[2]]), replay(forms[:2])
    left.join(right, KIND)

    assert bytes_of(left) == bytes_of(replay(forms))
    assert shown(left, "tags") == []


def test_a_join_takes_each_nodes_context_from_the_side_that_is_ahead() -> None:
    """Later null contexts are resolved against the newest event of the node."""
    forms = [form("B1"), form("A1{B:1}"), form("A2"), form("A3^")]
    for first, second in ((forms[:2], forms[:3]), (forms[:3], forms[:2])):
        match = replay(first)
        match.join(replay(second), KIND)
        match.arrive(event("A3^"), KIND)
        assert bytes_of(match) == bytes_of(replay(forms))


def test_joining_keeps_undecoded_records_of_both() -> None:
    """Records of unknown schema are part of the state: joined, stored and counted as pending."""
    left, right = Match(KIND), Match(KIND)
    left.undecoded, right.undecoded = frozenset([("eu", b"1")]), frozenset([("eu", b"1"), ("us", b"1")])
    left.join(right, KIND)

    assert left.pending == 2
    assert copied(left).undecoded == {("eu", b"1"), ("us", b"1")}


def test_snapshots_of_one_cut_have_equal_bytes() -> None:
    """Two orders of arrival give the same bytes; with the rest of the events they give a full replay."""
    cut = [form("A1", TAGS.add("x")), form("B1{A:1}", TAGS.remove("x")), form("A2", TAGS.add("x"))]
    rest = [form("B2{A:2}", TAGS.remove("x")), form("C1", TAGS.add("y"))]
    snapshots = {bytes_of(replay(order)) for order in permutations(cut)}
    assert len(snapshots) == 1

    match = Match.decode(snapshots.pop(), KIND, read_event)
    for late in rest:
        match.arrive(read_event(to_bytes(late)), KIND)
    assert bytes_of(match) == bytes_of(replay([*cut, *rest]))


def test_an_untouched_match_has_bytes_too() -> None:
    """Nothing but waiting events, or nothing at all, is a state like any other."""
    empty, waiting = Match(KIND), fold_all(event("A2", TAGS.add("x")), event("B1{A:9}"))

    assert bytes_of(copied(empty)) == bytes_of(empty)
    assert bytes_of(copied(waiting)) == bytes_of(waiting)
    assert names(list(copied(waiting).inbox.waiting())) == ["A2", "B1"]


def test_bytes_tell_apart_what_differs() -> None:
    """Clock, contexts, stamp, values, waiting events and undecoded records are all in the bytes."""
    undecoded, elsewhere = fold_all(event("A1")), fold_all(event("A1"))
    undecoded.undecoded, elsewhere.undecoded = frozenset([("eu", b"1")]), frozenset([("us", b"1")])
    matches = [
        fold_all(),
        fold_all(event("A1")),
        fold_all(event("B1")),
        fold_all(event("A1@2")),
        fold_all(event("A1", TOTAL.add(1))),
        fold_all(event("A1", TOTAL.add(2))),
        fold_all(event("A1"), event("A3")),
        fold_all(event("A1"), event("A3", TOTAL.add(1))),
        fold_all(event("B1"), event("A1")),
        fold_all(event("B1"), event("A1{B:1}")),
        undecoded,
        elsewhere,
    ]

    assert len({bytes_of(match) for match in matches}) == len(matches)


def test_what_a_writer_had_read_of_itself_is_not_stored() -> None:
    """`base` of the last event says nothing about the next one, so it is no part of the state."""
    assert bytes_of(fold_all(event("A1"), event("A2~0@2"))) == bytes_of(fold_all(event("A1"), event("A2@2")))


def stored(write: Callable[[Writer], object], *, format_number: int = FORMAT) -> bytes:
    """Bytes of a match whose part behind the format number is what `write` appends."""
    out = Writer()
    out.unsigned(format_number)
    write(out)
    return bytes(out.buffer)


def delivered(out: Writer, contexts: dict[str, list[tuple[str, int]]]) -> None:
    """A clock of A:1 and B:1 with these contexts, the stamp and an empty state."""
    out.clock(clock("A:1, B:1"))
    for name in "AB":
        out.unsigned(len(contexts.get(name, [])))
        for other, counter in contexts.get(name, []):
            out.dot(node(other), counter)
    out.stamp(5)
    out.unsigned(0)


def nothing_more(out: Writer) -> None:
    """No waiting events, no undecoded records."""
    out.unsigned(0)
    out.unsigned(0)


def with_waiting(*texts: str) -> bytes:
    """A stored match in which these events wait, in this order."""

    def write(out: Writer) -> None:
        delivered(out, {})
        out.unsigned(len(texts))
        for text in texts:
            out.raw(to_bytes(form(text)))
        out.unsigned(0)

    return stored(write)


def with_contexts(contexts: dict[str, list[tuple[str, int]]]) -> bytes:
    """A stored match with these last contexts."""

    def write(out: Writer) -> None:
        delivered(out, contexts)
        nothing_more(out)

    return stored(write)


def with_undecoded(*held: tuple[str, bytes]) -> bytes:
    """A stored match with these records of unknown schema."""

    def write(out: Writer) -> None:
        delivered(out, {})
        out.unsigned(0)
        out.unsigned(len(held))
        for region, data in held:
            out.text(region)
            out.raw(data)

    return stored(write)


@pytest.mark.parametrize(
    "data",
    [
        with_contexts({}),
        with_contexts({"A": [("B", 1)]}),
        with_waiting("A3", "B2{C:1}"),
        with_undecoded(("eu", b"1"), ("eu", b"2"), ("us", b"1")),
    ],
)
def test_canonical_bytes_are_read_back(data: bytes) -> None:
    """What is read and written again is the same to the byte."""
    assert bytes_of(Match.decode(data, KIND, read_event)) == data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(stored(nothing_more, format_number=FORMAT + 1), id="another format"),
        pytest.param(with_contexts({}) + b"\0", id="bytes behind the end"),
        pytest.param(with_contexts({"A": [("A", 1)]}), id="a context with its own node"),
        pytest.param(with_contexts({"A": [("B", 1), ("B", 1)]}), id="a context with a node twice"),
        pytest.param(with_waiting("A2"), id="a waiting event that waits for nothing"),
        pytest.param(with_waiting("A1"), id="a waiting event that was delivered"),
        pytest.param(with_waiting("B3", "A3"), id="waiting events out of order"),
        pytest.param(with_waiting("A3", "A3"), id="a waiting event twice"),
        pytest.param(with_undecoded(("us", b"1"), ("eu", b"1")), id="undecoded records out of order"),
        pytest.param(with_undecoded(("eu", b"1"), ("eu", b"1")), id="an undecoded record twice"),
    ],
)
def test_bytes_that_nobody_wrote_are_refused(data: bytes) -> None:
    """Whatever `encode` would not have written raises CorruptState."""
    with pytest.raises(CorruptState):
        Match.decode(data, KIND, read_event)


def test_state_of_another_format_is_refused_by_its_number() -> None:
    """Bytes that would decode by chance are still those of another format."""
    data = bytes_of(fold_all(event("A1", TOTAL.add(1))))

    with pytest.raises(CorruptState, match=rf"is of format {FORMAT + 1}, this program reads {FORMAT}"):
        Match.decode(bytes([FORMAT + 1]) + data[1:], KIND, read_event)


def test_a_join_has_the_higher_stamp_of_both() -> None:
    """The stamp is the highest delivered on either side."""
    for first, second in (("A1@3", "B1@9"), ("B1@9", "A1@3")):
        match = fold_all(event(first))
        match.join(fold_all(event(second)), KIND)
        assert match.stamp == 9 << 16


def test_contexts_are_stored_in_order_of_node() -> None:
    """Contexts that name the same nodes in another order are the same."""
    read = [event("A1"), event("B1"), event("C1")]
    data = {bytes_of(fold_all(*read, event(text))) for text in ("D1{A:1,B:1,C:1}", "D1{C:1,B:1,A:1}")}

    assert len(data) == 1


def test_a_waiting_event_that_cannot_be_read_is_corrupt_state() -> None:
    """The state is at fault, not a record of the log."""

    def refuse(data: bytes) -> Event:
        raise RefusedRecord(f"{len(data)} bytes of noise")

    with pytest.raises(CorruptState, match="bytes of noise"):
        Match.decode(with_waiting("A3"), KIND, refuse)


def test_digests() -> None:
    """A match's digest is SHA-256 of its bytes, a region's that of its sorted lines."""
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert region_digest({"m2": "bb", "m1": "aa"}) == digest(b"m1 aa\nm2 bb\n")
    assert region_digest({}) == digest(b"")


def test_what_is_remembered_of_keys_does_not_outlive_the_places_of_nodes() -> None:
    """A node that sorts before the others moves their places in the clock, which stored dots are written by."""
    events = [event(f"B{number}", At("counts", f"k{number}").add(1)) for number in range(1, PIECES_FROM + 1)]
    match = fold_all(*events)
    match.encode(KIND)
    match.arrive(event("A1", TAGS.add("x")), KIND)

    assert match.encode(KIND) == fold_all(event("A1", TAGS.add("x")), *events).encode(KIND)
