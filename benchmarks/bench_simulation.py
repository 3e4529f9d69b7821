"""How much virtual time the simulator plays in a second of processor time: five nodes, under every fault.

    python benchmarks/bench_simulation.py [--seeds 40] [--rounds 3]

Needs no servers. A seed counts only if it broke no rule and answered what clients asked: a group that stands still
would be the fastest of all.
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import Final

from report import Table, middle_and_range, run_without_servers

from dojopool.simulation.options import FAULTS, Plan
from dojopool.simulation.run import Outcome, run
from dojopool.simulation.world import SECOND

NODES: Final = 5
SECONDS: Final = 20.0
GENTLE: Final = ("loss", "delay", "crashes", "pauses", "snapshots")
"""Those that a deployment meets now and then."""


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)


async def measure(given: argparse.Namespace) -> list[Table]:
    """The table."""
    table = Table(
        f"Raft simulator: {NODES} nodes, {given.seeds} seeds of {SECONDS:g} s with faults each, one process; median of"
        f" {given.rounds} rounds (range)",
        ("faults", "simulated s per s of CPU", "steps judged per s of CPU", "operations answered"),
    )
    cases = {"none": (), ", ".join(GENTLE): GENTLE, f"all {len(FAULTS)} at once": tuple(FAULTS)}
    for name, faults in cases.items():
        speeds, steps = list[float](), list[float]()
        for _ in range(given.rounds):
            begin = process_time()
            outcomes = [_played(seed, faults) for seed in range(1, given.seeds + 1)]
            used_s = process_time() - begin
            speeds.append(sum(one.simulated for one in outcomes) / SECOND / used_s)
            steps.append(sum(one.checked for one in outcomes) / used_s)
        answered = sum(one.answered for one in outcomes)
        table.rows.append((name, middle_and_range(speeds), middle_and_range(steps), f"{answered:,}"))
    return [table]


def _played(seed: int, faults: tuple[str, ...]) -> Outcome:
    outcome = run(Plan(seed, frozenset(faults), nodes=NODES, clients=4, seconds=SECONDS))
    assert not outcome.rule, f"seed {seed}: {outcome.rule}: {outcome.found}"
    assert outcome.answered, f"seed {seed}: nothing was answered"
    return outcome


if __name__ == "__main__":
    run_without_servers(__doc__, options, measure)
