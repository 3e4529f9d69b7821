"""What waits for the disk: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.core.raft.messages import HardState, Message, MessageType, Ready, Role, Stored
from dojopool.core.raft.node import RawNode
from dojopool.core.raft.options import Options
from dojopool.errors import CorruptState
from support.raft_net import Disk, Peer, bootstrap, entries, group_of, holding, snapshot_at, solo
from support.raft_words import START, ack, append, granted, of_type, snapshot, vote


def lead(peer: Peer) -> None:
    """Make member 1 of three the leader of term 2, its disk in order."""
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(2, from_=2))
    assert peer.is_a(Role.LEADER)


def test_d1_no_entry_is_stored_before_its_term() -> None:
    """After every single write, in every group, the stored term is at least that of the last stored entry."""
    group = group_of(3)
    disks = {node: Disk(peer.disk.durable) for node, peer in group.peers.items()}

    def watch(node: int, ready: Ready) -> None:
        disk = disks[node]
        disk.waiting.append(ready)
        disk.sync()
        stored = disk.durable
        assert [entry for entry in stored.entries if entry.term > stored.hard_state.term] == []

    for peer in group.peers.values():
        peer.watch = watch
    group.elect(1)
    group.propose(1, b"x", b"y")
    group.isolate(1)
    group.tick(50)
    group.heal()
    group.tick(10)

    (leader,) = group.leaders()
    assert group[leader].status.term > 2
    assert {disk.durable for disk in disks.values()} == {peer.disk.durable for peer in group.peers.values()}


def test_d1_a_leader_has_stored_its_vote_before_it_appends() -> None:
    """Nothing of its term exists before (term, vote) is durable."""
    peer = solo(bootstrap([1]), pre_vote=False)
    peer.holds_disk = True
    peer.node.campaign()
    peer.pump()

    assert all(not write.entries for write in peer.disk.waiting)
    peer.flush(1)
    assert HardState(2, 1, 1) == peer.disk.durable.hard_state
    peer.pump()
    assert [entry.term for write in peer.disk.waiting for entry in write.entries] == [2]


@pytest.mark.parametrize(
    "message",
    [
        vote(2, START),
        vote(2, (0, 0)),
        append(2, entries=entries(2, 2)),
        append(2, after=(7, 2)),
        snapshot(2, snapshot_at(9, 2)),
        snapshot(2, snapshot_at(1, 1)),
    ],
    ids=["vote", "refused vote", "append", "refused append", "snapshot", "old snapshot"],
)
def test_d2_promises_wait_for_the_disk(message: Message) -> None:
    """Votes and acknowledgements, also negative ones, leave when what they rest on is durable."""
    peer = solo()
    peer.holds_disk = True

    assert peer.hear(message) == []
    assert len(peer.flush()) == 1


def test_d2_a_leader_sends_before_its_disk_has_written() -> None:
    """Appends wait for nothing: followers write while the leader does."""
    peer = solo(pre_vote=False)
    lead(peer)
    peer.hear(ack(2, 2, from_=2))
    peer.holds_disk = True
    peer.node.propose(b"x")

    assert len(of_type(peer.pump(), MessageType.APPEND, to=2)) == 1
    assert 3 not in [entry.index for entry in peer.disk.durable.entries]


def test_d2_every_acknowledged_entry_is_durable() -> None:
    """Whatever a follower has acknowledged survives its crash, at whatever moment."""
    for kept in range(5):
        peer = solo()
        peer.holds_disk = True
        told = peer.hear(append(2, entries=entries(2, 2, 2)))
        told += peer.hear(append(2, after=(3, 2), entries=entries(4, 2)))
        told += peer.hear(append(3, after=(3, 2), entries=entries(4, 3, 3)))
        told += peer.flush(min(kept, len(peer.disk.waiting)))
        peer.crash()
        acked = max([message.index for message in told], default=1)

        assert peer.status.last >= acked
        assert peer.status.term >= max([message.term for message in told], default=1)


def test_d3_a_late_completion_proves_only_its_own_entries() -> None:
    """A leader's first write counts for its entries, not for those of later writes."""
    peer = solo(pre_vote=False)
    lead(peer)
    peer.hear(ack(2, 2, from_=2))
    peer.holds_disk = True
    first = peer.node.propose(b"a")
    peer.pump()
    second = peer.node.propose(b"b")
    peer.pump()
    peer.hear(ack(2, second, from_=2))
    assert peer.status.commit == 2
    peer.flush(1)

    assert first == peer.status.commit
    peer.flush(1)
    assert second == peer.status.commit


