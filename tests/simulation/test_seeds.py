"""Whole groups live through anything by seed: a few seeds here, many with `dojo simulate raft`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dojopool.simulation.options import plan
from dojopool.simulation.run import run

SEEDS = range(1, 81)
TOLD = (
    "from dojopool.simulation.options import plan; from dojopool.simulation.run import run; print(run(plan(7)).digest)"
)


@pytest.mark.parametrize("first", SEEDS[::10])
def test_no_seed_breaks_a_rule(first: int) -> None:
    """Every step of every run keeps the rules, and a healed quorum makes progress."""
    for seed in range(first, first + 10):
        outcome = run(plan(seed))

        assert outcome.rule == "", f"{outcome.found}; repeat: {outcome.plan.command()}"


def test_most_runs_are_asked_for_progress() -> None:
    """Few runs are excused, and in most the group did work that was judged."""
    outcomes = [run(plan(seed)) for seed in range(100, 120)]

    assert sum(bool(outcome.excused) for outcome in outcomes) <= 4
    assert sum(outcome.answered > 20 for outcome in outcomes) >= 15


def test_equal_seeds_give_equal_runs() -> None:
    """What happens depends on the seed alone, not on the process nor on how it hashes."""
    told = {
        subprocess.run(
            [sys.executable, "-c", TOLD],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }

    assert told == {run(plan(7)).digest}
    assert run(plan(8)).digest not in told
