"""One member between its callers, its disk and the others; rule numbers are those of docs/raft.md."""

from __future__ import annotations

import pytest

from dojopool.adapters.raft_frames import FRAME_BYTES_MAX
from dojopool.codec.raft_wire import encode_entries
from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.messages import MessageType, Stored
from dojopool.core.raft.options import Options, ReadMode
from dojopool.core.raft.sessions import AnswerKind, Command, CommandKind, session_of
from dojopool.errors import ConfigError
from dojopool.raft_runtime.config import Plan, Preference, SnapshotPolicy
from dojopool.raft_runtime.member import COMMAND_BYTES_MAX, WRITES_MAX, Member
from dojopool.raft_runtime.results import Outcome
from support.raft_groups import Group, Inbox, Ledger, asked, plain

FEW = Plan(snapshots=SnapshotPolicy(entries=5, trailing_entries=0))


def test_a_committed_command_is_answered_and_applied_everywhere() -> None:
    """The proposer hears the state machine's answer, and every member ends with the same commands."""
    group = Group(3)
    told = asked(group.elect(), plain(b"a"))
    group.settle()
    group.tick()

    assert told.outcome is Outcome.COMMITTED
    assert (told.answer.kind, told.answer.data) == (AnswerKind.APPLIED, b"1")
    assert {tuple(machine.commands) for machine in group.machines.values()} == {(b"a",)}


def test_a_follower_rejects_with_a_hint() -> None:
    """A proposal to a follower is rejected for certain, and names the leader."""
    group = Group(3)
    group.elect()
    told = asked(group.members[2], plain(b"a"))
    group.settle()

    assert told.outcome is Outcome.REJECTED
    assert told.results[0].leader == 1
    assert group.machines[1].commands == []


def test_too_many_proposals_are_rejected() -> None:
    """More proposals than may wait are rejected at once."""
    group = Group(3, plan=Plan(proposals_max=2))
    leader = group.elect()
    inboxes = [asked(leader, plain(b"a")) for _ in range(3)]

    assert [inbox.outcome for inbox in inboxes] == [None, None, Outcome.REJECTED]
    group.settle()
    assert [inbox.outcome for inbox in inboxes] == [Outcome.COMMITTED, Outcome.COMMITTED, Outcome.REJECTED]


def test_a_command_that_no_link_could_carry_is_rejected() -> None:
    """The greatest command fits into a message to a follower; one byte more never enters the log."""
    group = Group(1)
    leader = group.elect()
    told = asked(leader, plain(bytes(COMMAND_BYTES_MAX + 1)))
    assert told.outcome is Outcome.REJECTED
    asked(leader, plain(bytes(COMMAND_BYTES_MAX)))
    work = leader.ready()

    assert work is not None
    assert work.write is not None
    assert len(encode_entries(work.write.entries)) < FRAME_BYTES_MAX // 2 + 1000


def test_l20_a_member_forwards_no_proposals() -> None:
    """L20: whoever proposes is told the outcome, which nobody says of a proposal that was sent on."""
    with pytest.raises(ConfigError, match="forward_proposals"):
        Member(Options(id=1, forward_proposals=True), stored=Stored(), machine=Ledger(), draw=lambda _: 0)


def test_c4_a_leader_that_is_deposed_says_unknown() -> None:
    """C4: a command that the others may or may not have is unknown once its leader leads no longer."""
    group = Group(3)
    old = group.elect()
    group.cut = {1}
    told = asked(old, plain(b"lost"))
    group.settle()
    assert told.results == []

    group.tick(40)

    assert told.outcome is Outcome.UNKNOWN
    assert not old.is_leader


def test_c6_a_long_stall_deposes_nobody_who_was_heard() -> None:
    """C6: a follower that was paused for many timeouts and then hears its leader does not campaign."""
    group = Group(3)
    leader = group.elect()
    leader.tick(1)
    group.turn()
    group.sent.clear()
    group.turn()
    group.members[2].tick(10_000)
    group.settle()

    assert [message for message in group.sent if message.type in (MessageType.PRE_VOTE, MessageType.VOTE)] == []


