"""Failing runs are made small."""

from __future__ import annotations

from dojopool.simulation.options import Plan
from dojopool.simulation.run import Outcome
from dojopool.simulation.shrink import shrink
from dojopool.simulation.world import SECOND

FAILED = Plan(1, frozenset({"loss", "cuts", "crashes", "delay"}), nodes=5, clients=4, seconds=20.0)


def play(plan: Plan) -> Outcome:
    """A run that fails at 3 s when messages are lost, nodes crash and there are at least three nodes."""
    fails = {"loss", "crashes"} <= plan.faults and plan.nodes >= 3 and plan.seconds > 3
    return Outcome(plan, rule="committed" if fails else "", at=3 * SECOND)


def test_all_that_does_not_matter_goes() -> None:
    """What is left is what the failure needs."""
    small = shrink(play(FAILED), play=play).plan

    assert small == Plan(1, frozenset({"loss", "crashes"}), nodes=3, clients=1, seconds=3.05)


def test_another_failure_is_another_failure() -> None:
    """A smaller run that breaks another rule is not taken."""

    def other(plan: Plan) -> Outcome:
        return Outcome(plan, rule="committed" if plan == FAILED else "progress", at=20 * SECOND)

    assert shrink(other(FAILED), play=other).plan == FAILED


def test_tries_are_bounded() -> None:
    """It ends after so many runs with the best that it has."""
    tries = []

    def counting(plan: Plan) -> Outcome:
        tries.append(plan)
        return play(plan)

    shrink(play(FAILED), play=counting, tries_max=3)
    assert len(tries) == 3
