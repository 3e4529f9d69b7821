"""The fold of a partition: what became of events, what changed, what waits, and what a refused body still does."""

from __future__ import annotations

import pytest

from dojopool.core.crdt.edit import Write
from dojopool.core.cut import Mark
from dojopool.core.event import Event, RefusedBody
from dojopool.core.fold import Fold, Tally
from dojopool.core.inbox import Arrival
from dojopool.errors import CorruptState, RefusedRecord, UnknownSchema
from support.builders import form, mark, shown
from support.everything import KIND, At, Form, decode, everything, new_fold, replay, to_bytes

ALL_FIELDS = (1 << len(KIND.names)) - 1
TITLE = 1 << KIND.names.index("title")
TOTAL = At("total")


def read(fold: Fold, what: Form) -> Event:
    """An event as the fold reads it."""
    event = fold.read(to_bytes(what))
    assert isinstance(event, Event)
    return event


def taken(fold: Fold, *forms: Form) -> Tally:
    """What became of these events."""
    tally = Tally()
    for each in forms:
        fold.deliver(read(fold, each), tally)
    return tally


def test_an_event_is_read_with_its_writes() -> None:
    """The reducer runs when an event is read, and never again."""
    event = read(new_fold(), form("A1", TOTAL.add(5), At("title").set("x")))

    assert len(event.writes) == 2


def test_a_mark_is_read_as_it_is() -> None:
    """Marks have no reducer."""
    assert new_fold().read(to_bytes(mark("eu", 3))) == Mark(region="eu", tick=3, time_ms=0)


def test_a_record_that_is_no_event_is_refused() -> None:
    """What names no dot cannot count."""
    with pytest.raises(RefusedRecord):
        new_fold().read(b"noise")
    with pytest.raises(UnknownSchema):
        new_fold().read(b"?1")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (form("A1") | {"body": "fail"}, "the reducer of ops refused it: the body asks for it"),
        (form("A1") | {"type": "unheard_of"}, "no reducer for events of type unheard_of"),
        (form("A1", At("title").set(5)), "set takes str"),
        (form("A1", At("no_such_field").set("x")), "no_such_field"),
        (form("A1", At("total").frobnicate(1)), "frobnicate"),
        (form("A1", TOTAL.add(1), At("cells", "1", "total").add(1)), "a key takes int"),
    ],
)
def test_an_event_whose_reducer_raises_counts_and_writes_nothing(what: Form, reason: str) -> None:
    """Its dot and context count, so that its node is not blocked for ever; none of its writes do."""
    fold, tally = new_fold(), Tally()
    event = read(fold, what)
    assert isinstance(event.body, RefusedBody)
    assert reason in event.body.reason

    assert fold.deliver(event, tally) is Arrival.DELIVERED
    assert fold.deliver(read(fold, form("A2", TOTAL.add(7))), tally) is Arrival.DELIVERED
    assert shown(fold.matches["m"], "total") == 7
    assert tally.delivered == 2


def test_a_refused_body_keeps_its_reason_and_does_not_reach_the_reducer() -> None:
    """A body the decoder refused is delivered as a no-op."""

    def reduce(event: Event) -> tuple[()]:
        pytest.fail("the reducer was asked")

    def decoded(data: bytes) -> Event | Mark:
        event = decode(data)
        assert isinstance(event, Event)
        event.body = RefusedBody("too long")
        return event

    fold = Fold(KIND, decode=decoded, reduce=reduce)
    event = fold.read(to_bytes(form("A1", TOTAL.add(1))))
    assert isinstance(event, Event)
    fold.deliver(event, Tally())

    assert (event.body.reason, event.writes) == ("too long", ())
    assert fold.matches["m"].inbox.delivered == {"eu/a#1": 1}


def test_want_of_memory_is_not_the_events_fault() -> None:
    """Running out of memory stops the program; a letter would make regions differ."""

    def reduce(event: Event) -> tuple[()]:
        raise MemoryError

    with pytest.raises(MemoryError):
        Fold(KIND, decode=decode, reduce=reduce).read(to_bytes(form("A1")))


