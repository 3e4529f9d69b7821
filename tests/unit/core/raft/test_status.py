"""What a node shows of itself."""

from __future__ import annotations

from dojopool.core.raft.messages import ConfState, Role
from dojopool.core.raft.progress import ProgressState
from support.raft_net import group_of


def test_a_leader_shows_every_member() -> None:
    """Ascending by id, itself included, with how far each is."""
    group = group_of(2, learners=[9])
    group.elect(2)
    last = group.propose(2, b"x")
    status = group[2].status

    assert list(status.peers) == [1, 2, 9]
    assert (2, Role.LEADER, 2, last, last) == (status.id, status.role, status.leader, status.commit, status.applied)
    assert status.config == ConfState((1, 2), (9,))
    assert [(one.state, one.match, one.next, one.inflight, one.is_learner) for one in status.peers.values()] == [
        (ProgressState.REPLICATE, last, last + 1, 0, learner) for learner in (False, False, True)
    ]


def test_others_show_no_members() -> None:
    """What a follower thinks of the others' logs is worth nothing."""
    group = group_of(3)
    group.elect(1)

    assert group[2].status.peers == {}
