"""Makes a failing run small: fewer faults, less time, fewer nodes and clients, as long as the same rule breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from dojopool.simulation.options import Plan
from dojopool.simulation.run import Outcome, run
from dojopool.simulation.world import SECOND

TRIES_MAX: Final = 60
"""Runs of one shrinking: about half a minute."""


def shrink(failed: Outcome, *, play: Callable[[Plan], Outcome] = run, tries_max: int = TRIES_MAX) -> Outcome:
    """The smallest run found that breaks the same rule as `failed`. Greedy: each step keeps what still fails."""
    best, tries = failed, 0
    improved = True
    while improved and tries < tries_max:
        improved = False
        for smaller in _smaller(best):
            if tries == tries_max:
                break
            tries += 1
            outcome = play(smaller)
            if outcome.rule == failed.rule:
                best, improved = outcome, True
                break
    return best


def _smaller(outcome: Outcome) -> Iterator[Plan]:
    """Plans with one thing less, the greatest first."""
    plan = outcome.plan
    end = outcome.at / SECOND
    if end < 0.9 * plan.seconds:
        yield replace(plan, seconds=round(end + 0.05, 2))
    for name in sorted(plan.faults):
        yield replace(plan, faults=plan.faults - {name})
    for clients in range(1, plan.clients):
        yield replace(plan, clients=clients)
    for nodes in range(1, plan.nodes):
        yield replace(plan, nodes=nodes)