def test_tally() -> None:
    """Every arrival is counted once, by what became of it; events set free count as delivered."""
    fold = new_fold()
    tally = taken(
        fold,
        form("A1"),
        form("A1"),
        form("B1{A:3}"),
        form("A3"),
        form("A2"),
        form("A1", TOTAL.add(1)),
    )

    assert (tally.delivered, tally.duplicates, tally.waited) == (4, 1, 2)
    assert [event.dot for event in tally.equivocations] == [("eu/a#1", 1)]
    assert fold.matches["m"].pending == 0


def test_what_changed() -> None:
    """A new match shows all its fields, later only those that were written, also by events set free."""
    fold = new_fold()
    taken(fold, form("A1", TOTAL.add(1)))
    assert fold.take_changed() == {"m": ALL_FIELDS}
    assert fold.take_changed() == {}

    taken(fold, form("A3", At("title").set("x")))
    assert fold.take_changed() == {"m": 0}
    taken(fold, form("A2"))
    assert fold.take_changed() == {"m": TITLE}
    taken(fold, form("A2"), form("A1", TOTAL.add(9)))
    assert fold.take_changed() == {}


def test_a_match_known_by_a_waiting_event_only_is_shown() -> None:
    """Readers see an empty match with something pending."""
    fold = new_fold()
    taken(fold, form("A2"))

    assert fold.take_changed() == {"m": ALL_FIELDS}
    assert fold.matches["m"].pending == 1


def test_matches_do_not_mix() -> None:
    """Counters and gaps are per match."""
    fold = new_fold()
    taken(fold, form("A1", TOTAL.add(1), match="m1"), form("A1", TOTAL.add(2), match="m2"), form("A2", match="m3"))

    assert [shown(fold.matches[match], "total") for match in ("m1", "m2", "m3")] == [1, 2, 0]
    assert fold.missing() == {"m3": {"eu/a#1": [(1, 1)]}}


def test_waiting_is_counted_by_the_region_of_the_writer() -> None:
    """An event counts against its own stream until it is delivered, not against the one that lags."""
    fold = new_fold()
    taken(fold, form("A1{B:2}"), form("A2"), form("B2{C:1}"))
    assert [fold.waiting(region) for region in ("eu", "us", "ap")] == [2, 1, 0]

    taken(fold, form("B1"))
    assert [fold.waiting(region) for region in ("eu", "us", "ap")] == [2, 1, 0]
    taken(fold, form("C1"))
    assert [fold.waiting(region) for region in ("eu", "us", "ap")] == [0, 0, 0]


def test_a_repeat_of_a_waiting_event_is_counted_once() -> None:
    """Neither a repeat nor a rival payload makes more wait."""
    fold = new_fold()
    again = read(fold, form("A2"))
    taken(fold, form("A2"), form("A2"), form("A2", TOTAL.add(1)))
    for _ in range(2):
        fold.deliver(again, Tally())

    assert fold.waiting("eu") == 1


def test_records_of_unknown_schema_are_held() -> None:
    """They count as waiting, once each, with the stream they came in."""
    fold, tally = new_fold(), Tally()
    for region in ("eu", "eu", "us"):
        fold.hold("m", region, b"?1", tally)

    assert (tally.waited, tally.duplicates) == (2, 1)
    assert (fold.waiting("eu"), fold.waiting("us")) == (1, 1)
    assert fold.matches["m"].pending == 2
    assert fold.take_changed() == {"m": ALL_FIELDS}


def test_what_is_missing_is_named_for_few_matches() -> None:
    """A report stays short however many matches wait."""
    fold = new_fold()
    taken(fold, *(form("A2", match=f"m{number}") for number in range(5)))

    assert len(fold.missing(most=3)) == 3
    assert len(fold.missing()) == 5


def test_a_stored_match_is_taken_over() -> None:
    """State, waiting events and held records count again as before, and nothing of it is a change."""
    before = new_fold()
    taken(before, form("A1", TOTAL.add(1)), form("A3", TOTAL.add(100)), form("B1{A:9}"))
    before.hold("m", "us", b"?1", Tally())
    stored = before.matches["m"].encode(KIND)
    fold = new_fold()
    fold.load("m", stored)

    assert fold.matches["m"].encode(KIND) == stored
    assert (fold.waiting("eu"), fold.waiting("us")) == (1, 2)
    assert fold.take_changed() == {}
    taken(fold, form("A2", TOTAL.add(10)))
    assert (shown(fold.matches["m"], "total"), fold.waiting("eu")) == (111, 0)


