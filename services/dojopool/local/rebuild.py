"""Having one partition of a region folded again from its logs, beside replicas that go on.

Stored state is a fold of the logs, so it can be forgotten and made again, as long as the logs still hold all of it:
that is looked at first, since what was trimmed is in the stored state alone. The claim fences the owner, so nothing of
what it had on the way can arrive behind the reset; it notices at its next write (a mark a second), takes the partition
over anew a few seconds later, finds nothing and reads from the beginning. Views stay readable meanwhile.

Left out: starting a replica. Without one the partition stays empty, and the wait says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dojopool.client.status import PartitionStatus, RegionStatus
from dojopool.errors import CallerError, Refused, Unavailable
from dojopool.ports import Head, LogReader, StateStore

LOOK_S: Final = 0.5
"""Between two looks at the status hash, which is written once a second."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a rebuilt partition has to reach."""

    partition: int
    epoch: int
    """Of the claim that forgot the state; what is stored under a later one was folded again."""
    ends: Mapping[str, int]
    """Per region, the end of its stream when the state was forgotten."""


async def forget(
    number: int, *, store: StateStore, reader: LogReader, topics: Mapping[str, str], owner: str, log_is_right: bool
) -> Goal:
    """Fence the owner of partition `number` and forget its stored state. `topics` are the event topics by region.

    On return the reset is stored. Raises CallerError, with everything as it was (but for the owner, which may have to
    take the partition over anew), when a log does not hold its beginning, when the state contains a region that is
    none of `topics`, or, unless `log_is_right`, when a log ends before what the state has read of it. Raises Refused
    when another claimed the partition in between.
    """
    found = await reader.bounds([(topic, number) for topic in topics.values()])
    bounds = {region: found[topic, number] for region, topic in topics.items()}
    for region, (first, _) in bounds.items():
        if first > 0:
            raise CallerError(
                f"partition {number} is left as it is: the log of {region} begins at offset {first}, and what came"
                " before is in the stored state alone: forgetting it would lose it"
            )
    head = await store.claim(number, owner=owner)
    # Asked again: until it was fenced, the owner went on and may have stored what was written meanwhile.
    found = await reader.bounds([(topic, number) for topic in topics.values()])
    ends = {region: found[topic, number][1] for region, topic in topics.items()}
    _check_nothing_is_lost(number, head, ends, log_is_right=log_is_right)
    if not await store.reset(number, epoch=head.epoch):
        raise Refused(f"partition {number} was claimed by another in between and is as it was: try again")
    return Goal(number, head.epoch, ends)


def _check_nothing_is_lost(number: int, head: Head, ends: Mapping[str, int], *, log_is_right: bool) -> None:
    for region, position in (head.positions or {}).items():
        if region not in ends:
            raise CallerError(
                f"partition {number} is left as it is: its state contains events of region {region}, which is not in"
                f" DOJO_REGIONS ({','.join(ends)}) and would not be folded again"
            )
        if position.next_offset > ends[region] and not log_is_right:
            raise CallerError(
                f"partition {number} is left as it is: its state was read up to offset {position.next_offset} of the"
                f" log of {region}, which ends at {ends[region]}: the log was replaced or lost its tail. Restore the"
                " log, or give --log-is-right to keep only what the log holds"
            )


async def wait_until_served(
    goal: Goal, *, status: RegionStatus, timeout_s: float, progress: Callable[[int, int], None]
) -> PartitionStatus:
    """Wait until a replica has folded the partition again up to the goal, and return what it says of itself.

    `progress` is told of the records folded and their number, whenever more were. Raises Unavailable when the time is
    over; what was forgotten stays forgotten, and a replica goes on with it.
    """
    told = -1
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                await status.refresh()
                found = status.partitions.get(goal.partition)
                if found is not None and found.epoch > goal.epoch and _is_reached(goal, found):
                    return found
                done = _folded(goal, found)
                if done > told:
                    progress(done, sum(goal.ends.values()))
                    told = done
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise Unavailable(_not_yet(goal, status.partitions.get(goal.partition), timeout_s)) from None


def _is_reached(goal: Goal, found: PartitionStatus) -> bool:
    return all(found.offsets.get(region, 0) >= end for region, end in goal.ends.items())


def _folded(goal: Goal, found: PartitionStatus | None) -> int:
    """Records that were folded again so far."""
    if found is None or found.epoch <= goal.epoch:
        return 0
    return sum(min(found.offsets.get(region, 0), end) for region, end in goal.ends.items())


def _not_yet(goal: Goal, found: PartitionStatus | None, timeout_s: float) -> str:
    begun = f"the state of partition {goal.partition} is forgotten, and after {timeout_s:g} s"
    if found is None or found.epoch <= goal.epoch:
        return f"{begun} no replica has stored anything new of it: see that one runs in this region (`dojo status`)"
    behind = ", ".join(
        f"{region} at {found.offsets.get(region, 0)} of {end}"
        for region, end in goal.ends.items()
        if found.offsets.get(region, 0) < end
    )
    return (
        f"{begun} {found.owner} is still folding it ({behind}): it goes on by itself; should it stand still, the"
        " replica's log and /readyz say why"
    )
