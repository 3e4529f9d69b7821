"""What a Raft disk must hold, by a model that knows neither frames nor files; and a story to write on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from dojopool.adapters.raft_directory import Files
from dojopool.adapters.raft_wal import Wal
from dojopool.core.raft.messages import ConfState, Entry, HardState, Snapshot, Stored
from dojopool.raft_ports import DiskWrite

CONFIG = ConfState(voters=(1, 2, 3))


def entries(first: int, *terms: int, size: int = 3) -> tuple[Entry, ...]:
    """Consecutive entries from `first`, one per term."""
    return tuple(Entry(term, first + place, data=bytes([term]) * size) for place, term in enumerate(terms))


def snapshot(index: int, term: int) -> Snapshot:
    """A small snapshot."""
    return Snapshot(index, term, CONFIG, b"state at %d" % index)


def opened(files: Files, *, segment_bytes: int = 1 << 20, node: int = 1, cluster: str = "pool") -> tuple[Wal, Stored]:
    """A log on these files, and what it found there."""
    wal = Wal(files, cluster=cluster, node=node, draw_id=lambda: b"\x07" * 16, segment_bytes=segment_bytes)
    return wal, wal.recover()


@dataclass(frozen=True)
class Compaction:
    """The application's own snapshot."""

    snapshot: Snapshot
    keep_from: int


Step = DiskWrite | Compaction


def after(stored: Stored, step: Step) -> Stored:
    """What must be found once a step is durable."""
    if isinstance(step, Compaction):
        index = step.snapshot.index
        state = HardState(stored.hard_state.term, stored.hard_state.vote, max(stored.hard_state.commit, index))
        return Stored(state, step.snapshot, tuple(entry for entry in stored.entries if entry.index > index))
    kept, found = stored.entries, stored.snapshot
    if step.snapshot is not None:
        kept, found = (), step.snapshot
    if step.entries:
        kept = tuple(entry for entry in kept if entry.index < step.entries[0].index) + step.entries
    state = step.hard_state or stored.hard_state
    if found is not None:
        kept = tuple(entry for entry in kept if entry.index > found.index)
        state = HardState(state.term, state.vote, max(state.commit, found.index))
    return Stored(state, found, kept)


def perform(wal: Wal, step: Step) -> None:
    """Do a step and make it durable."""
    if isinstance(step, Compaction):
        wal.compact(step.snapshot, keep_from=step.keep_from)
    else:
        wal.append(step)
        wal.sync()


def perform_all(wal: Wal, steps: Sequence[Step]) -> None:
    """Recover, then do steps in order."""
    wal.recover()
    for step in steps:
        perform(wal, step)


def story() -> list[Step]:
    """Everything that happens to a disk: votes, appends, overwrites, compactions, a snapshot from the leader."""
    return [
        DiskWrite(1, HardState(1, 2, 0)),
        DiskWrite(2, HardState(1, 2, 1), entries(1, 1, 1, 1)),
        DiskWrite(3, HardState(2, 0, 1), entries(3, 2, 2, 2)),
        DiskWrite(4, entries=entries(6, 2, 2)),
        Compaction(snapshot(1, 1), 2),
        DiskWrite(5, HardState(3, 1, 4), entries(5, 3)),
        Compaction(snapshot(4, 2), 3),
        DiskWrite(6, HardState(4, 0, 5), snapshot=snapshot(20, 4), entries=entries(21, 4, 4)),
        DiskWrite(7, HardState(4, 3, 22), entries(23, 4, 4, 4)),
        Compaction(snapshot(22, 4), 23),
        DiskWrite(8, entries=entries(24, 4)),
    ]


def random_story(dice: Random, length: int) -> Iterator[Step]:
    """Any legal life of a disk."""
    stored = Stored()
    for number in range(1, length + 1):
        stored = after(stored, step := _random_step(dice, stored, number))
        yield step


def _random_step(dice: Random, stored: Stored, number: int) -> Step:
    base = stored.snapshot.index if stored.snapshot else 0
    last = stored.entries[-1].index if stored.entries else base
    state = stored.hard_state
    kinds: list[Callable[[], Step]] = [
        lambda: DiskWrite(number, HardState(state.term + 1, dice.randrange(4), state.commit)),
        lambda: DiskWrite(
            number,
            HardState(term := max(1, state.term), state.vote, state.commit),
            entries(dice.randint(state.commit, last) + 1, *[term] * dice.randint(1, 4), size=dice.randrange(40)),
        ),
        lambda: DiskWrite(number, HardState(state.term, state.vote, dice.randint(state.commit, last))),
    ]
    if state.commit > base:
        index = dice.randint(base + 1, state.commit)
        term = next(entry.term for entry in stored.entries if entry.index == index)
        kinds.append(lambda: Compaction(snapshot(index, term), dice.randint(1, index + 1)))
    if dice.random() < 0.2:
        term = max(1, state.term)
        kinds = [
            lambda: DiskWrite(
                number, HardState(term, state.vote, last + 5), snapshot=snapshot(last + 5, term), entries=()
            )
        ]
    return dice.choice(kinds)()
