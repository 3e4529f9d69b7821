"""How the log flows to each follower, and what proposals meet: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from random import Random

import pytest

from dojopool.core.raft.messages import HardState, Message, MessageType
from dojopool.core.raft.options import Options
from dojopool.core.raft.progress import ProgressState
from dojopool.errors import ProposalDropped
from support.raft_net import Group, Peer, group_of, holding, solo
from support.raft_roles import acked, leader
from support.raft_words import append, of_type

APPEND = MessageType.APPEND


def terms(peer: Peer) -> list[int]:
    """The terms of what is stored, from index 2 on."""
    return [entry.term for entry in peer.disk.durable.entries]


def test_l13_one_append_at_a_time_while_probing() -> None:
    """The next one waits for an answer, or for an answered heartbeat."""
    peer = leader()
    assert peer.status.peers[3].state is ProgressState.PROBE
    for command in (b"a", b"b"):
        peer.node.propose(command)

    assert of_type(peer.pump(), APPEND, to=3) == []
    (beat,) = of_type(peer.tick(), MessageType.HEARTBEAT, to=3)
    answer = Message(MessageType.HEARTBEAT_RESPONSE, 1, 3, 2, context=beat.context)
    assert len(of_type(peer.hear(answer), APPEND, to=3)) == 1
    peer.node.propose(b"c")
    assert of_type(peer.pump(), APPEND, to=3) == []
    assert [len(message.entries) for message in of_type(acked(peer, 3, 2), APPEND, to=3)] == [3]


def test_l14_a_full_window_pauses() -> None:
    """Not more appends than allowed are on their way, and each acknowledgement lets another go."""
    peer = leader(3, inflight_max=2)
    acked(peer, 2, 2)
    sent = []
    for number in range(5):
        peer.node.propose(b"%d" % number)
        sent += of_type(peer.pump(), APPEND, to=2)

    assert [message.entries[0].index for message in sent if message.entries] == [3, 4]
    assert (peer.status.peers[2].paused, peer.status.peers[2].inflight) == (True, 2)
    more = of_type(acked(peer, 2, 3), APPEND, to=2)
    assert [[entry.index for entry in message.entries] for message in more if message.entries] == [[5, 6, 7]]


def test_l14_the_window_counts_bytes() -> None:
    """Bytes on their way are limited too."""
    peer = leader(3, message_bytes_max=100, inflight_bytes_max=250)
    acked(peer, 2, 2)
    sent = []
    for _ in range(6):
        peer.node.propose(b"x" * 90)
        sent += [message for message in of_type(peer.pump(), APPEND, to=2) if message.entries]

    assert len(sent) == 3
    assert peer.status.peers[2].paused


def test_l14_a_window_lost_whole_heals() -> None:
    """An answered heartbeat makes a paused leader send an empty append, whose refusal shows what was lost."""
    group = group_of(3, inflight_max=3)
    group.elect(1)
    group.propose(1, b"0")
    group.loses = lambda message: message.type is APPEND and message.to == 3
    commands = [b"%d" % number for number in range(1, 9)]
    for command in commands:
        group.propose(1, command)
    assert group[1].status.peers[3].paused
    group.heal()
    group.tick()

    assert [b"0", *commands] == group[3].commands


FAR_APART = [
    # leader's terms, follower's terms (from index 2 on, after the common start), appends until they agree
    ([1, 1, 1], [1, 1, 1], 1),
    ([1, 1, 1, 4, 4], [1, 1, 1, 2, 2, 2, 2], 2),
    ([1, 3, 3, 3, 5, 5, 5], [1, 3, 3, 3, 4, 4, 4], 2),
    ([1] * 3 + [5] * 30, [1] * 3 + [2] * 30, 2),
    ([1] * 3 + [5] * 30, [1] * 3 + [2] * 10 + [3] * 10 + [4] * 10, 2),
    ([1] * 3 + [2] * 10 + [4] * 10 + [6] * 10, [1] * 3 + [3] * 10 + [5] * 10, 4),
    ([1] * 40, [1] * 2, 2),
    ([2] * 10, [1] * 30, 2),
    ([1] * 5 + [7] * 3, [1] * 5 + [2, 3, 4, 5, 6], 2),
]


@pytest.mark.parametrize(("mine", "others", "probes_max"), FAR_APART)
def test_l15_a_probe_a_term_at_most(mine: list[int], others: list[int], probes_max: int) -> None:
    """However long the tails that differ, the logs agree after one probe for each term at most."""
    hard = HardState(9, 0, 1)
    group = Group(
        Peer(Options(id=1), holding(*mine, members=(1, 2), hard=hard)),
        Peer(Options(id=2), holding(*others, members=(1, 2), hard=hard)),
    )
    group.elect(1)

    assert group[1].disk.durable.entries == group[2].disk.durable.entries
    assert len([message for message in of_type(group.sent, APPEND) if message.entries]) <= probes_max


@pytest.mark.parametrize("seed", range(20))
def test_l15_random_logs_agree(seed: int) -> None:
    """Random tails: at most as many probes as there are terms in both, and equal logs in the end."""
    chance = Random(seed)
    mine = [*sorted(chance.choices([1, 3, 5, 7], k=chance.randrange(1, 30))), 8]
    others = sorted(chance.choices([1, 2, 4, 6], k=chance.randrange(1, 30)))
    hard = HardState(9, 0, 1)
    group = Group(
        Peer(Options(id=1), holding(*mine, members=(1, 2), hard=hard)),
        Peer(Options(id=2), holding(*others, members=(1, 2), hard=hard)),
    )
    group.elect(1)
    probes = [message for message in of_type(group.sent, APPEND) if message.entries]

    assert group[1].disk.durable.entries == group[2].disk.durable.entries, f"seed {seed}"
    assert len(probes) <= len({*mine, *others}) + 1, f"seed {seed}"


def test_l16_a_member_reported_unreachable_is_probed() -> None:
    """Caught up, it streams again after the next heartbeat."""
    group = group_of(3)
    group.elect(1)
    group[1].node.report_unreachable(3)
    states = [group[1].status.peers[3].state]
    group.tick()
    states.append(group[1].status.peers[3].state)

    assert states == [ProgressState.PROBE, ProgressState.REPLICATE]


def test_l17_a_lagging_commit_is_told_at_once() -> None:
    """A follower whose window was full when the rest committed is told in answer to its acknowledgement."""
    peer = leader(3, inflight_max=1)
    acked(peer, 2, 2)
    acked(peer, 3, 2)
    index = peer.node.propose(b"x")
    peer.pump()
    assert of_type(acked(peer, 2, index), APPEND, to=3) == []
    assert peer.status.commit == index

    assert [index] == [message.commit for message in of_type(acked(peer, 3, index), APPEND, to=3)]


def test_l17_everybody_is_told_of_a_commit() -> None:
    """Whoever can take a message hears of a commit when it happens."""
    group = group_of(5)
    group.elect(1)
    index = group.propose(1, b"x")

    assert {index} == {peer.status.commit for peer in group.peers.values()}
    assert of_type(group.sent, MessageType.HEARTBEAT) == []


def test_l17_a_follower_that_lost_the_end_is_told_what_it_can_commit() -> None:
    """Its refusal lowers what it is taken to have heard, so the next append tells the commit index again."""
    group = group_of(3)
    group.elect(1)
    group.loses = lambda message: message.type is APPEND and message.to == 3
    index = group.propose(1, b"x")
    group.heal()
    group[1].node.report_unreachable(3)
    group.tick(only=[1])

    assert index == group[3].status.commit


def test_l18_uncommitted_bytes_are_capped() -> None:
    """Beyond the cap proposals fail and are in no log; what is committed makes room again."""
    peer = leader(3, uncommitted_bytes_max=100)
    acked(peer, 2, 2)
    peer.node.propose(b"x" * 60)
    peer.node.propose(b"x" * 40)
    last = peer.status.last
    with pytest.raises(ProposalDropped):
        peer.node.propose(b"x")
    assert last == peer.status.last
    peer.node.propose(b"")
    peer.pump()
    acked(peer, 2, last)

    assert last == peer.status.commit
    peer.node.propose(b"x" * 100)


def test_l18_the_first_proposal_always_passes() -> None:
    """One proposal larger than the cap goes on an empty tail, else it never could."""
    peer = leader(3, uncommitted_bytes_max=100)
    acked(peer, 2, 2)
    peer.node.propose(b"x" * 1000)
    with pytest.raises(ProposalDropped):
        peer.node.propose(b"x")


def test_l19_a_large_entry_goes_alone() -> None:
    """What exceeds a message is sent in one of its own, between small ones."""
    peer = leader(3, message_bytes_max=100)
    for size in (60, 30, 500, 40):
        peer.node.propose(b"x" * size)
    peer.pump()
    sent = of_type(acked(peer, 2, 2), APPEND, to=2)

    assert [[len(entry.data) for entry in message.entries] for message in sent] == [[60, 30], [500], [40]]


def test_l19_what_is_applied_at_once_is_limited_too() -> None:
    """A Ready holds as many committed entries as fit, and one larger alone."""
    peer = solo(holding(*[1] * 4), committed_bytes_max=6)
    seen: list[list[int]] = []
    peer.watch = lambda _node, ready: seen.append([entry.index for entry in ready.committed])
    peer.hear(append(1, after=(5, 1), commit=5))

    assert [some for some in seen if some] == [[2, 3], [4, 5]]


def test_l20_a_proposal_away_from_the_leader_is_refused_with_its_id() -> None:
    """The caller knows whom to ask, and that the command is in no log."""
    group = group_of(3)
    group.elect(1)
    with pytest.raises(ProposalDropped) as refused:
        group[2].node.propose(b"x")

    assert refused.value.leader == 1
    assert not group[2].node.has_ready()


def test_l20_a_proposal_without_a_leader_is_refused() -> None:
    """Nobody is named when nobody is known."""
    with pytest.raises(ProposalDropped) as refused:
        solo(forward_proposals=True).node.propose(b"x")

    assert refused.value.leader == 0


def test_l20_a_proposal_is_forwarded_when_asked_for() -> None:
    """It then is committed as the leader's own."""
    group = group_of(3, forward_proposals=True)
    group.elect(1)
    group[2].node.propose(b"x")
    group.settle()

    assert [peer.commands for peer in group.peers.values()] == [[b"x"]] * 3
