"""Many seeds, in one process or two, until a number or a time is reached; what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from multiprocessing import get_context
from time import monotonic, process_time
from typing import Final

from dojopool.simulation.options import Plan
from dojopool.simulation.run import Outcome, run
from dojopool.simulation.world import SECOND

CHUNK: Final = 10
"""Seeds that a worker plays before it reports."""
FAILURES_MAX: Final = 10
"""Then a campaign ends: the next seeds would tell the same."""

PlanOf = Callable[[int], Plan]
"""The plan of a seed; it travels to another process, so it is a function of a module or a `partial` of one."""


@dataclass(slots=True)
class Total:
    """What all runs of a campaign add up to."""

    seeds: int = 0
    failures: list[Outcome] = field(default_factory=list)
    excused: int = 0
    simulated_s: float = 0.0
    cpu_s: float = 0.0
    """Processor time of the runs, over all workers."""
    operations: int = 0
    answered: int = 0
    messages: int = 0
    committed: int = 0
    terms: int = 0
    checked: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """Fault -> how often it acted; one that only colours a run counts once in each."""

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        if outcome.rule:
            self.failures.append(outcome)
        self.excused += bool(outcome.excused)
        self.simulated_s += outcome.simulated / SECOND
        for name in ("operations", "answered", "messages", "committed", "terms", "checked"):
            setattr(self, name, getattr(self, name) + getattr(outcome, name))
        self.faults.update({name: outcome.faults.get(name, 1) for name in outcome.plan.faults})


def campaign(
    plan_of: PlanOf,
    *,
    first: int,
    seeds: int,
    minutes: float | None = None,
    workers: int = 1,
    progress: Callable[[Total], None] = lambda total: None,
) -> Total:
    """Play `seeds` seeds from `first` on, or for `minutes` if given, whichever ends first; stop at FAILURES_MAX
    failures. `progress` is called after every few runs.
    """
    total = Total()
    end = None if minutes is None else monotonic() + 60 * minutes
    chunks = (range(start, min(start + CHUNK, first + seeds)) for start in range(first, first + seeds, CHUNK))
    for outcomes, cpu_s in _played(partial(_play, plan_of), chunks, workers):
        for outcome in outcomes:
            total.add(outcome)
        total.cpu_s += cpu_s
        progress(total)
        if len(total.failures) >= FAILURES_MAX or (end is not None and monotonic() >= end):
            break
    return total


Played = tuple[list[Outcome], float]


def _play(plan_of: PlanOf, seeds: range) -> Played:
    begin = process_time()
    outcomes = [run(plan_of(seed)) for seed in seeds]
    return outcomes, process_time() - begin


def _played(play: Callable[[range], Played], chunks: Iterator[range], workers: int) -> Iterator[Played]:
    if workers == 1:
        yield from map(play, chunks)
        return
    # Not forked: this process may have threads, the progress bar's for one.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        under_way: set[Future[Played]] = {pool.submit(play, chunk) for chunk in islice(chunks, 2 * workers)}
        try:
            for _ in count():
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                under_way |= {pool.submit(play, chunk) for chunk in islice(chunks, len(done))}
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
