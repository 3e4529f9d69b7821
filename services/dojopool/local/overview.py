"""How a region is doing: who owns each partition, how far its streams were read, how old what they hold is, the mode.

Two witnesses: the status hash, in which the owners write what they stored, and the logs, which tell how much there is.
Whoever died says nothing more, so what is shown of it is old; ages tell. A server that does not answer is a line in the
report and not the end of it: the command is for bad days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dojopool.client.receipts import Mode
from dojopool.client.status import LOCAL_ONLY_MS, RegionStatus
from dojopool.errors import ConfigError, DojoError
from dojopool.ports import Clock, LogReader

SERVED_MS: Final = LOCAL_ONLY_MS
"""Age of the last stored batch from which on a partition counts as not served: its owner stores a mark a second."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One region's stream in one partition."""

    origin: str
    """The region whose events these are."""
    next_offset: int | None
    """Where its owner reads on; None when nothing is stored of it."""
    end: int | None
    """End of the log here; None when the log was not asked or did not answer."""
    lag_records: int | None
    staleness_ms: int | None
    """Age of the newest of its marks in the state."""


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """One partition as its owner and the logs tell it."""

    partition: int
    owner: str | None
    """Who stored last; None when nobody has."""
    written_ms: int | None
    """How long ago."""
    is_served: bool
    streams: tuple[StreamReport, ...]


@dataclass(frozen=True, slots=True)
class RegionReport:
    """One region."""

    region: str
    mode: Mode | None
    """None when its Redis did not answer."""
    partitions: tuple[PartitionReport, ...]
    problems: tuple[str, ...]
    """Servers that did not answer, and partitions that nobody serves."""
    is_reached: bool
    """Whether every server answered."""

    @property
    def is_good(self) -> bool:
        """Whether all is well: healthy, and every partition served."""
        return self.mode == "healthy" and not self.problems


async def region_report(
    region: str, *, topics: Mapping[str, str], partitions: int, status: RegionStatus, reader: LogReader, clock: Clock
) -> RegionReport:
    """Look at a region's servers. `topics` are the event topics by region. Raises ConfigError when one refuses us."""
    failures: list[str] = []
    ends: Mapping[tuple[str, int], tuple[int, int]] = {}
    try:
        ends = await reader.bounds([(topic, number) for topic in topics.values() for number in range(partitions)])
    except ConfigError:
        raise
    except DojoError as error:
        failures.append(str(error))
    try:
        await status.refresh()
    except ConfigError:
        raise
    except DojoError as error:
        return unreached(region, *failures, str(error))
    found = tuple(
        _partition(number, topics, status=status, ends=ends, now_ms=clock.now_ms()) for number in range(partitions)
    )
    idle = [report.partition for report in found if not report.is_served]
    if idle:
        failures.append(
            f"nobody serves {_numbers(idle)}: see that replicas run in {region}, and what their /readyz says"
        )
    cut = [one.partition for one in found if one.is_served and status.mode_of(one.partition) != "healthy"]
    if cut:
        failures.append(f"no young mark of another region in {_numbers(cut)} of {region}: see that the mirror runs")
    return RegionReport(region, status.mode, found, tuple(failures), is_reached=bool(ends))


def unreached(region: str, *problems: str) -> RegionReport:
    """The report of a region of which nothing can be told."""
    return RegionReport(region, None, (), problems, is_reached=False)


def _partition(
    number: int,
    topics: Mapping[str, str],
    *,
    status: RegionStatus,
    ends: Mapping[tuple[str, int], tuple[int, int]],
    now_ms: int,
) -> PartitionReport:
    told = status.partitions.get(number)
    ages = status.staleness_ms(number)
    streams = []
    for origin, topic in topics.items():
        offset = None if told is None else told.offsets.get(origin)
        end = ends[topic, number][1] if (topic, number) in ends else None
        lag = None if offset is None or end is None else max(0, end - offset)
        streams.append(StreamReport(origin, offset, end, lag, ages.get(origin)))
    written_ms = None if told is None else max(0, now_ms - told.at_ms)
    is_served = written_ms is not None and written_ms <= SERVED_MS
    return PartitionReport(number, None if told is None else told.owner, written_ms, is_served, tuple(streams))


def _numbers(numbers: list[int]) -> str:
    return f"partition{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
