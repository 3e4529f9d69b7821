"""Following a region's violations: for pagers, bots and dashboards.

The position is the reader's own, as text it keeps where its work is kept: no group, no commit that runs ahead of the
work. Records are not grouped into violations here; `core.invariants.history` does that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from dojopool.client.config import ClientConfig
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.violation import Violation
from dojopool.errors import CallerError, RefusedRecord, Unavailable
from dojopool.ports import EventLog, LogReader

StateName: TypeAlias = Literal["suspected", "cleared", "confirmed", "resolved"]

BEGINNING: Final = "beginning"
POLL_MS: Final = 500
RETRY_S: Final = 1.0
"""Pause after a log that did not answer."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One record of the violations topic."""

    violation: Violation
    cursor: str
    """Where to go on behind it: pass it as `since`. Text without line ends, a few bytes for each partition."""


async def follow(
    log: EventLog, config: ClientConfig, *, since: str | None, states: Collection[StateName] | None
) -> AsyncGenerator[Alert, None]:
    """See `Dojo.violations`."""
    wanted = _wanted(states)
    topic, codec = config.violations_topic, ViolationCodec()
    async with log.reader() as reader:
        offsets = await _start(reader, config, since)
        reader.assign({(topic, number): offset for number, offset in offsets.items()})
        while True:
            try:
                polled = await reader.poll(timeout_ms=POLL_MS)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            for (_, number), records in polled.items():
                for record in records:
                    offsets[number] = record.offset + 1
                    try:
                        violation = codec.decode(record.value or b"")
                    except RefusedRecord:
                        continue  # not ours, or of a newer checker: it can be read once this program is upgraded
                    if violation.state in wanted:
                        yield Alert(violation, json.dumps(offsets, separators=(",", ":")))


def _wanted(states: Collection[StateName] | None) -> frozenset[State]:
    known = {state.value: state for state in State}
    if strange := sorted(set(states or ()) - known.keys()):
        raise CallerError(f"{strange[0]!r} is no state of a violation: they are {', '.join(known)}")
    return frozenset(known.values() if states is None else (known[name] for name in states))


async def _start(reader: LogReader, config: ClientConfig, since: str | None) -> dict[int, int]:
    """The offset from which each partition is read."""
    if since is not None and since != BEGINNING:
        return dict(_offsets(since, config.partitions))
    partitions = [(config.violations_topic, number) for number in range(config.partitions)]
    index = 0 if since == BEGINNING else 1
    return {number: bounds[index] for (_, number), bounds in (await reader.bounds(partitions)).items()}


def _offsets(cursor: str, partitions: int) -> Mapping[int, int]:
    try:
        offsets = {int(number): offset for number, offset in json.loads(cursor).items()}
    except (ValueError, AttributeError):
        offsets = {}
    is_sound = all(type(offset) is int and offset >= 0 for offset in offsets.values())
    if not is_sound or offsets.keys() != set(range(partitions)):
        raise CallerError(
            f"since={cursor[:100]!r} is neither 'beginning' nor the cursor of an alert of a deployment with"
            f" {partitions} partitions"
        )
    return offsets