def test_c6_missed_ticks_count() -> None:
    """C6: a member that hears nobody campaigns after as many ticks as one that was never paused, fed in portions."""
    group = Group(3)
    follower = group.members[2]
    for _ in range(3):
        follower.tick(9)

    while (work := follower.ready()) is not None:
        group.sent += work.messages
    assert {message.type for message in group.sent} == {MessageType.PRE_VOTE}


def test_c1_a_repeated_command_is_applied_once() -> None:
    """C1: a command of a session gets its first answer again, also from the next leader and after a restart on a
    snapshot.
    """
    group = Group(3, plan=FEW)
    leader = group.elect()
    registered = asked(leader, Command(CommandKind.REGISTER))
    group.settle()
    session = session_of(registered.answer)
    command = Command(CommandKind.ONCE, session, 1, b"once")
    first = asked(leader, command)
    group.settle()
    for number in range(10):
        asked(leader, plain(b"%d" % number))
        group.settle()
    group.tick()
    for node in (2, 3):
        kept = group.disks[node].stored.snapshot
        assert kept is not None
        assert kept.index > session
        group.start(node)
    group.cut = {1}
    group.tick(30)
    again = asked(group.leader(), command)
    group.settle()

    assert first.answer.kind is AnswerKind.APPLIED
    assert (again.answer.kind, again.answer.data) == (AnswerKind.REPEATED, first.answer.data)
    assert group.machines[2].commands.count(b"once") == 1


def test_members_are_changed() -> None:
    """A learner that starts with nothing is brought up by a snapshot and can be made a voter."""
    group = Group(4, founders=3, plan=FEW)
    leader = group.elect()
    for number in range(12):
        asked(leader, plain(b"%d" % number))
        group.settle()
    joined, promoted, refused = Inbox(), Inbox(), Inbox()
    leader.change_members(ConfChange(ChangeType.ADD_LEARNER, 4), joined)
    leader.change_members(ConfChange(ChangeType.ADD_VOTER, 4), refused)
    group.settle()
    group.tick(5)
    leader.change_members(ConfChange(ChangeType.ADD_VOTER, 4), promoted)
    group.settle()

    assert (joined.outcome, promoted.outcome) == (Outcome.COMMITTED, Outcome.COMMITTED)
    assert refused.outcome is Outcome.REJECTED
    assert leader.node.status().config.voters == (1, 2, 3, 4)
    group.tick(2)
    assert group.machines[4].commands == group.machines[1].commands
    for number in range(12):
        asked(leader, plain(b"%d" % number))
        group.settle()
    kept = group.disks[1].stored.snapshot
    assert kept is not None
    assert kept.config.voters == (1, 2, 3, 4)


def test_a_read_shows_what_was_committed_before_it() -> None:
    """A read on any member sees every command whose outcome was known when it was asked (rule R4)."""
    group = Group(3)
    leader = group.elect()
    asked(leader, plain(b"a"))
    group.settle()
    for node in (1, 2, 3):
        seen: list[list[bytes]] = []
        group.members[node].read(group.machines[node].commands.copy, seen.append, pytest.fail)
        group.settle()
        group.tick()

        assert seen == [[b"a"]]


def test_a_read_without_a_leader_is_refused() -> None:
    """A read that nobody confirms is refused within the election timeout, and not answered from what is here."""
    group = Group(3)
    leader = group.elect()
    group.cut = {1}
    why: list[str] = []
    leader.read(lambda: pytest.fail("it was answered"), lambda _: None, why.append)
    group.settle()
    assert why == []

    group.tick(10)

    assert len(why) == 1


