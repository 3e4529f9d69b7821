"""What a stack consists of, and whether what was saved of the last time can be gone on with.

Regions and partitions are fixed for the life of a stack's data: Kafka cannot take partitions away, and where a match
lives follows from their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from dojopool.errors import CallerError, Unavailable
from dojopool.local.stack.ports import LOOPBACK, free_ports, is_free
from dojopool.local.stack.process import ProcessId


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPorts:
    """The loopback ports of one region's servers."""

    kafka: int
    controller: int
    redis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a stack consists of. All but the prefixes stay for the life of its data."""

    regions: Mapping[str, RegionPorts]
    partitions: int
    """Of every events topic."""
    prefixes: tuple[str, ...]
    """The deployments whose events are mirrored, as `DOJO_PREFIX` names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """A layout and the processes started for it, by server name; none of them need still run."""

    layout: Layout
    processes: Mapping[str, ProcessId] = field(default_factory=dict)


def new_layout(regions: Sequence[str], *, partitions: int, prefixes: Sequence[str]) -> Layout:
    """Return a layout on ports that are free now."""
    ports = iter(free_ports(3 * len(regions)))
    placed = {name: RegionPorts(kafka=next(ports), controller=next(ports), redis=next(ports)) for name in regions}
    return Layout(regions=placed, partitions=partitions, prefixes=tuple(prefixes))


def resumed(saved: StackState, wanted: Layout, folder: Path) -> StackState:
    """Return what to go on with: what runs, or else the saved regions and ports with the wanted prefixes.

    Raises CallerError when data or running processes are those of a different layout, Unavailable when another program
    listens on a saved port. Other ports would do for Kafka and Redis, but not for the mirror: it keeps the addresses of
    the regions in Kafka, and goes on calling the old ones.
    """
    if saved.layout.regions.keys() != wanted.regions.keys() or saved.layout.partitions != wanted.partitions:
        raise CallerError(
            f"the stack in {folder} has {_described(saved.layout)}, not {_described(wanted)}:"
            " take its values, or delete it and its data with `dojo stack down --wipe`"
        )
    if any(process.find() for process in saved.processes.values()):
        if saved.layout.prefixes != wanted.prefixes:
            raise CallerError(
                f"the stack is up for the prefixes {', '.join(saved.layout.prefixes)},"
                f" not {', '.join(wanted.prefixes)}: end it with `dojo stack down`, then start it again"
            )
        return saved
    ports = [port for region in saved.layout.regions.values() for port in astuple(region)]
    if taken := [port for port in ports if not is_free(port)]:
        raise Unavailable(
            f"the stack in {folder} has the ports {', '.join(map(str, taken))} of {LOOPBACK}, where another program"
            " listens: end that one, or delete the stack and its data with `dojo stack down --wipe`"
        )
    return StackState(layout=replace(wanted, regions=saved.layout.regions))


def _described(layout: Layout) -> str:
    return f"the regions {', '.join(sorted(layout.regions))} with {layout.partitions} partitions"
