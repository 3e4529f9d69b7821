"""What producers were told, event by event, in a file of its own: invoked, then accepted, rejected or unknown.

Each event carries a name that no other has, in its body, so whoever finds it in a log or a view finds it here too,
whatever number it was given. An event that was invoked and never answered (its task was cancelled, or the producer
died) is unknown. A line is in the file before the event is handed to the SDK: the file survives its writer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias

from dojopool.client import Accepted, Dojo, MatchHandle, Receipt, Unknown
from dojopool.errors import Unavailable

Answer: TypeAlias = Literal["accepted", "rejected", "unknown"]
Body: TypeAlias = dict[str, Any]

FRAMES = 3
"""Few, so that events meet in one place."""

REREADS = 0.1
"""How often a producer reads a match again before it writes: so some events have seen others, and most have not."""

READ_TIMEOUT_S = 2.0
"""For a read before an event; where it takes longer the event is written without."""


@dataclass(slots=True)
class Entry:
    """One event."""

    region: str
    match: str
    kind: str
    answer: Answer = "unknown"
    dot: tuple[str, int] | None = None
    """As its producer was told; None where it was told nothing."""


class Ledger:
    """The ledger of one test. Every producer of the test writes to it, under names of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.invoked = 0
        """How many events were about to be recorded so far."""

    def invoke(self, region: str, match: str, kind: str) -> str:
        """Note that an event is about to be recorded, and return the name that it must carry."""
        self.invoked += 1
        name = f"{region}-{self.invoked}"
        self._append(name, invoked={"region": region, "match": match, "kind": kind})
        return name

    def answered(self, name: str, receipt: Receipt) -> None:
        """Note what its producer was told, the last answer being the one that counts."""
        answer = type(receipt).__name__.lower()
        dot = receipt.dot if isinstance(receipt, Accepted | Unknown) else None
        self._append(name, answer=answer, dot=dot)

    def entries(self) -> dict[str, Entry]:
        """Every event by its name, read from the file."""
        entries: dict[str, Entry] = {}
        for line in self.path.read_text().splitlines():
            told = json.loads(line)
            if "invoked" in told:
                entries[told["event"]] = Entry(**told["invoked"])
            else:
                entry = entries[told["event"]]
                entry.answer = told["answer"]
                entry.dot = tuple(told["dot"]) if told["dot"] else entry.dot
        return entries

    def _append(self, name: str, **told: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"event": name, **told}) + "\n")


class Producer:
    """A game server that writes to one region by the SDK, and tells the ledger. What it writes is left to `chance`."""

    def __init__(
        self, dojo: Dojo, ledger: Ledger, chance: Random, *, matches: Sequence[str], rereads: float = REREADS
    ) -> None:
        self._dojo, self._ledger, self._chance, self._matches = dojo, ledger, chance, matches
        self._rereads = rereads
        self._handles: dict[str, MatchHandle] = {}

    async def record(self, count: int, *, timeout_s: float = 30.0) -> None:
        """Record `count` events of chosen kinds on chosen matches, all under way at once, and note their answers.

        Cancelled, it leaves those under way unanswered in the ledger.
        """
        async with asyncio.TaskGroup() as tasks:
            for _ in range(count):
                handle = await self._handle(self._chance.choice(self._matches))
                kind, body = _chosen(self._chance)
                name = self._ledger.invoke(self._dojo.region, handle.id, kind)
                tasks.create_task(self._record(handle, name, kind, named(body, name), timeout_s))

    async def open_all(self) -> None:
        """Take a handle of every match."""
        for match in self._matches:
            await self._handle(match)

    async def record_refused(self) -> None:
        """Record an event that the game's schema does not take."""
        handle = await self._handle(self._chance.choice(self._matches))
        name = self._ledger.invoke(self._dojo.region, handle.id, "points_awarded")
        body: Body = {"frame": 1, "player": name, "points": "many"}
        await self._record(handle, name, "points_awarded", body, READ_TIMEOUT_S)

    async def _record(
        self, handle: MatchHandle, name: str, kind: str, body: Mapping[str, Any], timeout_s: float
    ) -> None:
        self._ledger.answered(name, await handle.record_body(kind, body, timeout_s=timeout_s))

    async def _handle(self, match: str) -> MatchHandle:
        """The handle of a match, which has now and then read what others wrote meanwhile."""
        handle = self._handles.get(match)
        if handle is None:
            handle = self._handles[match] = await self._dojo.match(match)
        elif self._chance.random() < self._rereads:
            with contextlib.suppress(Unavailable):  # then it has not read, and is concurrent with what it missed
                await handle.read(timeout_s=READ_TIMEOUT_S)
        return handle


def named(body: Body, name: str) -> Body:
    """An event's body with the name of the event where a player belongs."""
    return {field: name if value is None else value for field, value in body.items()}


def name_in(event: Mapping[str, Any]) -> str:
    """The name that an event in JSON form carries."""
    body = event["body"]
    return str(next(body[field] for field in ("player", "breaker", "winner") if field in body))


def _chosen(chance: Random) -> tuple[str, Body]:
    """A kind of event and its body, None standing for the player. Points most often: they show what is doubled."""
    frame = chance.randint(1, FRAMES)
    kinds: list[tuple[str, Body]] = [
        ("points_awarded", {"frame": frame, "player": None, "points": chance.randint(1, 9)}),
        ("points_awarded", {"frame": frame, "player": None, "points": -1}),
        ("foul_called", {"frame": frame, "player": None}),
        ("player_joined", {"player": None}),
        ("frame_started", {"frame": frame, "breaker": None}),
        ("frame_finished", {"frame": frame, "winner": None}),
    ]
    return chance.choice(kinds)
