"""What a member asks of its disk, and what it does while that stalls; rule numbers are those of docs/raft.md."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.core.raft.messages import Entry, Message, MessageType
from dojopool.core.raft.sessions import encode
from dojopool.raft_runtime.config import Plan, SnapshotPolicy
from dojopool.raft_runtime.member import WRITES_MAX
from dojopool.raft_runtime.replicated import founding
from dojopool.raft_runtime.results import Outcome
from support.raft_groups import Group, Ledger, asked, plain

FEW = Plan(snapshots=SnapshotPolicy(entries=5, trailing_entries=0))


def test_commands_of_one_turn_share_a_write_and_a_message_each() -> None:
    """Whatever is proposed in one turn goes to disk in one write, and to each follower in one message."""
    group = Group(3)
    leader = group.elect()
    group.sent.clear()
    inboxes = [asked(leader, plain(b"%d" % number)) for number in range(100)]
    work = leader.ready()

    assert work is not None
    assert work.write is not None
    assert len(work.write.entries) == 100
    assert [(message.to, len(message.entries)) for message in work.messages] == [(2, 100), (3, 100)]
    assert leader.ready() is None
    assert [inbox.outcome for inbox in inboxes] == [None] * 100


def test_s12_who_waits_below_a_snapshot_is_told() -> None:
    """S12: a member that takes a snapshot cannot know what became of proposals before it, and says so."""
    group = Group(3, plan=FEW)
    old = group.elect()
    group.cut = {1}
    told = asked(old, plain(b"lost"))
    group.settle()
    group.tick(30)
    new = group.leader()
    for number in range(20):
        asked(new, plain(b"%d" % number))
        group.settle()
    group.cut = set()
    group.tick(30)

    assert told.outcome is Outcome.UNKNOWN
    assert group.machines[1].commands == group.machines[2].commands
    assert len(group.machines[1].commands) == 20


def test_d2_nothing_is_promised_before_it_is_durable() -> None:
    """D2: while disks flush nothing, nobody votes, acknowledges or commits; the leader's appends leave at once."""
    group = Group(3)
    leader = group.elect()
    for disk in group.disks.values():
        disk.held = True
    group.sent.clear()
    told = asked(leader, plain(b"a"))
    group.settle()

    assert {message.type for message in group.sent} == {MessageType.APPEND}
    assert told.outcome is None
    group.disks[2].held = group.disks[1].held = False
    group.settle()
    assert told.outcome is Outcome.COMMITTED


def test_a_commit_index_alone_waits_for_no_flush() -> None:
    """What only tells a new commit index holds up nothing, and is stored without a flush."""
    group = Group(1)
    leader = group.elect()
    asked(leader, plain(b"a"))
    work = leader.ready()
    assert work is not None
    assert work.write is not None
    leader.persisted(work.write.number)
    after = leader.ready()

    assert after is not None
    assert after.write is not None
    assert (after.write.must_sync, after.write.entries) == (False, ())
    assert group.machines[1].commands == [b"a"]


def test_a_disk_that_owes_too_much_is_asked_for_no_more() -> None:
    """Writes that are not durable are bounded; what is proposed meanwhile goes out later, in one write."""
    group = Group(3)
    leader = group.elect()
    numbers = []
    inboxes = []
    for _ in range(WRITES_MAX + 10):
        inboxes.append(asked(leader, plain(b"x")))
        if (work := leader.ready()) is not None and work.write is not None:
            numbers.append(work.write.number)

    assert len(numbers) == WRITES_MAX
    leader.persisted(numbers[-1])
    work = leader.ready()
    assert work is not None
    assert work.write is not None
    assert len(work.write.entries) == 10


def test_d12_a_leader_with_a_stalled_disk_falls_silent_and_steps_down() -> None:
    """D12: told that its disk stalls, a leader sends nothing and hears nothing, so another is elected and this one
    steps down; its waiting proposal is unknown.
    """
    group = Group(3)
    old = group.elect()
    group.disks[1].held = True
    told = asked(old, plain(b"a"))
    group.settle()
    old.is_silent = True
    group.sent.clear()
    group.tick(60)

    assert not old.is_leader
    assert [message for message in group.sent if message.from_ == 1] == []
    assert group.leader() is not old
    assert told.outcome in (Outcome.UNKNOWN, Outcome.COMMITTED)


