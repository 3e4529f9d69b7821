"""Causal delivery: order, duplicates, gaps, rival payloads, and a cost that does not grow with the backlog."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from itertools import permutations
from random import Random

import pytest

from dojopool.core.event import Event
from dojopool.core.inbox import RECENT_MAX, Arrival, Inbox, Progress
from support.builders import clock, event, form, names, node
from support.everything import At, event_of


def deliveries(inbox: Inbox, *texts: str, looks: Looks | None = None) -> list[str]:
    """Names of the events delivered as these arrive, in order."""
    delivered: list[Event] = []
    for text in texts:
        arrived = event(text) if looks is None else looks.watched(event(text))
        if inbox.arrive(arrived) is Arrival.DELIVERED:
            delivered.append(arrived)
            while (freed := inbox.next_ready()) is not None:
                delivered.append(freed)
    return names(delivered)


def ranges(inbox: Inbox) -> dict[str, list[tuple[int, int]]]:
    """What is missing, by letter."""
    letters = {node(letter): letter for letter in "ABCD"}
    return {letters[name]: found for name, found in inbox.missing_ranges().items()}


def test_an_event_is_delivered_after_what_its_writer_had_seen() -> None:
    """Events that arrive backwards are delivered forwards."""
    inbox = Inbox()

    assert deliveries(inbox, "C1{B:1}", "B1{A:1}", "A1") == ["A1", "B1", "C1"]
    assert inbox.waiting_count() == 0
    assert inbox.delivered == clock("A:1, B:1, C:1")


def test_every_order_of_arrival_delivers_everything_once() -> None:
    """Whatever order events arrive in, each is delivered once and after its past."""
    texts = ("A1", "A2{B:1}", "B1{A:1}", "B2{A:2}", "C1{B:2}")
    for order in permutations(texts):
        found = deliveries(Inbox(), *order)
        assert sorted(found) == ["A1", "A2", "B1", "B2", "C1"]
        assert found.index("A1") < found.index("B1") < found.index("A2") < found.index("B2") < found.index("C1")


def test_repeats_are_dropped() -> None:
    """A repeat is a duplicate, one by one and when the whole log is read again."""
    inbox = Inbox()

    assert deliveries(inbox, "A1", "A1", "A2", "A1", "A1", "A1", "A2", "A1") == ["A1", "A2"]
    assert inbox.arrive(event("A2")) is Arrival.DUPLICATE


def test_a_waiting_event_that_arrives_again_is_a_duplicate() -> None:
    """It waits once, also when it is the very same object."""
    inbox = Inbox()
    early = event("A2")

    assert inbox.arrive(early) is Arrival.WAITING
    assert inbox.arrive(early) is Arrival.DUPLICATE
    assert inbox.arrive(event("A2")) is Arrival.DUPLICATE
    assert inbox.waiting_count() == 1


def test_a_waiting_head_that_arrives_again_is_delivered_once() -> None:
    """An event that waits for another node is freed once, however often it came."""
    inbox = Inbox()

    assert deliveries(inbox, "A1{B:1}", "A1{B:1}", "A1{B:1}", "B1") == ["B1", "A1"]
    assert inbox.next_ready() is None


def test_a_null_context_is_that_of_the_previous_event() -> None:
    """It waits for nothing but its predecessor, and observes what that one had observed."""
    inbox = Inbox()

    assert deliveries(inbox, "A2^", "A1{B:2}", "B1", "B2") == ["B1", "B2", "A1", "A2"]
    assert inbox.nodes[node("A")].context == clock("B:2")


def test_a_null_context_on_a_first_event_is_empty() -> None:
    """A node's first event without a context had read nothing."""
    inbox = Inbox()

    assert deliveries(inbox, "A1^") == ["A1"]
    assert inbox.nodes[node("A")].context == {}


def test_an_explicit_context_replaces_the_one_before() -> None:
    """A context may shrink: the next client of the node had read less."""
    inbox = Inbox()
    deliveries(inbox, "B1", "B2", "A1{B:2}")
    second, third = event("A2{B:1}~0"), event("A3^")

    assert [inbox.arrive(second), inbox.arrive(third)] == [Arrival.DELIVERED] * 2
    assert second.observed == {**clock("B:1"), node("A"): 0}
    assert third.observed == clock("B:1, A:2")


