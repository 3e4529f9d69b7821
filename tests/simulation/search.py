"""Searches anew for the first seed that catches each bug of the bank: run this file after changing the simulator or the
core, write the numbers into the bank, then run `page.py`.
"""

from __future__ import annotations

import pytest

from dojopool.simulation.run import run
from simulation.bank import BUGS, Bug

SEEDS_MAX = 1_000


def first_caught(bug: Bug) -> tuple[int, str]:
    """The first seed that catches a bug, and the rule that did; 0 when none up to SEEDS_MAX does."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        bug.patch(monkeypatch)
        for seed in range(1, SEEDS_MAX + 1):
            if rule := run(bug.plan(seed)).rule:
                return seed, rule
    return 0, ""


if __name__ == "__main__":
    for each in BUGS:
        seed, rule = first_caught(each)
        known = "" if (seed, rule in each.caught_by) == (each.seeds, True) else "  <- differs from the bank"
        print(f"{each.rule:4} {seed:4} {rule:20} {each.told}{known}", flush=True)  # noqa: T201 - what it is run for
