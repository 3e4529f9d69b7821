"""Many seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from dojopool.simulation import campaign as module
from dojopool.simulation.campaign import FAILURES_MAX, Total, campaign
from dojopool.simulation.options import Plan, plan
from dojopool.simulation.run import Outcome

short = partial(plan, seconds=1.0, nodes=3)


def failing(plan: Plan) -> Outcome:
    """A run that finds something, and did some work."""
    return replace(Outcome(plan, rule="committed"), operations=3, simulated=2_000_000, faults={"cuts": 4})


def test_all_seeds_are_played_once() -> None:
    """The sums are those of the single runs, and progress is told on the way."""
    told = list[int]()
    total = campaign(short, first=1, seeds=12, progress=lambda total: told.append(total.seeds))

    assert (total.seeds, told, total.failures) == (12, [10, 12], [])
    assert total.operations > total.answered > 0
    assert total.simulated_s > 12
    assert total.cpu_s > 0


def test_two_processes_come_to_the_same() -> None:
    """Who plays a seed does not matter."""
    one, two = (campaign(short, first=1, seeds=20, workers=workers) for workers in (1, 2))

    assert (one.seeds, one.operations, one.messages) == (two.seeds, two.operations, two.messages)


def test_failures_end_a_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    """After enough of them the rest is not played."""
    monkeypatch.setattr(module, "run", failing)
    total = campaign(short, first=1, seeds=1000)

    assert FAILURES_MAX <= len(total.failures) < 1000


def test_time_ends_a_campaign() -> None:
    """When it is up, what is under way is still counted."""
    assert campaign(short, first=1, seeds=1000, minutes=0.0).seeds == 10


def test_a_run_is_counted() -> None:
    """A fault counts as often as it acted, or once when it only colours the run."""
    total = Total()
    total.add(failing(Plan(1, frozenset({"cuts", "loss"}))))

    assert dict(total.faults) == {"cuts": 4, "loss": 1}
    assert (total.simulated_s, total.operations, len(total.failures)) == (2.0, 3, 1)
