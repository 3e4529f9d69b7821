"""Rounds of heartbeats and the reads that wait for them, without a node."""

from __future__ import annotations

import pytest

from dojopool.core.raft.messages import NOBODY, ReadState
from dojopool.core.raft.quorum import JointConfig
from dojopool.core.raft.reads import Answer, Reads, asked_here, refused

THREE = JointConfig(frozenset({1, 2, 3}))
JOINT = JointConfig(frozenset({1, 2, 3}), frozenset({1, 4, 5}))


def with_round(now_ms: int | None = None) -> Reads:
    """A leader's reads, one round sent."""
    reads = Reads()
    reads.begin_round(now_ms)
    return reads


def test_r3_an_answer_confirms_only_what_was_asked_before_its_round() -> None:
    """R3: an answer to round 1 says nothing to a read that waits for round 2."""
    reads = with_round()
    reads.register(NOBODY, b"a", index=5)
    reads.begin_round(None)
    reads.register(NOBODY, b"b", index=6)
    reads.acked(2, 1)
    assert [Answer(NOBODY, ReadState(5, b"a"))] == reads.confirmed(1, THREE)
    assert reads.confirmed(1, THREE) == []
    reads.acked(3, 2)

    assert [Answer(NOBODY, ReadState(6, b"b"))] == reads.confirmed(1, THREE)
    assert len(reads) == 0


def test_r2_both_halves_must_answer() -> None:
    """R2, M1: and those that are no voters count nothing."""
    reads = with_round()
    reads.register(7, b"a", index=5)
    for node in (2, 3, 9):
        reads.acked(node, 1)
    assert reads.confirmed(1, JOINT) == []
    reads.acked(4, 1)

    assert [Answer(7, ReadState(5, b"a"))] == reads.confirmed(1, JOINT)


def test_an_answer_to_a_round_that_never_was_confirms_no_later_one() -> None:
    """Nobody answers ahead."""
    reads = with_round()
    reads.acked(2, 99)
    reads.begin_round(None)
    reads.register(NOBODY, b"a", index=5)

    assert reads.confirmed_round(1, THREE) <= reads.round


def test_a_voter_alone_confirms_itself() -> None:
    """There is nobody to ask."""
    reads = with_round()
    reads.register(NOBODY, b"a", index=5)

    assert len(reads.confirmed(1, JointConfig(frozenset({1})))) == 1


def test_r5_a_lease_counts_from_the_sending() -> None:
    """R5: of the newest round that a quorum answered, whenever the answers came."""
    reads = with_round(100)
    reads.begin_round(200)
    assert reads.lease_from_ms(1, THREE) is None
    reads.acked(2, 1)
    assert reads.lease_from_ms(1, THREE) == 100
    reads.acked(3, 2)

    assert reads.lease_from_ms(1, THREE) == 200


def test_r5_a_round_sent_at_no_known_time_earns_no_lease() -> None:
    """A leader without a clock has none."""
    reads = with_round(None)
    reads.acked(2, 1)

    assert reads.lease_from_ms(1, THREE) is None


@pytest.mark.parametrize("early", [False, True])
def test_r3_who_leads_no_more_refuses_every_read(early: bool) -> None:
    """R3: those that wait for a round and those that wait for the first commit."""
    reads = with_round()
    if early:
        reads.hold_back(4, b"a")
    else:
        reads.register(4, b"a", index=5)

    assert [refused(4, b"a")] == reads.refuse_all()
    assert (len(reads), asked_here(refused(4, b"a"))) == (0, False)


def test_r1_what_came_early_is_given_back_once() -> None:
    """R1: to be registered when an entry of the term is committed."""
    reads = with_round()
    reads.hold_back(NOBODY, b"a")
    reads.hold_back(4, b"b")

    assert reads.held_back() == [(NOBODY, b"a"), (4, b"b")]
    assert reads.held_back() == []
