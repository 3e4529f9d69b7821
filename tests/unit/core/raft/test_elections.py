"""Campaigns and votes: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from dojopool.core.raft.elections import TRANSFER
from dojopool.core.raft.messages import NOBODY, HardState, Message, MessageType, Role
from dojopool.core.raft.options import Options
from support.raft_net import Peer, bootstrap, group_of, holding, snapshot_at, solo
from support.raft_roles import T, candidate
from support.raft_words import START, append, granted, heartbeat, pre_vote, refused, snapshot, vote

"""Election ticks of every group here."""

EACH_ROUND = pytest.mark.parametrize("kind", [MessageType.VOTE, MessageType.PRE_VOTE])


def test_e1_a_vote_leaves_when_it_is_durable() -> None:
    """No answer to a request leaves before term and vote are stored."""
    peer = solo()
    peer.holds_disk = True

    assert peer.hear(vote(2, START, from_=2)) == []
    assert [(answer.to, answer.term, answer.reject) for answer in peer.flush()] == [(2, 2, False)]
    assert HardState(term=2, vote=2, commit=1) == peer.disk.durable.hard_state


def test_e1_one_vote_a_term() -> None:
    """The second candidate of a term is refused, the first may ask again, also after a crash."""
    peer = solo()
    peer.hear(vote(2, START, from_=2))

    assert [answer.reject for answer in peer.hear(vote(2, START, from_=3))] == [True]
    peer.crash()
    assert [answer.reject for answer in peer.hear(vote(2, START, from_=3))] == [True]
    assert [answer.reject for answer in peer.hear(vote(2, START, from_=2))] == [False]


def test_e1_a_vote_lost_in_a_crash_was_never_told() -> None:
    """A crash before the flush forgets a vote that nobody has heard of."""
    peer = solo()
    peer.holds_disk = True
    told = peer.hear(vote(2, START, from_=2))
    peer.crash()
    told += peer.hear(vote(2, START, from_=3))
    told += peer.flush()

    assert [(answer.to, answer.reject) for answer in told] == [(3, False)]


def test_e2_a_vote_counts_once() -> None:
    """The same vote delivered five times makes no leader of five."""
    peer = candidate(5)
    for _ in range(5):
        peer.hear(granted(2, from_=2))

    assert peer.is_a(Role.CANDIDATE)
    peer.hear(granted(2, from_=3))
    assert peer.is_a(Role.LEADER)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(granted(2, from_=9), id="no member"),
        pytest.param(granted(2, from_=4), id="learner"),
        pytest.param(granted(1, from_=2), id="older term"),
        pytest.param(Message(MessageType.PRE_VOTE_RESPONSE, 1, 2, 2), id="pre-vote"),
        pytest.param(Message(MessageType.PRE_VOTE_RESPONSE, 1, 2, 3), id="pre-vote of the next term"),
    ],
)
def test_e2_what_is_no_vote_counts_nothing(answer: Message) -> None:
    """Who has no voice, an older term and the round before elect nobody."""
    peer = solo(bootstrap([1, 2, 3], [4]), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.hear(answer)

    assert peer.is_a(Role.CANDIDATE)
    peer.hear(granted(2, from_=2))
    assert peer.is_a(Role.LEADER)


def test_e2_a_vote_of_the_real_round_does_not_win_the_pre_vote() -> None:
    """In the first round only answers to it count."""
    peer = solo()
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(1, from_=2))

    assert peer.is_a(Role.PRE_CANDIDATE)


def test_e2_a_changed_mind_counts_as_first_said() -> None:
    """A refusal is not turned into a vote by a later message of the same round."""
    peer = candidate(5)
    peer.hear(refused(2, from_=2))
    peer.hear(granted(2, from_=2))
    peer.hear(granted(2, from_=3))

    assert peer.is_a(Role.CANDIDATE)


@EACH_ROUND
@pytest.mark.parametrize(
    ("last", "is_granted"),
    [
        ((4, 3), True),
        ((9, 3), True),
        ((2, 4), True),
        ((3, 3), False),
        ((9, 2), False),
        ((4, 2), False),
        (START, False),
    ],
)
def test_e3_the_newer_log_wins(kind: MessageType, last: tuple[int, int], is_granted: bool) -> None:
    """First the terms of the last entries are compared, then their indices."""
    peer = solo(holding(1, 2, 3))
    assert peer.status.last == 4
    answers = peer.hear(replace(vote(4, last), type=kind))

    assert [not is_granted] == [answer.reject for answer in answers]


@pytest.mark.parametrize(
    "message",
    [
        append(2, from_=3),
        heartbeat(2, from_=3),
        snapshot(2, snapshot_at(5, 2), from_=3),
    ],
    ids=["append", "heartbeat", "snapshot"],
)
def test_e4_a_candidate_follows_the_leader_of_its_term(message: Message) -> None:
    """Whoever leads the term has won it."""
    peer = candidate()
    peer.hear(message)

    assert (peer.status.role, peer.status.term, peer.status.leader) == (Role.FOLLOWER, 2, 3)


def test_e4_a_pre_candidate_follows_the_leader_of_its_term() -> None:
    """Also who only asks whether it could win."""
    peer = solo()
    peer.node.campaign()
    peer.pump()
    peer.hear(heartbeat(1, from_=3))

    assert (peer.status.role, peer.status.term, peer.status.leader) == (Role.FOLLOWER, 1, 3)


def test_e5_a_leader_votes_for_nobody_in_its_term() -> None:
    """It has given its vote, whatever is asked of it."""
    group = group_of(3)
    group.elect(1)
    answers = group[1].hear(vote(2, (9, 9), from_=2, context=TRANSFER))

    assert [(answer.term, answer.reject) for answer in answers] == [(2, True)]
    assert (group[1].status.role, group[1].status.vote) == (Role.LEADER, 1)


@pytest.mark.parametrize(
    "kind",
    [
        MessageType.APPEND,
        MessageType.APPEND_RESPONSE,
        MessageType.HEARTBEAT,
        MessageType.HEARTBEAT_RESPONSE,
        MessageType.VOTE,
        MessageType.VOTE_RESPONSE,
    ],
)
def test_e6_a_higher_term_resets_role_and_vote(kind: MessageType) -> None:
    """Who hears of a newer term is a follower in it that has voted for nobody."""
    peer = candidate()
    peer.hear(Message(kind, 1, 3, 5))

    assert (peer.status.role, peer.status.term, peer.status.vote) == (Role.FOLLOWER, 5, NOBODY)
    assert HardState(term=5, vote=NOBODY, commit=1) == peer.disk.durable.hard_state


def test_e6_a_refused_pre_vote_resets_too() -> None:
    """A refusal carries a term that somebody is in."""
    peer = solo()
    peer.node.campaign()
    peer.pump()
    peer.hear(Message(MessageType.PRE_VOTE_RESPONSE, 1, 3, 5, reject=True))

    assert (peer.status.role, peer.status.term) == (Role.FOLLOWER, 5)


@pytest.mark.parametrize("kind", [MessageType.PRE_VOTE, MessageType.PRE_VOTE_RESPONSE])
def test_e6_a_term_that_nobody_began_resets_nothing(kind: MessageType) -> None:
    """A pre-vote, asked or granted, speaks of a term to come."""
    peer = candidate()
    peer.hear(Message(kind, 1, 3, 5))

    assert (peer.status.role, peer.status.term, peer.status.vote) == (Role.CANDIDATE, 2, 1)


@pytest.mark.parametrize("message", [append(1), heartbeat(1)], ids=["append", "heartbeat"])
@pytest.mark.parametrize(
    "options", [{"check_quorum": False}, {"pre_vote": False}, {}], ids=["pre-vote", "check-quorum", "both"]
)
def test_e7_an_old_leader_is_told_the_term(message: Message, options: dict[str, Any]) -> None:
    """Silence would leave a node of a higher term and its leader apart for ever."""
    peer = solo(holding(hard=HardState(7, 0, 1)), **options)
    answers = peer.hear(message)

    assert [(answer.type, answer.to, answer.term) for answer in answers] == [(MessageType.APPEND_RESPONSE, 2, 7)]


def test_e7_a_stranded_node_is_taken_back() -> None:
    """A node that campaigned alone, and whose requests nobody heeds, is a follower again soon."""
    group = group_of(3, pre_vote=False)
    group.elect(1)
    group.isolate(3)
    group.tick(5 * T, only=[3])
    assert group[3].status.term > group[1].status.term
    group.heal()
    group.tick(6 * T)

    (leader,) = group.leaders()
    assert {peer.status.term for peer in group.peers.values()} == {group[leader].status.term}
    group.propose(leader, b"x")
    assert [peer.commands for peer in group.peers.values()] == [[b"x"]] * 3


def test_e8_an_old_pre_vote_is_refused_aloud() -> None:
    """The asker learns the term, and stops asking in its own."""
    peer = solo(holding(hard=HardState(7, 0, 1)))
    answers = peer.hear(pre_vote(3, (9, 2)))

    assert [(answer.type, answer.to, answer.term, answer.reject) for answer in answers] == [
        (MessageType.PRE_VOTE_RESPONSE, 2, 7, True)
    ]


def test_e9_a_granted_pre_vote_echoes_the_term_asked_for() -> None:
    """So the asker knows what was granted."""
    (answer,) = solo().hear(pre_vote(5, START))

    assert (answer.term, answer.reject) == (5, False)


def test_e9_a_refused_pre_vote_carries_the_local_term() -> None:
    """The asker moves up to it, and nobody else does."""
    peer = solo(holding(1, 3, hard=HardState(3, 0, 1)))
    (answer,) = peer.hear(pre_vote(4, (9, 2)))

    assert (answer.term, answer.reject) == (3, True)
    asker = solo()
    asker.node.campaign()
    asker.pump()
    asker.hear(replace(answer, to=1, from_=2))
    assert (asker.status.role, asker.status.term) == (Role.FOLLOWER, 3)


def test_e9_a_grant_of_another_term_counts_nothing() -> None:
    """A grant echoes the term that was asked for, so an old one is known by it."""
    peer = solo(holding(hard=HardState(3, 0, 1)))
    peer.node.campaign()
    peer.pump()
    peer.hear(Message(MessageType.PRE_VOTE_RESPONSE, 1, 2, 3))

    assert peer.is_a(Role.PRE_CANDIDATE)
    peer.hear(Message(MessageType.PRE_VOTE_RESPONSE, 1, 2, 4))
    assert peer.is_a(Role.CANDIDATE)


@pytest.mark.parametrize("last", [(9, 9), START], ids=["granted", "refused"])
def test_e10_a_pre_vote_changes_nothing(last: tuple[int, int]) -> None:
    """Term, vote, log and timer of who is asked stay."""
    peer = solo(holding(1, 2))
    peer.node.randomized_election_timeout = T
    peer.tick(T - 1)
    before, stored = peer.status, peer.disk.durable
    peer.hear(pre_vote(8, last))

    assert before == peer.status
    assert stored == peer.disk.durable
    peer.tick()
    assert peer.is_a(Role.PRE_CANDIDATE)


@pytest.mark.parametrize("has_pre_vote", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_e11_longer_logs_and_newer_terms_elect_someone(has_pre_vote: bool, seed: int) -> None:
    """Two members with the longer log in an older term, one with a newer term and a shorter log: the first two win."""
    group = group_of(3, pre_vote=has_pre_vote)
    for node in (1, 2):
        group.peers[node] = Peer(
            Options(id=node, pre_vote=has_pre_vote), holding(1, 2, 2), draw=Random(seed * 10 + node).randrange
        )
    group.peers[3] = Peer(Options(id=3, pre_vote=has_pre_vote), holding(hard=HardState(9, 0, 1)))

    assert group.serves_within(30 * T), f"no leader with seed {seed}"
    assert set(group.leaders()) <= {1, 2}


def test_e12_the_timeout_is_drawn_at_every_change_of_role() -> None:
    """Uniform in [T, 2T) as the draw decides, and anew as candidate, as leader and as follower."""
    asked: list[int] = []

    def draw(bound: int) -> int:
        asked.append(bound)
        return len(asked) % T

    peer = solo(bootstrap([1]), draw=draw)
    seen = [peer.node.randomized_election_timeout]
    peer.node.campaign()
    seen.append(peer.node.randomized_election_timeout)
    peer.pump()
    assert peer.is_a(Role.LEADER)
    seen.append(peer.node.randomized_election_timeout)
    peer.hear(heartbeat(9))
    seen.append(peer.node.randomized_election_timeout)

    assert set(asked) == {T}
    assert len(set(seen)) == len(seen)
    assert all(T <= ticks < 2 * T for ticks in seen)


@pytest.mark.parametrize("ticks", [T, T + 3, 2 * T - 1])
def test_e12_a_follower_campaigns_when_its_timeout_has_passed(ticks: int) -> None:
    """Not a tick before, and not a tick after."""
    peer = solo(draw=lambda _bound: ticks - T)
    peer.tick(ticks - 1)

    assert peer.is_a(Role.FOLLOWER)
    peer.tick()
    assert peer.is_a(Role.PRE_CANDIDATE)


def test_e12_followers_started_together_rarely_collide() -> None:
    """In a thousand starts of three followers, two time out first at once in fewer than three of ten."""
    chance = Random(12)
    ends: Counter[bool] = Counter()
    for _ in range(1000):
        timeouts = sorted(solo(draw=chance.randrange).node.randomized_election_timeout for _ in range(3))
        ends[timeouts[0] == timeouts[1]] += 1

    assert ends[True] < 300, ends