def test_delivery_does_not_touch_the_event() -> None:
    """The inbox keeps its own copy of a context: what was read from the log stays as it was."""
    inbox = Inbox()
    first = event("A1{B:1}")
    deliveries(inbox, "B1")
    inbox.arrive(first)
    inbox.arrive(event("A2^"))

    assert first.context == clock("B:1")


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        (["A1", "A3"], {"A": [(2, 2)]}),
        (["A3", "A4", "A7"], {"A": [(1, 2), (5, 6)]}),
        (["A2{B:1}"], {"A": [(1, 1)], "B": [(1, 1)]}),
        (["A1{B:5}", "B3"], {"B": [(1, 2), (4, 5)]}),
        (["A1{B:2}", "B2", "B4"], {"B": [(1, 1), (3, 3)]}),
        (["B1", "B2", "A1{B:4}"], {"B": [(3, 4)]}),
        (["A1{B:2}", "C2{B:7}"], {"B": [(1, 7)], "C": [(1, 1)]}),
        (["A1{B:1}", "A2^", "A3^"], {"B": [(1, 1)]}),
        (["A1", "B1{A:1}"], {}),
        ([], {}),
    ],
)
def test_what_is_missing_is_named_in_ranges(texts: list[str], missing: dict[str, list[tuple[int, int]]]) -> None:
    """Ranges name the counters that were neither delivered nor wait."""
    inbox = Inbox()
    deliveries(inbox, *texts)

    assert ranges(inbox) == missing


def test_an_event_that_was_never_mirrored_blocks_by_name() -> None:
    """A writer who had read a lost event waits for it, and the gap says so."""
    inbox = Inbox()
    deliveries(inbox, "A1", "A2{B:1}", "A3^")

    assert inbox.waiting_count() == 2
    assert ranges(inbox) == {"B": [(1, 1)]}


def test_a_new_incarnation_does_not_hide_the_old_ones_late_events() -> None:
    """A restarted writer is another node, so the events it left behind still count."""
    inbox = Inbox()
    delivered = deliveries(inbox, "A1", "A2", "A3", "A'1{A:3}", "A4", "A5")

    assert delivered == ["A1", "A2", "A3", "A'1", "A4", "A5"]


def test_reusing_an_incarnation_is_noticed() -> None:
    """A writer that forgot its counter writes other payloads under known dots: that is no duplicate."""
    inbox = Inbox()
    for seq in (1, 2, 3):
        inbox.arrive(event(f"A{seq}", At("total").add(1)))

    assert inbox.arrive(event("A1", At("total").add(99))) is Arrival.EQUIVOCATION
    assert inbox.arrive(event("A1", At("total").add(1))) is Arrival.DUPLICATE
    assert inbox.delivered == clock("A:3")


def test_a_rival_of_a_waiting_event_is_noticed() -> None:
    """Of two payloads under one waiting dot the first is kept."""
    inbox = Inbox()
    first, rival = event("A2", At("total").add(1)), event("A2", At("total").add(2))
    inbox.arrive(first)

    assert inbox.arrive(rival) is Arrival.EQUIVOCATION
    assert list(inbox.waiting()) == [first]


def test_a_rival_that_waits_for_nothing_does_not_overtake_a_waiting_event() -> None:
    """Which payload came first in its stream decides, not which could be delivered first: that differs by region."""
    first, rival = event("A1{B:1}", At("total").add(1)), event("A1", At("total").add(2))
    here, there = Inbox(), Inbox()
    there.arrive(event("B1"))

    assert [here.arrive(first), here.arrive(rival)] == [Arrival.WAITING, Arrival.EQUIVOCATION]
    assert [there.arrive(first), there.arrive(rival)] == [Arrival.DELIVERED, Arrival.EQUIVOCATION]
    assert here.arrive(event("B1")) is Arrival.DELIVERED
    assert here.next_ready() is first
    assert (here.delivered, here.waiting_count()) == (there.delivered, 0)


