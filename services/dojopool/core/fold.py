"""The fold: events in, changed matches out.

The state of a match is a pure function of the *set* of its events: causal delivery makes the order of arrival
irrelevant, dots make repeats harmless. Replica, checker and compactor share this fold (through `streams`, which feeds
it records) and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dojopool.core.crdt.edit import Write
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.cut import Mark
from dojopool.core.event import Event, RefusedBody
from dojopool.core.inbox import DELIVERED, Arrival
from dojopool.core.match import Match
from dojopool.core.names import region_of
from dojopool.errors import CorruptState, RefusedRecord

Decode = Callable[[bytes], Event | Mark]
"""Raises RefusedRecord, or UnknownSchema."""

Reduce = Callable[[Event], tuple[Write, ...]]
"""What a game's reducer writes for an event. Whatever it raises refuses that event's body."""

REASON_CHARACTERS_MAX: Final = 500
"""Of what a reducer's error says: a reducer may quote what it was given, and a letter carries the record anyway."""


@dataclass(slots=True)
class Tally:
    """What became of the events of one batch."""

    delivered: int = 0
    duplicates: int = 0
    waited: int = 0
    equivocations: list[Event] = field(default_factory=list)


class Fold:
    """Matches by id, edited in place by the one task that owns them."""

    def __init__(self, kind: RecordKind, *, decode: Decode, reduce: Reduce) -> None:
        self.kind = kind
        self.matches: dict[str, Match] = {}
        self._decode = decode
        self._reduce = reduce
        self._waiting: dict[str, int] = {}
        self._waiting_bytes: dict[str, int] = {}
        self._gapped: set[str] = set()
        """Matches in whose inbox something waits."""
        self._changed: dict[str, int] = {}

    def read(self, data: bytes) -> Event | Mark:
        """What the bytes of a record say, an event with its writes. Raises RefusedRecord, or UnknownSchema.

        The reducer runs here and not at delivery: it reads nothing but the event, and a refusal belongs to the record
        that was read, not to a later moment.
        """
        event = self._decode(data)
        if isinstance(event, Event) and not isinstance(event.body, RefusedBody):
            try:
                event.writes = self._reduce(event)
            except (MemoryError, RecursionError):
                raise  # the program's trouble, never the event's: how deep a stack may grow differs between programs
            except Exception as error:  # noqa: BLE001 - a reducer is foreign code: whatever it raises refuses this one event
                event.body = RefusedBody(f"the reducer of {event.type} refused it: {_said_by(error)}")
        return event

    def deliver(self, event: Event, tally: Tally) -> Arrival:
        """Take in an event that `read` returned, now or when what it waits for has come."""
        match_id = event.match
        match = self.matches.get(match_id)
        if match is None:
            match = self._match(match_id)
        arrival, fields, freed = match.arrive(event, self.kind)
        if arrival is DELIVERED:
            tally.delivered += 1
            self._changed[match_id] = self._changed.get(match_id, 0) | fields
            for waited in freed:
                tally.delivered += 1
                self._count_waiting(region_of(waited.node), -1, -len(waited.data))
            if freed and not match.inbox.waiting_count():
                self._gapped.discard(match_id)
        elif arrival is Arrival.WAITING:
            tally.waited += 1
            self._gapped.add(match_id)
            self._wait(match_id, region_of(event.node), event.data)
        elif arrival is Arrival.DUPLICATE:
            tally.duplicates += 1
        else:
            tally.equivocations.append(event)
        return arrival

    def hold(self, match_id: str, region: str, data: bytes, tally: Tally) -> None:
        """Keep a record of unknown schema with the match that its key names; it counts as waiting."""
        match = self._match(match_id)
        if (region, data) in match.undecoded:
            tally.duplicates += 1
        else:
            match.undecoded |= {(region, data)}
            tally.waited += 1
            self._wait(match_id, region, data)

    def load(self, match_id: str, data: bytes) -> None:
        """Take over a match from its canonical bytes; one that is here already stays. Raises CorruptState."""
        if match_id in self.matches:
            return  # a store may return a match twice, and what waits in it must be counted once
        match = Match.decode(data, self.kind, self._read_event)
        strangers = {event.match for event in match.inbox.waiting()} - {match_id}
        if strangers:
            raise CorruptState(f"the stored state of match {match_id} holds waiting events of {sorted(strangers)}")
        self.matches[match_id] = match
        for event in match.inbox.waiting():
            self._gapped.add(match_id)
            self._count_waiting(region_of(event.node), 1, len(event.data))
        for region, held in match.undecoded:
            self._count_waiting(region, 1, len(held))

    def forget(self, match_id: str) -> bool:
        """Take a match out of memory; False, and it stays, when it has changes that nobody has taken, or when
        something waits for it. Whoever feeds an event of it next must have loaded it again.
        """
        if match_id in self._changed or self.matches[match_id].pending:
            return False
        del self.matches[match_id]
        return True

    def take_changed(self) -> dict[str, int]:
        """The matches that changed since the last call, each with a bit per top-level field that was written."""
        changed, self._changed = self._changed, {}
        return changed

    def waiting(self, region: str) -> int:
        """How many events of `region`'s nodes wait."""
        return self._waiting.get(region, 0)

    def waiting_bytes(self, region: str) -> int:
        """How many bytes the waiting events of `region`'s nodes have, as they were read and will be stored."""
        return self._waiting_bytes.get(region, 0)

    def gaps(self) -> int:
        """In how many matches events wait for others that did not come. Costs nothing to ask."""
        return len(self._gapped)

    def undecoded(self) -> int:
        """How many records of unknown schema are held. They count as waiting, and wait for a newer program."""
        return sum(len(match.undecoded) for match in self.matches.values())

    def missing(self, *, most: int = 20) -> dict[str, dict[str, list[tuple[int, int]]]]:
        """What waiting events wait for: match -> node -> ranges of counters (first, last), for at most `most`
        matches.
        """
        named: dict[str, dict[str, list[tuple[int, int]]]] = {}
        for match_id, match in self.matches.items():
            if len(named) == most:
                break
            if ranges := match.inbox.missing_ranges():
                named[match_id] = ranges
        return named

    def _match(self, match_id: str) -> Match:
        match = self.matches.get(match_id)
        if match is None:
            match = self.matches[match_id] = Match(self.kind)
            self._changed[match_id] = (
                1 << len(self.kind.names)
            ) - 1  # a new match shows all its fields, empty ones too
        return match

    def _wait(self, match_id: str, region: str, data: bytes) -> None:
        self._changed.setdefault(match_id, 0)
        self._count_waiting(region, 1, len(data))

    def _count_waiting(self, region: str, events: int, size: int) -> None:
        self._waiting[region] = self._waiting.get(region, 0) + events
        self._waiting_bytes[region] = self._waiting_bytes.get(region, 0) + size

    def _read_event(self, data: bytes) -> Event:
        event = self.read(data)
        if isinstance(event, Mark):
            raise RefusedRecord("a mark is stored where a waiting event should be")
        return event


def _said_by(error: Exception) -> str:
    """The text of a reducer's error, as a letter can carry it. Making that text is foreign code too."""
    try:
        text = str(error)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - see above: the event is refused whatever its error cannot say
        text = type(error).__name__
    return text[:REASON_CHARACTERS_MAX].encode(errors="backslashreplace").decode()
