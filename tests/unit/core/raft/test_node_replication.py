"""Replication and commit: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from random import Random
from typing import Any

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.messages import Entry, HardState, Message, MessageType, Role
from dojopool.core.raft.options import Options
from dojopool.core.raft.progress import ProgressState
from dojopool.errors import LogConflict, ProposalDropped
from support.raft_net import Group, Peer, bootstrap, entries, group_of, holding, snapshot_at, solo
from support.raft_words import START, ack, append, granted, heartbeat, of_type, snapshot

APPEND = MessageType.APPEND


def leader(count: int = 3, *terms: int, **options: Any) -> Peer:
    """Member 1 of `count` leads; its log has `terms` and then its empty entry. Nobody has answered anything."""
    peer = solo(holding(*terms, members=range(1, count + 1)), pre_vote=False, **options)
    peer.node.campaign()
    peer.pump()
    for node in range(2, count // 2 + 2):
        peer.hear(granted(peer.status.term, from_=node))
    assert peer.status.role is Role.LEADER
    return peer


def acked(peer: Peer, node: int, index: int) -> list[Message]:
    """What the leader sends after `node` acknowledged up to `index`."""
    return peer.hear(ack(peer.status.term, index, from_=node))


def terms(peer: Peer) -> list[int]:
    """The terms of what is stored, from index 2 on."""
    return [entry.term for entry in peer.disk.durable.entries]


@pytest.mark.parametrize("after", [(9, 3), (4, 2), (3, 3)], ids=["not there", "older term", "newer term"])
def test_l1_an_append_must_follow_a_matching_entry(after: tuple[int, int]) -> None:
    """What does not match is refused, and the log stays."""
    peer = solo(holding(1, 2, 3))
    (answer,) = peer.hear(append(4, after=after, entries=entries(after[0] + 1, 4), commit=9))

    assert (answer.type, answer.reject, answer.index) == (MessageType.APPEND_RESPONSE, True, after[0])
    assert (terms(peer), peer.status.commit) == ([1, 2, 3], 1)


@pytest.mark.parametrize(
    "sent", [entries(2, 2) + entries(4, 2), entries(3, 2), entries(2, 2, 2)[::-1], entries(2, 2) * 2]
)
def test_l1_entries_with_holes_are_refused_whole(sent: tuple[Entry, ...]) -> None:
    """Not even the part before the hole is taken."""
    peer = solo()
    with pytest.raises(LogConflict, match="behind 1"):
        peer.node.step(append(2, entries=sent, commit=9))
    peer.pump()

    assert (terms(peer), peer.status.commit) == ([], 1)


def test_l2_an_older_append_cuts_nothing() -> None:
    """What was acknowledged stays, whatever arrives late."""
    peer = solo()
    peer.hear(append(2, entries=entries(2, 2, 2, 2, 2)))
    (answer,) = peer.hear(append(2, entries=entries(2, 2)))

    assert terms(peer) == [2, 2, 2, 2]
    assert (answer.index, answer.reject) == (2, False)
    peer.hear(append(2))
    assert terms(peer) == [2, 2, 2, 2]


def test_l2_only_what_follows_the_conflict_goes() -> None:
    """The log is cut at the first entry of another term, not before."""
    peer = solo(holding(1, 1, 2, 2))
    first, second = peer.disk.durable.entries[:2]
    peer.hear(append(3, entries=entries(2, 1, 1, 3)))

    assert terms(peer) == [1, 1, 3]
    assert (first, second) == peer.disk.durable.entries[:2]


def test_l2_appends_in_any_order_leave_the_same_log() -> None:
    """Every order and repetition of a leader's appends ends with its whole log."""
    sent = [append(2, entries=entries(2, 2)), append(2, after=(2, 2), entries=entries(3, 2)), append(2, after=(3, 2))]
    for order in product(sent, repeat=4):
        peer = solo()
        longest = 1
        for message in order:
            peer.hear(message)
            assert peer.status.last >= longest
            longest = peer.status.last


