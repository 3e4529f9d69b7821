"""The laws that every history keeps, whatever types it writes to. Each check takes events in JSON form.

The histories come from `strategies`; the values they must give, from `specification`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from random import Random

from dojopool.core.clock import VectorClock
from dojopool.core.match import Match
from support import specification
from support.everything import KIND, SPEC, Form, copied, event_of, plain, replay
from support.strategies import World


def arrivals(forms: Sequence[Form], chance: Random) -> list[Form]:
    """All of `forms`, some of them twice, in any order."""
    order = [*forms, *chance.sample(list(forms), len(forms) // 3)]
    chance.shuffle(order)
    return order


def part_of(forms: Sequence[Form], chance: Random) -> list[Form]:
    """Some of `forms` in any order: some of them will wait for ever."""
    return chance.sample(list(forms), chance.randint(0, len(forms)))


def thinned(forms: Sequence[Form], chance: Random) -> list[Form]:
    """The same events with contexts that name less, such as people write by hand: a dot is seen, its past is not."""
    thin = []
    for form in forms:
        context = form["context"]
        if context:
            kept = chance.sample(sorted(context), chance.randint(0, len(context)))
            context = {node: chance.randint(1, context[node]) for node in kept}
        thin.append({**form, "context": context, "base": chance.choice([form["base"], chance.randrange(form["seq"])])})
    return thin


def oracle(forms: Sequence[Form]) -> object:
    """The plain state that `forms` must give."""
    return specification.state_of(forms, SPEC, lambda form: form["body"])


def joined(left: Match, right: Match) -> Match:
    """Both together; the two stay usable."""
    both = copied(left)
    both.join(copied(right), KIND)
    return both


def check_order(forms: Sequence[Form], chance: Random) -> None:
    """Any order and any repeats give the same bytes, and no event is changed by being applied."""
    expected = replay(forms).encode(KIND)
    for _ in range(2):
        assert replay(arrivals(forms, chance)).encode(KIND) == expected
    piecemeal = Match(KIND)
    for form in arrivals(forms, chance):  # what was encoded before is used again, and must not be out of date
        piecemeal.arrive(event_of(form), KIND)
        piecemeal.encode(KIND)
    assert piecemeal.encode(KIND) == expected
    events = [event_of(form) for form in forms]
    contexts = deepcopy([event.context for event in events])
    writes = [event.writes for event in events]
    match = Match(KIND)
    for event in events:
        match.arrive(event, KIND)
    assert [event.context for event in events] == contexts
    assert [event.writes for event in events] == writes


def check_values(forms: Sequence[Form], chance: Random) -> None:
    """The state is what the specification says, of all events and of any part of them."""
    for given in (forms, part_of(forms, chance)):
        match = replay(arrivals(given, chance))
        assert plain(match) == oracle(given)
        assert {event.dot for event in match.inbox.waiting()} == specification.waiting(given)


def check_joining(forms: Sequence[Form], chance: Random) -> None:
    """Joining is replaying both; it commutes, associates, and adds nothing that was there."""
    parts = [part_of(forms, chance) for _ in range(3)]
    first, second, third = (replay(part) for part in parts)
    both = joined(first, second)
    assert both.encode(KIND) == replay([*parts[0], *parts[1]]).encode(KIND)
    assert joined(second, first).encode(KIND) == both.encode(KIND)
    assert joined(joined(first, second), third).encode(KIND) == joined(first, joined(second, third)).encode(KIND)
    assert joined(first, first).encode(KIND) == first.encode(KIND)
    assert joined(both, first).encode(KIND) == both.encode(KIND)


def check_storing(forms: Sequence[Form], chance: Random) -> None:
    """A match read from its bytes has the same bytes, and goes on to the same end as one that was never stored."""
    early = part_of(forms, chance)
    stored = copied(replay(early))
    assert stored.encode(KIND) == replay(early).encode(KIND)
    for form in arrivals(forms, chance):
        stored.arrive(event_of(form), KIND)
    assert stored.encode(KIND) == replay(forms).encode(KIND)


def check_pasts(world: World) -> None:
    """One look-up decides whether an event was seen, and clocks are ordered as the sets of dots they stand for."""
    explicit = specification.pasts(world.events)
    events = [event_of({**form, "context": _without(read, form)}) for form, read in _with_reads(world)]
    for event in events:
        assert explicit[event.dot] == {other.dot for other in events if event.sees(other.dot)}
    for mine in world.known:
        for theirs in world.known:
            order = VectorClock(mine).order(VectorClock(theirs))
            assert order.value == _order_of_sets(_dots(mine), _dots(theirs))


def check_all(world: World) -> None:
    """Every law on one history. The choices are drawn from its length, so that a failure repeats.

    Order, joining and storing do not need contexts to be those of closed states; values are only defined for such.
    """
    chance = Random(len(world.events))
    check_order(world.events, chance)
    check_values(world.events, chance)
    check_joining(world.events, chance)
    check_storing(world.events, chance)
    check_pasts(world)
    thin = thinned(world.events, chance)
    check_order(thin, chance)
    check_joining(thin, chance)
    check_storing(thin, chance)
    for site in range(len(world.known)):
        assert replay(world.events_of(site)).inbox.delivered == world.known[site]


def _with_reads(world: World) -> list[tuple[Form, dict[str, int]]]:
    return list(zip(world.events, world.reads, strict=True))


def _without(read: dict[str, int], form: Form) -> dict[str, int]:
    return {node: counter for node, counter in read.items() if node != form["node"]}


def _dots(clock: dict[str, int]) -> set[tuple[str, int]]:
    return {(node, seq) for node, counter in clock.items() for seq in range(1, counter + 1)}


def _order_of_sets(mine: set[tuple[str, int]], theirs: set[tuple[str, int]]) -> str:
    if mine == theirs:
        return "same"
    if mine < theirs:
        return "before"
    return "after" if mine > theirs else "concurrent"
