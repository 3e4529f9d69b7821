"""Changes of members by example; `tests/properties/test_confchange.py` compares them with a naive model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojopool.core.raft.confchange import (
    AnyChange,
    Changer,
    ChangeType,
    ConfChange,
    ConfChangeV2,
    Transition,
    decode,
    encode,
    entry_type,
    restore,
)
from dojopool.core.raft.messages import ConfState, EntryType
from dojopool.errors import ConfChangeRefused, CorruptState

ADD, REMOVE, LEARNER = ChangeType.ADD_VOTER, ChangeType.REMOVE, ChangeType.ADD_LEARNER
one_change = st.builds(ConfChange, st.sampled_from(ChangeType), st.integers(1, 2**64 - 1))
changes = one_change | st.builds(ConfChangeV2, st.lists(one_change, max_size=4).map(tuple), st.sampled_from(Transition))


def changer(state: ConfState, last_index: int = 9) -> Changer:
    """Changes members from `state` on."""
    return Changer(*restore(state, last_index=last_index), last_index=last_index)


THREE = ConfState(voters=(1, 2, 3))
JOINT = ConfState(voters=(1, 4), voters_outgoing=(1, 2), learners_next=(2,), learners=(7,))


@given(changes)
def test_a_change_survives_being_stored(change: AnyChange) -> None:
    """Encoding and decoding gives the same change."""
    assert change == decode(entry_type(change), encode(change))


@given(st.sampled_from([EntryType.CONF_CHANGE, EntryType.CONF_CHANGE_V2]), st.binary(max_size=30))
def test_garbage_is_refused_as_such(type_: EntryType, data: bytes) -> None:
    """Whatever the bytes are, they are a change or CorruptState."""
    try:
        change = decode(type_, data)
    except CorruptState:
        return
    assert encode(change) == data or not data


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: changer(THREE).simple([ConfChange(ADD, 4), ConfChange(ADD, 5)]), "may alter one voter"),
        (lambda: changer(THREE).leave_joint(), "not joint"),
        (lambda: changer(JOINT).enter_joint(True, [ConfChange(ADD, 5)]), "leave it first"),
        (lambda: changer(JOINT).simple([ConfChange(ADD, 5)]), "joint"),
        (lambda: changer(ConfState(voters=(1,))).simple([ConfChange(REMOVE, 1)]), "last voter"),
        (lambda: changer(ConfState(voters=(1,))).enter_joint(False, [ConfChange(LEARNER, 1)]), "last voter"),
    ],
)
def test_m4_what_is_not_allowed_changes_nothing(call: object, why: str) -> None:
    """M4: the error says which rule it breaks."""
    assert callable(call)
    with pytest.raises(ConfChangeRefused, match=why):
        call()


def test_m5_a_demoted_voter_votes_on_until_the_leave_and_keeps_its_progress() -> None:
    """M5: it becomes a learner when the old half goes."""
    config, progress = restore(THREE, last_index=9)
    progress[3].matched(7)
    config, progress = Changer(config, progress, last_index=9).enter_joint(False, [ConfChange(LEARNER, 3)])
    assert config.conf_state() == ConfState((1, 2), (), (1, 2, 3), (3,))
    assert (progress[3].match, progress[3].is_learner) == (7, False)
    config, progress = Changer(config, progress, last_index=9).leave_joint()

    assert config.conf_state() == ConfState((1, 2), (3,))
    assert (progress[3].match, progress[3].is_learner) == (7, True)


def test_a_new_member_counts_as_heard_of() -> None:
    """E18: or the check of the quorum could depose its leader before it can answer."""
    _, progress = changer(THREE).simple([ConfChange(ADD, 4)])

    assert [progress[3].match > 0, progress[4].recently_active] == [False, True]
    assert progress[4].next == 9


def test_l8_a_member_that_comes_back_is_another_one() -> None:
    """L8: what its former life acknowledged is told apart from what it holds now."""
    config, progress = changer(THREE, 9).simple([ConfChange(REMOVE, 3)])
    assert 3 not in progress
    _, progress = Changer(config, progress, last_index=11).simple([ConfChange(ADD, 3)])
    _, again = changer(THREE, 12).simple([ConfChange(ADD, 4)])

    assert progress[3].session not in (b"", again[4].session)


def test_a_removed_voter_of_the_old_half_is_still_told_everything() -> None:
    """Its half must still agree."""
    config, progress = changer(THREE).enter_joint(True, [ConfChange(REMOVE, 3)])

    assert config.conf_state() == ConfState((1, 2), (), (1, 2, 3), (), True)
    assert 3 in progress


def test_nothing_given_is_touched() -> None:
    """Changes make new values."""
    config, progress = restore(THREE, last_index=9)
    kept = dict(progress)
    Changer(config, progress, last_index=9).enter_joint(True, [ConfChange(LEARNER, 3), ConfChange(ADD, 4)])

    assert (THREE, kept) == (config.conf_state(), progress)
    assert not progress[3].is_learner


@pytest.mark.parametrize("state", [THREE, JOINT, ConfState(), ConfState(voters=(2,), learners=(1, 9))])
def test_m14_a_stored_configuration_is_restored(state: ConfState) -> None:
    """M14: also a joint one."""
    config, progress = restore(state, last_index=9)

    assert state == config.conf_state()
    assert list(progress) == sorted({*state.voters, *state.voters_outgoing, *state.learners})


@pytest.mark.parametrize(
    "state",
    [
        ConfState(voters=(1,), learners=(1,)),
        ConfState(voters=(1,), learners_next=(2,)),
        ConfState(voters=(1,), auto_leave=True),
        ConfState(voters=(1, 2), voters_outgoing=(2,), learners_next=(2,)),
    ],
)
def test_no_group_has_such_members(state: ConfState) -> None:
    """A configuration that no change can have made is refused."""
    with pytest.raises(CorruptState, match="no group can have the members"):
        restore(state, last_index=9)