@pytest.mark.parametrize(
    "message",
    [
        append(2, after=START, entries=entries(2, 1, 2)),
        append(2, after=START, entries=entries(2, 1, 2, 2, 2, 2)),
        append(2, after=(2, 2), entries=entries(3, 2)),
        append(2, after=(3, 2)),
    ],
    ids=["entry", "entry among many", "entry before", "nothing but the entry before"],
)
def test_l3_a_conflict_below_commit_stops_the_node(message: Message) -> None:
    """Two leaders disagree about what is committed: nothing is repaired in silence."""
    peer = solo(holding(1, 1, 1, hard=HardState(1, 0, 3)))
    with pytest.raises(LogConflict, match="committed"):
        peer.node.step(message)
    peer.pump()

    assert terms(peer) == [1, 1, 1]


def test_l4_commit_ends_with_the_message() -> None:
    """What the message does not cover may be another leader's."""
    peer = solo(holding(1, 1, 1))
    peer.hear(append(2, entries=entries(2, 1), commit=4))

    assert peer.status.commit == 2
    peer.hear(append(2, after=(3, 1), commit=4))
    assert peer.status.commit == 3


def test_l4_commit_never_decreases() -> None:
    """A late message knows less."""
    peer = solo()
    peer.hear(append(2, entries=entries(2, 2, 2), commit=3))
    peer.hear(append(2, entries=entries(2, 2), commit=2))
    peer.hear(heartbeat(2, commit=1))

    assert peer.status.commit == 3


def test_l5_heartbeats_carry_what_the_follower_holds() -> None:
    """A follower whose tail is unknown is told no more than is known of it."""
    peer = leader()
    acked(peer, 2, 2)
    assert peer.status.commit == 2
    beats = {message.to: message.commit for message in of_type(peer.tick(), MessageType.HEARTBEAT)}

    assert beats == {2: 2, 3: 0}


def test_l5_an_unverified_tail_is_not_committed() -> None:
    """A member with the tail of a deposed leader commits none of it by heartbeats."""
    group = group_of(3)
    group.elect(1)
    group.isolate(1)
    group[1].node.propose(b"never")
    group.post(group[1].pump())
    group.wire.clear()
    group[3].node.forget_leader()
    group.elect(2)
    group.propose(2, b"kept")
    group.heal()
    group.loses = lambda message: message.type is APPEND
    group.tick(3)

    assert group[1].commands == []
    group.heal()
    group.tick(3)
    assert [peer.commands for peer in group.peers.values()] == [[b"kept"]] * 3


def test_l6_a_snapshot_without_content_commits_nothing() -> None:
    """Only an installed snapshot moves the commit index."""
    peer = solo(holding(1, 1, 1, 1))
    peer.hear(replace(snapshot(2, None), commit=5, index=5))

    assert (peer.status.commit, peer.status.last) == (1, 5)


def test_l6_a_snapshot_commits_when_it_is_stored() -> None:
    """Before, the disk keeps the old log, and a crash goes back to it."""
    peer = solo(holding(1, 1))
    peer.holds_disk = True
    assert peer.hear(snapshot(2, snapshot_at(9, 2, data=b"a b"))) == []

    assert (peer.disk.durable.hard_state.commit, peer.commands) == (1, [])
    peer.crash()
    assert (peer.status.commit, peer.status.last) == (1, 3)


def test_l7_what_is_known_never_decreases() -> None:
    """A late acknowledgement takes nothing back."""
    peer = leader(3, 1, 1)
    acked(peer, 2, 4)
    acked(peer, 2, 2)

    assert (peer.status.peers[2].match, peer.status.peers[2].next) == (4, 5)


def test_l7_an_acknowledgement_of_an_older_term_counts_nothing() -> None:
    """It speaks of another leader's entries."""
    peer = leader(3, 1, 1)
    peer.hear(ack(1, 4, from_=2))

    assert (peer.status.peers[2].match, peer.status.commit) == (0, 1)


def test_l8_an_acknowledgement_of_a_former_life_counts_nothing() -> None:
    """A member removed and added again starts with nothing, whatever its former self had said."""
    group = group_of(4)
    group.elect(1)
    group.propose(1, b"x")
    late = ack(2, group[1].status.last, from_=4)
    for change in (ChangeType.REMOVE, ChangeType.ADD_LEARNER):
        group[1].node.propose_conf_change(ConfChange(change, 4))
        group.cut([1], [4])
        group.settle()
    group[1].hear(late)

    assert group[1].status.peers[4].match == 0