def test_a_refused_body_that_waited_is_refused_again_when_loaded() -> None:
    """A waiting event is stored as its bytes, so its reducer runs again, with the same outcome."""
    fold = new_fold()
    taken(fold, form("A2") | {"body": "fail"})
    again = new_fold()
    again.load("m", fold.matches["m"].encode(KIND))
    taken(again, form("A1"))

    assert again.matches["m"].inbox.delivered == {"eu/a#1": 2}


def test_stored_bytes_of_another_match_are_refused() -> None:
    """Waiting events name their match; those of another show that states were mixed up."""
    stored = replay([form("A2", match="m1")]).encode(KIND)
    fold = new_fold()

    with pytest.raises(CorruptState, match=r"match m2 holds waiting events of \['m1'\]"):
        fold.load("m2", stored)
    assert (fold.matches, fold.waiting("eu")) == ({}, 0)


def test_a_stored_mark_is_refused() -> None:
    """A mark never waits."""
    match = replay([form("A2")])
    stored = match.encode(KIND)
    event_bytes = to_bytes(form("A2"))
    mark_bytes = to_bytes(mark("eu", 1)).ljust(len(event_bytes))

    with pytest.raises(CorruptState, match="a mark is stored"):
        new_fold().load("m", stored.replace(event_bytes, mark_bytes))
    assert everything.event_types == {"ops"}


def test_gaps_are_matches_in_which_something_waits() -> None:
    """A match counts once, until the last event in it that waited is free, also when its state was loaded."""
    fold = new_fold()
    for waiting in (form("A2", match="m1"), form("A4", match="m1"), form("A3", match="m2")):
        taken(fold, waiting)
    counts = [fold.gaps()]
    again = new_fold()
    for match in ("m1", "m2"):
        again.load(match, fold.matches[match].encode(KIND))
    for freeing in (form("A1", match="m2"), form("A2", match="m2"), form("A1", match="m1"), form("A3", match="m1")):
        taken(fold, freeing)
        taken(again, freeing)
        counts.append(fold.gaps())
        assert again.gaps() == fold.gaps()

    assert counts == [2, 2, 1, 1, 0]


def test_a_record_of_unknown_schema_is_no_gap() -> None:
    """It waits for a newer program, not for an event."""
    fold = new_fold()
    fold.hold("m", "eu", b"of tomorrow", Tally())

    assert (fold.waiting("eu"), fold.gaps()) == (1, 0)


class Speechless(Exception):
    """An error whose own text cannot be made."""

    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("x" * 100_000), "x" * 500),
        (ValueError("half of a pair: \ud83d"), "half of a pair: \\ud83d"),
        (Speechless(), "Speechless"),
    ],
    ids=["long", "no UTF-8", "speechless"],
)
def test_whatever_a_reducer_raises_fits_into_a_letter(error: Exception, said: str) -> None:
    """The text is cut, can be encoded, and need not even exist."""

    def reduce(event: Event) -> tuple[Write, ...]:
        raise error

    event = Fold(KIND, decode=decode, reduce=reduce).read(to_bytes(form("A1")))

    assert isinstance(event, Event)
    assert event.body.reason == f"the reducer of ops refused it: {said}"
    assert event.body.reason.encode()


def test_a_match_that_is_loaded_twice_counts_once() -> None:
    """A store may hand a match out twice; what waits in it must not be counted twice, or its stream stays full."""
    fold, again = new_fold(), new_fold()
    fold.deliver(read(fold, form("B1{A:9}", TOTAL.add(1))), Tally())
    data = fold.matches["m"].encode(KIND)
    again.load("m", data)
    again.load("m", data)

    assert again.waiting("us") == 1


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_want_of_room_is_the_programs_trouble(error: type[Exception]) -> None:
    """How much memory and stack there is differs between programs: it never decides what becomes of an event."""

    def fails(event: Event) -> tuple[Write, ...]:
        raise error

    with pytest.raises(error):
        Fold(KIND, decode=decode, reduce=fails).read(to_bytes(form("A1")))