def test_d3_a_completion_says_nothing_about_what_was_overwritten() -> None:
    """Two leaders overwrite an entry while the first write is under way, the second with what was there before: when
    the first write is done, the disk will still change, so nothing of it counts as durable.
    """
    peer = solo(holding(members=[1, 2]), pre_vote=False)
    peer.holds_disk = True
    peer.hear(append(2, entries=entries(2, 2)))
    peer.hear(append(3, entries=entries(2, 3)))
    peer.hear(append(4, entries=entries(2, 2)))
    assert [[entry.term for entry in write.entries] for write in peer.disk.waiting] == [[2], [3], [2]]
    assert [(message.term, message.index) for message in peer.flush(1)] != [(4, 2)]

    # It leads now, and its own copy of entry 2 counts only when the third write is done.
    assert peer.node._raft.log.stored == 1
    peer.flush(1)
    assert peer.node._raft.log.stored == 1
    peer.flush(1)
    assert peer.node._raft.log.stored == 2


def test_d3_an_old_completion_loses_nothing() -> None:
    """What is done is said once and for all before it; saying an older one again changes nothing."""
    peer = solo(holding(members=[1]), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.holds_disk = True
    for command in (b"a", b"b"):
        peer.node.propose(command)
        peer.pump()
    first, second = (write.number for write in peer.disk.waiting)
    peer.node.persisted(second)
    before = peer.status
    peer.node.persisted(first)

    assert before == peer.status
    assert peer.status.last == peer.status.commit


def test_d3_entries_replaced_before_they_are_written_are_written_anew() -> None:
    """After all writes the disk holds the log, however often it was overwritten on the way."""
    peer = solo()
    peer.holds_disk = True
    peer.hear(append(2, entries=entries(2, 2, 2, 2)))
    peer.hear(append(3, after=(2, 2), entries=entries(3, 3)))
    peer.hear(append(4, after=(2, 2), entries=entries(3, 4, 4, 4)))
    peer.flush()

    assert [entry.term for entry in peer.disk.durable.entries] == [2, 4, 4, 4]
    assert peer.status.last == 5


def test_d3_a_snapshot_leaves_older_writes_without_meaning() -> None:
    """A write that was under way when a snapshot replaced the log proves nothing of it."""
    peer = solo()
    peer.holds_disk = True
    peer.hear(append(2, entries=entries(2, 2, 2, 2, 2)))
    peer.hear(snapshot(3, snapshot_at(4, 3)))
    told = peer.flush(1)
    assert [(message.term, message.index) for message in told] == [(2, 5)]

    assert peer.node._raft.log.stored < 4
    assert [(message.term, message.index) for message in peer.flush()] == [(3, 4)]
    assert Stored(HardState(3, 0, 4), snapshot_at(4, 3)) == peer.disk.durable


@pytest.mark.parametrize("commit", [4, 9], ids=["one too many", "far beyond"])
def test_d10_a_commit_beyond_the_log_is_fatal(commit: int) -> None:
    """The disk lost what was committed."""
    stored = replace(holding(1, 1), hard_state=HardState(1, 0, commit))
    with pytest.raises(CorruptState, match=str(commit)):
        RawNode(Options(id=1), stored=stored, draw=lambda _bound: 0)


def test_d10_a_commit_below_the_snapshot_is_fatal() -> None:
    """They are stored as one stream, so they agree."""
    stored = Stored(HardState(3, 0, 4), snapshot_at(5, 3))
    with pytest.raises(CorruptState, match="4"):
        RawNode(Options(id=1), stored=stored, draw=lambda _bound: 0)


def test_d10_a_log_with_a_hole_is_fatal() -> None:
    """The first entry follows the snapshot, and each the one before."""
    for some in (entries(3, 1), entries(2, 1) + entries(4, 1), entries(1, 1)):
        with pytest.raises(CorruptState, match="in the place of"):
            RawNode(Options(id=1), stored=replace(holding(), entries=some), draw=lambda _bound: 0)


def test_d10_more_applied_than_committed_is_fatal() -> None:
    """The application is ahead of the log: one of them is another member's."""
    with pytest.raises(CorruptState, match="applied"):
        RawNode(Options(id=1), stored=holding(1, 1), applied=3, draw=lambda _bound: 0)


def test_d2_only_a_moved_commit_needs_no_flush() -> None:
    """A commit index that is lost is learned again; all else must be synced."""
    peer = solo()
    synced: list[tuple[bool, bool, bool]] = []
    peer.watch = lambda _node, ready: synced.append(
        (bool(ready.entries), ready.hard_state is not None, ready.must_sync)
    )
    peer.hear(append(1, entries=entries(2, 1)))
    peer.hear(append(1, after=(2, 1), commit=2))
    peer.hear(append(2, after=(2, 1)))

    assert synced == [(True, False, True), (False, True, False), (False, True, True)]
