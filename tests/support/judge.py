"""The judge of a deployment in which something broke: what is shown must be what the producers were told, no more, no
less.

It believes the ledger for what was accepted, rejected or left open, the own region's log, read by a plain client, for
which of the open ones got in, and the oracle for what all of these amount to. From `dojopool` comes only the digest of
the bytes it stored.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from dojopool.core.match import digest, region_digest
from support.ledger import Entry, Ledger, name_in
from support.oracle import pool_state
from support.site import Site, dot_of, eventually

Event: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, for tests that ask for more than that all is well."""

    accepted: int
    unknown: int
    unknown_in_log: int
    recovered_s: float
    """From `since_s`, on the monotonic clock, until all regions showed everything that is in the logs."""


async def judge(
    site: Site, ledger: Ledger, *, since_s: float, letters: int = 0, usurped: Collection[str] = ()
) -> Verdict:
    """Wait until all regions show what is in the logs, then claim that this is what was promised. The producers must
    have ended.

    `letters` is how many records of the logs are no events. `usurped` are nodes under whose name several programs
    wrote: of the events with one dot the first in the log counts, and the others need not be anywhere.
    """
    logged = [event for origin in site.regions for event in await site.logged(origin, read_in=origin)]
    events = first_of_each_dot(logged)
    clocks = clocks_of(events)
    for region in site.regions:
        await eventually(partial(shows, site, region, clocks), what=f"{region} shows what is in the logs")
    recovered_s = time.monotonic() - since_s

    entries = ledger.entries()
    claim_logs_keep_the_ledger(entries, logged, events, usurped=usurped)
    await claim_stores_are_right(site, pool_state(events))
    await claim_letters_are_written(site, letters)
    names = {name_in(event) for event in events}
    open_ones = {name for name, entry in entries.items() if entry.answer == "unknown"}
    accepted = sum(entry.answer == "accepted" for entry in entries.values())
    return Verdict(accepted, len(open_ones), len(open_ones & names), recovered_s)


async def shows(site: Site, region: str, clocks: dict[str, dict[str, int]]) -> bool:
    """Whether a region's views contain exactly the events of `clocks`."""
    return (await site.stored(region)).clocks == clocks


def first_of_each_dot(events: Iterable[Event]) -> list[Event]:
    """Events in log order without those whose dot came before."""
    first: dict[tuple[str, str, int], Event] = {}
    for event in events:
        first.setdefault(dot_of(event), event)
    return list(first.values())


def clocks_of(events: Iterable[Event]) -> dict[str, dict[str, int]]:
    """Match -> node -> the last number, of events that are all there."""
    clocks: dict[str, dict[str, int]] = {}
    for event in events:
        clock = clocks.setdefault(event["match"], {})
        clock[event["node"]] = max(clock.get(event["node"], 0), event["seq"])
    return clocks


def claim_logs_keep_the_ledger(
    entries: dict[str, Entry], logged: list[Event], events: list[Event], *, usurped: Collection[str]
) -> None:
    """What was accepted is in the logs under the dot that was told, what was rejected is not, and nothing else is."""
    dots: dict[str, set[tuple[str, str, int]]] = {}
    for event in logged:
        dots.setdefault(name_in(event), set()).add(dot_of(event))
    assert [name for name in dots if name not in entries] == [], "events that nobody recorded"
    for name, entry in entries.items():
        found = dots.get(name, set())
        assert len(found) <= 1, f"{name} got in under several numbers: {found}"
        assert entry.answer != "rejected" or not found, f"{name} was rejected and is in the log as {found}"
        assert entry.answer != "accepted" or found, f"{name} was accepted as {entry.dot} and is in no log"
        assert not found or entry.dot is None or found == {(entry.match, *entry.dot)}, f"{name}: {entry}, {found}"
    counts = Counter(dot_of(event)[:2] for event in events)
    last = {(match, node): seq for match, clock in clocks_of(events).items() for node, seq in clock.items()}
    assert counts == last, "a node's numbers have holes"
    kept = {name_in(event) for event in events}
    for name, found in dots.items():
        assert name in kept or all(node in usurped for _, node, _ in found), (
            f"{name} lost its number {found} to another"
        )


async def claim_stores_are_right(site: Site, expected: dict[str, Any]) -> None:
    """All regions show what the oracle says, wait for nothing, and hold the same bytes."""
    digests = set()
    for region in site.regions:
        stored = await site.stored(region)
        assert expected == stored.plain, f"{region} shows something else than its events amount to"
        assert {0} == {view["@pending"] for view in stored.views.values()}
        assert expected.keys() == stored.states.keys()
        digests.add(region_digest({match: digest(state) for match, state in stored.states.items()}))
    assert len(digests) == 1, "the regions hold different bytes"


async def claim_letters_are_written(site: Site, letters: int) -> None:
    """Each region has a letter for every record that is no event, however often it was written."""
    for region in site.regions:
        assert letters == len({key for key, _ in await site.letters(region)})
