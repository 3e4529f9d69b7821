"""How a match came to be what it is: its events from the log, one after another, and what each of them changed.

Events are shown in the order of their stamps, which never puts an effect before its cause; so each is delivered as it
comes, but for those whose causes are missing. Everything is read from one region's log, its copies of the other
regions' streams included: another region may have got further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dojopool.client.whole_log import read_to_end
from dojopool.codec.json_form import KEYS, event_to_json
from dojopool.core.event import Dot, Event
from dojopool.core.fold import Tally
from dojopool.core.inbox import DELIVERED
from dojopool.core.invariants.judge import broken
from dojopool.core.invariants.rules import Rule
from dojopool.core.names import match_fault, region_of
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, RefusedRecord
from dojopool.games.loading import LoadedGame
from dojopool.ports import LogReader


@dataclass(frozen=True, slots=True)
class Step:
    """One event and what it did."""

    event: Event
    outcome: str
    """delivered; or waiting, for an event that is not there; or equivocation, and the first one counts."""
    state: Mapping[str, Any]
    """The state behind it, as JSON."""
    broken_rules: Sequence[str]


async def events_of(
    match: str, *, reader: LogReader, topics: Mapping[str, str], partitions: int, loaded: LoadedGame
) -> list[Event]:
    """The events of a match in the log as it is now, in the order of their stamps; repeats as often as they are there.

    Assigns `reader` to the match's partition. Raises CallerError when `match` is no match id, Unavailable when the log
    stops answering.
    """
    if fault := match_fault(match):
        raise CallerError(fault)
    number = partition_of(match, partitions)
    streams = {(topic, number): region for region, topic in topics.items()}
    fold, key = loaded.new_fold(), match.encode()
    found: list[Event] = []
    async for stream, records in read_to_end(reader, list(streams), named=f"the log of partition {number}"):
        for record in records:
            if record.key != key:
                continue
            try:
                event = fold.read(record.value or b"")
            except RefusedRecord:
                continue  # no event: it is among the dead letters
            if isinstance(event, Event) and event.match == match and region_of(event.node) == streams[stream]:
                found.append(event)
    return sorted(found, key=lambda event: (event.stamp, event.node, event.seq))


def steps(events: Sequence[Event], loaded: LoadedGame, rules: Sequence[Rule], *, until: Dot | None) -> Iterator[Step]:
    """What each event did, repeats left out, up to and with `until`."""
    fold = loaded.new_fold()
    kind = fold.kind
    for event in events:
        tally = Tally()
        arrival = fold.deliver(event, tally)
        if tally.duplicates:
            continue
        state = kind.plain(fold.matches[event.match].root)
        outcome = "delivered" if arrival is DELIVERED else "equivocation" if tally.equivocations else "waiting"
        yield Step(event, outcome, state, broken(rules, kind.view(state)))
        if event.dot == until:
            return


def event_json(event: Event) -> dict[str, Any]:
    """The JSON form of an event, as `dojo fold` takes it; a body that was refused is null."""
    form = event_to_json(event)
    return {key: form[key] for key in KEYS}


def parse_dot(text: str) -> Dot:
    """`node:seq` as a dot. Raises CallerError."""
    node, _, seq = text.rpartition(":")
    if not node or not seq.isdecimal():
        raise CallerError(f"{text!r} names no event: write node:seq, such as eu/gs-7#k3f9a2:12")
    return node, int(seq)