def test_l9_a_stale_refusal_lowers_nothing() -> None:
    """What was acknowledged since stays known, and is not sent again."""
    peer = leader(3, 1, 1)
    acked(peer, 2, 4)
    peer.hear(Message(MessageType.APPEND_RESPONSE, 1, 2, 2, index=3, reject=True, reject_hint=1, log_term=1))

    assert (peer.status.peers[2].match, peer.status.peers[2].next) == (4, 5)


def test_l9_known_is_below_next_whatever_arrives() -> None:
    """A thousand acknowledgements and refusals in any order keep the law."""
    random = Random(9)
    peer = leader(3, 1, 1, 1, 1)
    known = 0
    for _ in range(1000):
        index, hint = random.randrange(7), random.randrange(7)
        peer.hear(
            Message(
                MessageType.APPEND_RESPONSE,
                1,
                2,
                2,
                index=index,
                reject=random.random() < 0.7,
                reject_hint=hint,
                log_term=random.randrange(3),
            )
        )
        one = peer.status.peers[2]
        assert known <= one.match < one.next
        known = one.match


def test_l10_the_commit_index_is_that_of_brute_force() -> None:
    """Whatever five members acknowledge in whatever order, the leader commits what some three of them hold."""
    random = Random(10)
    for _ in range(100):
        peer = leader(5, *[1] * 6)
        held = dict.fromkeys(range(2, 6), 0) | {1: peer.status.last}
        for _ in range(12):
            node, index = random.randrange(2, 6), random.randrange(1, peer.status.last + 1)
            acked(peer, node, index)
            held[node] = max(held[node], index)
            counted = max(min(held[node] for node in three) for three in combinations(held, 3))
            # Only the last entry is of the leader's term.
            assert (counted if counted == peer.status.last else 1) == peer.status.commit


def test_l11_a_leader_counts_itself_when_its_disk_has_it() -> None:
    """One follower and an unflushed disk are one of three."""
    peer = leader()
    acked(peer, 2, 2)
    peer.holds_disk = True
    index = peer.node.propose(b"x")
    peer.pump()
    acked(peer, 2, index)

    assert peer.status.commit == index - 1
    peer.flush()
    assert peer.status.commit == index


def test_l11_two_followers_need_no_disk_of_the_leader() -> None:
    """A majority holds it, and the leader may apply what it has not stored."""
    peer = leader()
    acked(peer, 2, 2)
    peer.holds_disk = True
    index = peer.node.propose(b"x")
    peer.pump()
    acked(peer, 2, index)
    acked(peer, 3, index)

    assert peer.commands == [b"x"]
    assert index > peer.disk.durable.entries[-1].index


def test_l11_a_group_of_one_commits_what_is_durable() -> None:
    """Nothing is applied before the only disk has it."""
    peer = solo(bootstrap([1]))
    peer.node.campaign()
    peer.pump()
    peer.holds_disk = True
    peer.node.propose(b"x")
    peer.pump()

    assert peer.commands == []
    peer.flush()
    peer.pump()
    assert peer.commands == [b"x"]


def test_l12_a_leader_never_rewrites_its_log() -> None:
    """Whatever it hears of older terms, what it stores only grows while it leads."""
    group = group_of(3)
    group.elect(1)
    group.propose(1, b"a", b"b")
    before = group[1].disk.durable.entries
    group[1].hear(append(1, entries=entries(2, 1), from_=3))
    group[1].hear(snapshot(1, snapshot_at(99, 1), from_=3))
    group.propose(1, b"c")

    assert before == group[1].disk.durable.entries[: len(before)]
    assert len(before) + 1 == len(group[1].disk.durable.entries)


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
    random = Random(seed)
    mine = [*sorted(random.choices([1, 3, 5, 7], k=random.randrange(1, 30))), 8]
    others = sorted(random.choices([1, 2, 4, 6], k=random.randrange(1, 30)))
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
    assert group[1].status.peers[3].state is ProgressState.PROBE
    group.tick()

    assert group[1].status.peers[3].state is ProgressState.REPLICATE


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