def test_a_read_is_refused_in_time_though_the_disk_stalls() -> None:
    """A read that comes while no Ready is taken, as the disk owes too much, waits no longer than any other."""
    leader = Group(1).elect()
    for _ in range(WRITES_MAX):
        asked(leader, plain(b"x"))
        leader.ready()
    why: list[str] = []
    leader.read(lambda: 0, lambda _: pytest.fail("it was answered"), why.append)
    assert leader.ready() is None
    leader.tick(9)
    leader.tick(1)

    assert len(why) == 1


def leased(now: list[int]) -> tuple[Group, Member]:
    """A group with leases by the clock `now`, and its leader, which holds one."""
    group = Group(3)
    lease = {"election_ticks": 10, "read_mode": ReadMode.LEASE, "lease_ms": 800}
    for node, disk in group.disks.items():
        group.members[node] = Member(
            Options(id=node, **lease),  # type: ignore[arg-type]  # the fields are of several types
            stored=disk.stored,
            machine=group.machines[node],
            draw=group.dice.randrange,
            now_ms=lambda: now[0],
        )
    for _ in range(25):  # a voter that just started helps elect nobody for T
        now[0] += 100
        group.tick()
    leader = group.leader()
    group.tick()
    assert leader.holds_lease()
    return group, leader


def test_r9_a_lease_that_ended_before_the_read_does_not_answer_it() -> None:
    """R9: a read that comes when the lease is over, but before the next tick or message, asks the others."""
    now = [1000]
    group, leader = leased(now)
    now[0] += 5000
    answers: list[int] = []
    leader.read(lambda: now[0], answers.append, pytest.fail)
    leader.ready()
    assert answers == []
    group.tick()  # its heartbeats take the place of those not sent here
    assert answers == [now[0]]


def test_r9_a_lease_that_ended_during_the_read_does_not_answer_it() -> None:
    """R9: a leader that was suspended between its lease and its answer asks the others again."""
    now = [1000]
    group, leader = leased(now)
    looked = []

    def query() -> int:
        looked.append(now[0])
        if len(looked) == 1:
            now[0] += 5000  # the machine slept
        return now[0]

    answers: list[int] = []
    leader.read(query, answers.append, pytest.fail)
    leader.ready()
    assert (len(looked), answers) == (1, [])
    group.settle()
    assert (len(looked), answers) == (2, [now[0]])


def test_x7_the_lead_goes_to_the_preferred_member() -> None:
    """X7: a leader hands over to a better placed member once that is caught up and steady, and it stays there."""
    group = Group(3, plan=Plan(preference=Preference(ranks={3: 0, 2: 1, 1: 2}, hold_ticks=5, pause_ticks=20)))
    group.elect()
    group.tick(4)
    assert group.members[1].is_leader

    group.tick(10)

    assert group.members[3].is_leader
    term = group.members[3].node.status().term
    group.tick(100)
    assert group.members[3].node.status().term == term


def test_stopping_tells_everybody() -> None:
    """At the end nobody is left waiting: what was not submitted is rejected, the rest unknown, reads are refused."""
    group = Group(3)
    leader = group.elect()
    for disk in group.disks.values():
        disk.held = True
    submitted = asked(leader, plain(b"a"))
    group.settle()
    pending = asked(leader, plain(b"b"))
    why: list[str] = []
    leader.read(lambda: None, lambda _: None, why.append)
    leader.stop("the end")

    assert (submitted.outcome, pending.outcome, why) == (Outcome.UNKNOWN, Outcome.REJECTED, ["the end"])


def test_machines_start_from_what_was_founded() -> None:
    """A restart of a whole group finds everything that was committed."""
    group = Group(3)
    leader = group.elect()
    for number in range(7):
        asked(leader, plain(b"%d" % number))
    group.settle()
    for node in (1, 2, 3):
        group.start(node)
    group.leader()
    group.tick(2)

    assert {tuple(machine.commands) for machine in group.machines.values()} == {tuple(b"%d" % n for n in range(7))}
    assert isinstance(group.machines[1], Ledger)