def test_rivals_are_noticed_as_far_back_as_hashes_are_kept() -> None:
    """The last RECENT_MAX payloads of a node are known; older repeats pass for duplicates and change nothing."""
    inbox = Inbox()
    last = 2 * RECENT_MAX + 1
    for seq in range(1, last + 1):
        inbox.arrive(event(f"A{seq}"))
    rivals = [event(f"A{seq}", At("total").add(1)) for seq in (1, last - RECENT_MAX, last - RECENT_MAX + 1, last)]

    assert [inbox.arrive(rival) for rival in rivals] == [
        Arrival.DUPLICATE,
        Arrival.DUPLICATE,
        Arrival.EQUIVOCATION,
        Arrival.EQUIVOCATION,
    ]


def test_after_a_restart_rivals_of_new_events_are_noticed() -> None:
    """Hashes are not stored: what was delivered before is unknown, what is delivered now is compared."""
    inbox = Inbox()
    inbox.restore({node("A"): Progress(9, {})})
    inbox.arrive(event("A10"))
    rivals = [event(f"A{seq}", At("total").add(1)) for seq in (9, 10)]

    assert [inbox.arrive(rival) for rival in rivals] == [Arrival.DUPLICATE, Arrival.EQUIVOCATION]


def test_waiting_events_come_sorted() -> None:
    """The order of what waits is that of node and counter, not of arrival."""
    inbox = Inbox()
    deliveries(inbox, "D3", "A10", "A9", "D2")

    assert names(list(inbox.waiting())) == ["A9", "A10", "D2", "D3"]
    assert inbox.waiting_count() == 4


class Looks:
    """Counts how often a context is compared with the delivered clock."""

    def __init__(self) -> None:
        self.count = 0

    def watched(self, event: Event) -> Event:
        """The event with a context that notices when it is looked at."""
        event.context = Watched(event.context or {}, self)
        return event


class Watched(dict[str, int]):
    """A context that tells when it is gone through."""

    def __init__(self, context: Mapping[str, int], looks: Looks) -> None:
        super().__init__(context)
        self.looks = looks

    def items(self) -> ItemsView[str, int]:  # type: ignore[override]  # a wider view than that of dict
        self.looks.count += 1
        return super().items()


def lagging(backlog: int) -> Iterator[str]:
    """Events of A and C that all wait for B's, then B's."""
    yield from (f"A{seq}{{B:{seq}}}" for seq in range(1, backlog + 1))
    yield from (f"C{seq}{{B:{backlog},A:{seq}}}" for seq in range(1, backlog + 1))
    yield from (f"B{seq}" for seq in range(1, backlog + 1))


@pytest.mark.parametrize("backlog", [10, 100, 1000])
def test_cost_is_flat_as_the_backlog_grows(backlog: int) -> None:
    """However many events wait, each is looked at a fixed number of times."""
    looks = Looks()
    delivered = deliveries(Inbox(), *lagging(backlog), looks=looks)

    assert len(delivered) == 3 * backlog
    assert looks.count <= 3 * len(delivered)


def test_a_delivery_wakes_only_who_waited_for_it() -> None:
    """Many nodes that wait for one far event are not looked at while those before it come in."""
    inbox, looks = Inbox(), Looks()
    for number in range(100):
        inbox.arrive(looks.watched(event_of(form("A1{B:200}") | {"node": f"eu/n{number}#1"})))
    delivered = deliveries(inbox, *(f"B{seq}" for seq in range(1, 200)), looks=looks)
    assert len(delivered) == 199
    assert looks.count == 100 + 199

    inbox.arrive(looks.watched(event("B200")))
    while inbox.next_ready() is not None:
        pass
    assert (inbox.waiting_count(), looks.count) == (0, 100 + 200 + 100)


def test_cost_is_flat_for_any_order() -> None:
    """A shuffled log costs a fixed number of looks per event too."""
    texts = list(lagging(300))
    Random(7).shuffle(texts)
    looks = Looks()
    delivered = deliveries(Inbox(), *texts, looks=looks)

    assert len(delivered) == 900
    assert looks.count <= 3 * len(delivered)


def test_nothing_is_remembered_of_what_no_longer_waits() -> None:
    """When the backlog is gone, so are its indexes."""
    inbox = Inbox()
    deliveries(inbox, *lagging(50))

    assert inbox.backlog is None
