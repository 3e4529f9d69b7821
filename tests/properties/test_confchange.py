"""Changes of members against a naive model, and the theorem they exist for: majorities before and after overlap."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from dojopool.core.raft.confchange import (
    Changed,
    Changer,
    ChangeType,
    ConfChange,
    ConfChangeV2,
    Configuration,
    Transition,
    decode,
    encode,
    entry_type,
    restore,
)
from dojopool.core.raft.messages import EntryType
from dojopool.core.raft.progress import Inflights, Progress
from dojopool.core.raft.quorum import JointConfig
from dojopool.errors import ConfChangeRefused, CorruptState

changes = st.builds(ConfChange, st.sampled_from(ChangeType), st.integers(1, 5))
wide = st.builds(ConfChangeV2, st.lists(changes, max_size=4).map(tuple), st.sampled_from(Transition))


class Naive:
    """Members as plain sets, one rule a line; None when a change is illegal."""

    def __init__(self, voters: frozenset[int]) -> None:
        self.voters: set[int] = set(voters)
        self.old: set[int] = set()
        self.learners: set[int] = set()
        self.later: set[int] = set()
        self.auto = False

    def change(self, change: ConfChangeV2) -> bool:
        """Make a change; False, and nothing done, when it is illegal."""
        before = (set(self.voters), set(self.old), set(self.learners), set(self.later), self.auto)
        if not self._made(change) or not self.voters:
            self.voters, self.old, self.learners, self.later, self.auto = before
            return False
        return True

    def _made(self, change: ConfChangeV2) -> bool:
        leaves = not change.changes and change.transition is Transition.AUTO
        if leaves:
            if not self.old:
                return False
            self.learners |= self.later
            self.old, self.later, self.auto = set(), set(), False
            return True
        if self.old:
            return False
        was = set(self.voters)
        if change.transition is not Transition.AUTO or len(change.changes) > 1:
            self.old, self.auto = set(self.voters), change.transition is not Transition.EXPLICIT
        for part in change.changes:
            self._part(part)
        return bool(self.old) or len(was ^ self.voters) <= 1

    def _part(self, part: ConfChange) -> None:
        node = part.node
        if part.type is ChangeType.ADD_LEARNER and node in self.learners:
            return
        for members in (self.voters, self.learners, self.later):
            members.discard(node)
        if part.type is ChangeType.ADD_VOTER:
            self.voters.add(node)
        if part.type is ChangeType.ADD_LEARNER:
            (self.later if node in self.old else self.learners).add(node)


LAST = 9


def known_progress(node: int) -> Progress:
    """What is known of a member from before, told from a new one by its match."""
    return Progress(next_index=LAST, inflights=Inflights(count_max=1, bytes_max=1), match=node)


def changed_by(config: Configuration, progress: dict[int, Progress], change: ConfChangeV2) -> Changed:
    """What a change gives. Raises ConfChangeRefused."""
    changer = Changer(config, progress, last_index=LAST)
    if change.leaves_joint:
        return changer.leave_joint()
    if change.enters_joint:
        return changer.enter_joint(change.auto_leave, change.changes)
    return changer.simple(change.changes)


def of(config: Configuration) -> tuple[set[int], set[int], set[int], set[int], bool]:
    """A configuration in the naive model's terms."""
    voters = config.voters
    return (
        set(voters.incoming),
        set(voters.outgoing),
        set(config.learners),
        set(config.learners_next),
        config.auto_leave,
    )


def quorums(config: Configuration) -> list[set[int]]:
    """Every set of voters that decides alone, the smallest ones."""
    ids = sorted(config.voters.ids())
    halves = [half for half in (config.voters.incoming, config.voters.outgoing) if half]
    found = [
        set(some)
        for size in range(1, len(ids) + 1)
        for some in combinations(ids, size)
        if all(2 * len(half & set(some)) > len(half) for half in halves)
    ]
    return [some for some in found if not any(other < some for other in found)]


@given(start=st.frozensets(st.integers(1, 5), min_size=1, max_size=4), asked=st.lists(wide, max_size=6))
def test_m4_changes_agree_with_the_naive_model(start: frozenset[int], asked: list[ConfChangeV2]) -> None:
    """A legal change gives what plain sets give; an illegal one is refused and leaves no trace; what is known of
    members that stay, stays.
    """
    naive, config = Naive(start), Configuration(JointConfig(start))
    progress = {node: known_progress(node) for node in start}
    for change in asked:
        is_legal = naive.change(change)
        try:
            changed, known = changed_by(config, progress, change)
        except ConfChangeRefused:
            assert not is_legal, f"{change} of {config} was refused"
            continue

        assert is_legal, f"{change} of {config} was made"
        assert (naive.voters, naive.old, naive.learners, naive.later, naive.auto) == of(changed)
        assert sorted(naive.voters | naive.old | naive.learners) == sorted(known)
        assert {node: progress[node].match if node in progress else 0 for node in known} == {
            node: one.match for node, one in known.items()
        }
        assert changed == restore(changed.conf_state(), last_index=LAST)[0]
        config, progress = changed, known


@given(start=st.frozensets(st.integers(1, 5), min_size=1, max_size=4), asked=st.lists(wide, max_size=4))
def test_m1_every_quorum_meets_every_quorum_of_the_next_configuration(
    start: frozenset[int], asked: list[ConfChangeV2]
) -> None:
    """Whatever legal change is made, no quorum of the new members can decide without a voter of any old quorum."""
    config = Configuration(JointConfig(start))
    progress = {node: known_progress(node) for node in start}
    for change in asked:
        try:
            changed, progress = changed_by(config, progress, change)
        except ConfChangeRefused:
            continue

        assert [(a, b) for a in quorums(config) for b in quorums(changed) if not a & b] == []
        config = changed


@given(change=changes | wide)
def test_a_change_survives_its_bytes(change: ConfChange | ConfChangeV2) -> None:
    """A stored change is read back as it was."""
    assert change == decode(entry_type(change), encode(change))


@given(kind=st.sampled_from([EntryType.CONF_CHANGE, EntryType.CONF_CHANGE_V2]), data=st.binary(max_size=40))
def test_any_bytes_are_a_change_or_corrupt(kind: EntryType, data: bytes) -> None:
    """Whatever bytes are read as a change, the answer is a change with these bytes or CorruptState."""
    try:
        change = decode(kind, data)
    except CorruptState:
        return

    assert data == encode(change) or (kind, data) == (EntryType.CONF_CHANGE_V2, b""), "leaving has two forms"
