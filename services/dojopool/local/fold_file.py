"""Events from a file, as JSON lines, folded as a replica would fold them from a log.

The result is a function of the set of events alone: lines may come in any order and any number of times. So everything
is read before anything is folded, because what one line says may only count together with a later one: which payload
of a dot is kept must not depend on which came first.

A file is no stream: regions, partitions and marks mean nothing here, and nothing is refused for being in the wrong
place. Memory holds one copy of every event; a league is some megabytes, a year of production is a job for a replica.

Three things can be wrong with a line, and each is a Finding:

- it is no event (bad JSON, a bad envelope, too long): it is left out;
- its envelope is good and its body is refused: it counts, so that its node goes on, and writes nothing;
- its dot has another payload elsewhere: the one with the smaller SHA-256 of its canonical JSON is kept.

What null means may be written out: a base of `seq - 1`, an empty context on a node's first event, a default of the
schema. Such forms are one payload, and its canonical JSON is that of the shortest envelope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from dojopool.codec.json_form import JsonEvent, canonical_json, event_of
from dojopool.core.event import Dot, Event, RefusedBody
from dojopool.core.fold import Tally
from dojopool.core.match import digest
from dojopool.errors import InvalidEvent
from dojopool.games.loading import LoadedGame
from dojopool.local.event_lines import Complain, Finding, events_in


@dataclass(slots=True)
class _Payload:
    """What one dot says, and the first line that says it."""

    event: Event
    """In the form it was given in, as a log would hold it; of several forms, the one with the smallest bytes."""
    meaning: bytes
    """The record of its shortest form: equal for all forms of one payload."""
    order: bytes
    """SHA-256 of its canonical JSON: the smallest of a dot is kept."""
    line: int


class FileFold:
    """The events of one or more files: `read` each, then take the `results` once."""

    def __init__(self, loaded: LoadedGame, *, report: Complain) -> None:
        self._loaded = loaded
        self._report = report
        self._reader = loaded.new_fold()
        self._matches: dict[str, dict[Dot, list[_Payload]]] = {}

    def read(self, file: BinaryIO) -> None:
        """Read all lines, reporting those that are no event or whose body is refused, in order. Empty lines are
        skipped.
        """
        for number, said in events_in(file, self._report):
            self._take(number, said)

    def results(self) -> Iterator[dict[str, Any]]:
        """What each match came to, in order of match id; before the first, every dot with rival payloads is reported.

        The keys are those of the design, in its order: match, clock, state, pending, digest, violations.
        """
        for match in sorted(self._matches):
            for dot, payloads in sorted(self._matches[match].items()):
                if len(payloads) > 1:
                    self._report(_rivals(match, dot, payloads))
        for match in sorted(self._matches):
            yield self._result(match)

    def _take(self, number: int, said: JsonEvent) -> None:
        try:
            event, lean = self._event(said), said.lean()
            meaning = event.data if lean == said else self._event(lean).data
        except InvalidEvent as error:
            self._report(Finding((number,), str(error)))
            return
        if isinstance(event.body, RefusedBody):
            refused = f"event {_named(event.match, event.dot)} counts but writes nothing: {event.body.reason}"
            self._report(Finding((number,), refused))
        order = hashlib.sha256(canonical_json(lean.to_json())).digest()
        self._keep(_Payload(event, meaning, order, number))

    def _event(self, said: JsonEvent) -> Event:
        """The event as a log would hand it over, with its writes. Raises InvalidEvent when it fits in no record."""
        event = event_of(said, self._loaded.codec)
        if isinstance(event.body, RefusedBody):
            return event
        reduced = self._reader.read(event.data)
        assert isinstance(reduced, Event), "an event was encoded"
        return reduced

    def _keep(self, payload: _Payload) -> None:
        event = payload.event
        rivals = self._matches.setdefault(event.match, {}).setdefault(event.dot, [])
        for known in rivals:
            if known.meaning == payload.meaning:
                known.order = min(known.order, payload.order)
                known.event = min(known.event, event, key=_data)
                return
        rivals.append(payload)

    def _result(self, match_id: str) -> dict[str, Any]:
        fold = self._loaded.new_fold()
        tally = Tally()
        for _, payloads in sorted(self._matches[match_id].items()):
            fold.deliver(min(payloads, key=_order).event, tally)
        match = fold.matches[match_id]
        state = fold.kind.plain(match.root)
        return {
            "match": match_id,
            "clock": match.inbox.delivered,
            "state": state,
            "pending": match.pending,
            "digest": digest(match.encode(fold.kind)),
            "violations": self._loaded.game.violations(fold.kind.view(state)),
        }


def _rivals(match: str, dot: Dot, payloads: list[_Payload]) -> Finding:
    kept = min(payloads, key=_order)
    lines = tuple(sorted(payload.line for payload in payloads))
    return Finding(
        lines,
        f"{len(payloads)} payloads under one dot, event {_named(match, dot)};"
        f" that of line {kept.line} is kept, whose SHA-256 is the smallest",
    )


def _order(payload: _Payload) -> bytes:
    return payload.order


def _data(event: Event) -> bytes:
    return event.data


def _named(match: str, dot: Dot) -> str:
    return f"{dot[0]}:{dot[1]} of match {match}"
