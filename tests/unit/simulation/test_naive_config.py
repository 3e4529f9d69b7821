"""The plain second way to apply a change agrees with the core on every legal one."""

from __future__ import annotations

from random import Random

import pytest

from dojopool.core.raft.confchange import (
    Changer,
    ChangeType,
    ConfChange,
    ConfChangeV2,
    Transition,
    as_v2,
    encode,
    entry_type,
    restore,
)
from dojopool.core.raft.messages import ConfState, Entry
from dojopool.errors import ConfChangeRefused
from dojopool.simulation.naive_config import after, halves


@pytest.mark.parametrize("seed", range(200))
def test_both_ways_agree(seed: int) -> None:
    """From any configuration that changes lead to, joint ones included."""
    draws = Random(seed)
    config = ConfState(voters=(1, 2, 3))
    for index in range(2, 20):
        parts = tuple(
            ConfChange(draws.choice(list(ChangeType)), draws.randint(1, 6)) for _ in range(draws.randint(0, 3))
        )
        nodes = {part.node for part in parts}
        if len(nodes) != len(parts):
            continue
        change = ConfChangeV2(parts, draws.choice(list(Transition)) if parts else Transition.AUTO)
        configuration, progress = restore(config, last_index=index)
        changer = Changer(configuration, progress, last_index=index)
        try:
            if as_v2(change).leaves_joint:
                changed, _ = changer.leave_joint()
            elif change.enters_joint:
                changed, _ = changer.enter_joint(change.auto_leave, change.changes)
            else:
                changed, _ = changer.simple(change.changes)
        except ConfChangeRefused:
            continue
        config, before = changed.conf_state(), config

        assert after(before, Entry(1, index, entry_type(change), encode(change))) == config


def test_both_halves_of_a_joint_configuration_count() -> None:
    """A plain one has one half."""
    assert halves(ConfState(voters=(1, 2))) == [(1, 2)]
    assert halves(ConfState(voters=(1, 2), voters_outgoing=(3,))) == [(1, 2), (3,)]
