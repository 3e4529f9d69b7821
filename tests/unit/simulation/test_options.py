"""Plans of runs."""

from __future__ import annotations

import pytest

from dojopool.core.raft.options import ReadMode
from dojopool.errors import ConfigError
from dojopool.simulation.options import FAULTS, Plan, plan


def test_a_seed_is_one_plan() -> None:
    """The same each time, and all faults are met, each also without each other."""
    plans = [plan(seed) for seed in range(200)]

    assert plans == [plan(seed) for seed in range(200)]
    for fault in FAULTS:
        assert any(fault in one.faults for one in plans)
        for other in FAULTS.keys() - {fault}:
            assert any(fault in one.faults and other not in one.faults for one in plans), (fault, other)


def test_a_lease_is_only_asked_for_where_clocks_agree() -> None:
    """A promise about clocks is not judged on clocks that run apart."""
    leases = [one for seed in range(200) if (one := plan(seed)).read_mode is ReadMode.LEASE]

    assert leases
    assert all("clocks" not in one.faults for one in leases)
    assert leases[0].options(3).lease_ms > 0


def test_what_is_given_takes_the_place_of_what_is_drawn() -> None:
    """Faults, sizes and time."""
    one = plan(5, nodes=2, clients=9, seconds=1.5, with_=("loss",), without=("cuts",))

    assert (one.nodes, one.clients, one.seconds) == (2, 9, 1.5)
    assert "loss" in one.faults
    assert "cuts" not in one.faults


def test_the_command_repeats_the_plan() -> None:
    """It says only what differs from what the seed draws."""
    drawn = plan(5)
    fault, absent = min(drawn.faults), min(FAULTS.keys() - drawn.faults)
    changed = plan(5, seconds=3.5, with_=(absent,), without=(fault,))

    assert drawn.command() == "dojo simulate raft --seed 5"
    assert changed.command() == f"dojo simulate raft --seed 5 --without {fault} --with {absent} --seconds 3.5"


def test_a_fault_that_is_not_known_is_refused() -> None:
    """The error names it and those that there are."""
    said = r"no fault 'hail'; there are loss, "
    with pytest.raises(ConfigError, match=said):
        plan(1, with_=("hail",))
    with pytest.raises(ConfigError, match=said):
        Plan(1, frozenset({"hail"}))