def test_d13_a_follower_whose_disk_recovers_catches_up() -> None:
    """D13: a follower whose disk stalled for long is replicated to again as soon as it flows."""
    group = Group(3)
    leader = group.elect()
    group.disks[3].held = True
    for number in range(300):
        asked(leader, plain(b"%d" % number))
        group.settle()
    group.disks[3].held = False
    group.settle()
    group.tick(3)

    assert len(group.machines[3].commands) == 300
    assert leader.node.status().peers[3].match == leader.node.status().last


def test_snapshots_bound_the_log() -> None:
    """S9: after so many entries the state is kept and the log before it is forgotten, here and on disk."""
    group = Group(3, plan=FEW)
    leader = group.elect()
    for number in range(23):
        asked(leader, plain(b"%d" % number))
        group.settle()

    status = leader.node.status()
    assert status.last - status.first < 10
    assert len(group.disks[1].stored.entries) < 10
    assert group.start(1).applied == group.disks[1].stored.snapshot.index  # type: ignore[union-attr]  # there is one
    group.tick(40)
    assert len(group.machines[1].commands) == 23


def test_one_snapshot_is_under_way_at_a_time() -> None:
    """While a snapshot is not durable no other is made; the next comes as many entries after it as the plan says."""
    member = Group(1, plan=FEW).elect()
    indexes = []

    def go_on(entries: int) -> None:
        for _ in range(entries):
            asked(member, plain(b"x"))
            while (work := member.ready()) is not None:
                if work.write is not None:
                    member.persisted(work.write.number)
                if work.snapshot is not None:
                    indexes.append(work.snapshot)

    go_on(20)
    assert len(indexes) == 1
    member.compacted(indexes[0])
    go_on(1)
    assert len(indexes) == 2
    member.compacted(indexes[1])
    go_on(10)
    assert len(indexes) == 3
    assert indexes[2].index == indexes[1].index + 5


def test_a_snapshot_that_was_overtaken_is_dropped() -> None:
    """S5: a snapshot of this member that becomes durable after the leader's newer one was installed changes nothing."""
    group = Group(3, plan=FEW)
    follower = group.members[2]
    entries = tuple(Entry(2, index, data=encode(plain(b"x"))) for index in range(2, 8))
    follower.receive([Message(MessageType.APPEND, 2, 1, term=2, log_term=1, index=1, commit=7, entries=entries)])
    made = []
    while (work := follower.ready()) is not None:
        made += [] if work.snapshot is None else [work.snapshot]
        if work.write is not None:
            follower.persisted(work.write.number)
    newer = replace(founding(Ledger(), voters=(1, 2, 3)), index=50, term=2)
    follower.receive([Message(MessageType.SNAPSHOT, 2, 1, term=2, snapshot=newer)])
    while (work := follower.ready()) is not None:
        if work.write is not None:
            follower.persisted(work.write.number)
    assert [snapshot.index for snapshot in made] == [7]

    follower.compacted(made[0])

    assert (follower.applied, follower.node.status().first) == (50, 51)


@pytest.mark.parametrize("turns", range(8))
def test_d13_a_snapshot_that_silence_swallowed_is_sent_again(turns: int) -> None:
    """D13: whatever a leader did not send while it was silent, a follower that is behind gets it afterwards."""
    group = Group(3, plan=FEW)
    leader = group.elect()
    group.cut = {3}
    for number in range(20):
        asked(leader, plain(b"%d" % number))
        group.settle()
    group.tick(12)
    group.cut = set()
    leader.tick(1)
    for turn in range(12):
        leader.is_silent = turn == turns
        group.turn()
    group.tick(8)

    assert len(group.machines[3].commands) == 20


def test_c4_a_leader_deposed_while_its_disk_owes_too_much_says_unknown() -> None:
    """C4: who waits hears of the lost lead at once, not when the disk flows again."""
    leader = Group(3).elect()
    inboxes = []
    for _ in range(WRITES_MAX):
        inboxes.append(asked(leader, plain(b"x")))
        leader.ready()
    leader.receive([Message(MessageType.HEARTBEAT, 1, 2, term=9)])

    assert leader.ready() is None
    assert {inbox.outcome for inbox in inboxes} == {Outcome.UNKNOWN}
