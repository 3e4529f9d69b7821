"""Whatever happens to a group of members, what they said of commands and reads was true."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from dojopool.core.raft.sessions import AnswerKind, Command, CommandKind, session_of
from dojopool.raft_runtime.config import Plan, SnapshotPolicy
from dojopool.raft_runtime.results import Outcome
from support.raft_groups import Group, Inbox, asked, plain

STEPS = 250
PLAN = Plan(snapshots=SnapshotPolicy(entries=15, trailing_entries=3), proposals_max=50)


@dataclass
class Life:
    """A group, what was asked of it and what was answered."""

    dice: Random
    group: Group
    asked: dict[bytes, Inbox] = field(default_factory=dict)
    reads: list[tuple[set[bytes], list[bytes]]] = field(default_factory=list)
    """What was known to be committed when a read was asked, and what it showed."""
    session: int = 0
    repeated: dict[int, list[Inbox]] = field(default_factory=dict)
    """Number of a command of the session -> its attempts."""

    def committed(self) -> set[bytes]:
        """Commands of which it was said that they are."""
        return {command for command, told in self.asked.items() if told.outcome is Outcome.COMMITTED}

    def step(self) -> None:
        """Something happens."""
        node = self.dice.choice(list(self.group.members))
        happening = self.dice.choices(
            [self.propose, self.repeat, self.read, self.cut, self.restart, self.hold, self.tick, self.turn],
            weights=[6, 4, 3, 1, 1, 1, 8, 12],
        )[0]
        happening(node)

    def propose(self, node: int) -> None:
        """A command outside of sessions is asked of any member, once."""
        command = b"%d" % len(self.asked)
        self.asked[command] = asked(self.group.members[node], plain(command))

    def repeat(self, node: int) -> None:
        """A command of the session is asked of any member, again and again."""
        number = self.dice.randint(1, 20)
        command = Command(CommandKind.ONCE, self.session, number, b"once %d" % number)
        self.repeated.setdefault(number, []).append(asked(self.group.members[node], command))

    def read(self, node: int) -> None:
        """A read is asked of any member."""
        before, machine = self.committed(), self.group.machines[node]
        self.group.members[node].read(
            lambda: list(machine.commands), lambda shown: self.reads.append((before, shown)), lambda _: None
        )

    def cut(self, node: int) -> None:
        """A member is cut off, or all are healed."""
        self.group.cut = {node} if self.dice.random() < 0.6 else set()

    def restart(self, node: int) -> None:
        """A member ends without a word and starts from its disk."""
        self.group.start(node)

    def hold(self, node: int) -> None:
        """A disk stalls, or all flow again."""
        for disk in self.group.disks.values():
            disk.held = False
        self.group.disks[node].held = self.dice.random() < 0.6
        for member, each in self.group.members.items():
            each.is_silent = self.group.disks[member].held and self.dice.random() < 0.5

    def tick(self, node: int) -> None:
        """A member's clock runs, sometimes in a leap."""
        self.group.members[node].tick(self.dice.choice((1, 1, 1, 2, 30)))

    def turn(self, _: int) -> None:
        """Messages arrive, out of order and not all."""
        mail = list(self.group.mail)
        self.dice.shuffle(mail)
        self.group.mail.clear()
        for message in mail:
            if self.dice.random() < 0.95:
                self.group.mail.append(message)
            else:
                self.group.report(message, arrived=False)
        self.group.turn()

    def heal(self) -> None:
        """All is well again, long enough to settle."""
        self.group.cut = set()
        for disk in self.group.disks.values():
            disk.held = False
        for member in self.group.members.values():
            member.is_silent = False
        self.group.settle()
        self.group.tick(60)


@pytest.mark.parametrize("seed", range(40))
def test_what_members_say_is_true(seed: int) -> None:
    """Committed commands are kept and rejected ones never appear, a session's command is applied once with one answer,
    reads show all that was committed before them, and all members end alike.
    """
    dice = Random(seed)
    life = Life(dice, Group(dice.choice((3, 3, 5)), plan=PLAN, seed=seed))
    registered = asked(life.group.elect(), Command(CommandKind.REGISTER))
    life.group.settle()
    life.session = session_of(registered.answer)
    for _ in range(STEPS):
        life.step()
    life.heal()

    (commands,) = {tuple(machine.commands) for machine in life.group.machines.values()}
    assert len(set(commands)) == len(commands)
    assert life.committed() <= set(commands)
    rejected = {command for command, told in life.asked.items() if told.outcome is Outcome.REJECTED}
    assert not rejected & set(commands)
    for before, shown in life.reads:
        assert before <= set(shown)
        assert tuple(shown) == commands[: len(shown)]
    for attempts in life.repeated.values():
        answers = [told.answer for told in attempts if told.outcome is Outcome.COMMITTED]
        assert len({answer.data for answer in answers}) <= 1
        assert {answer.kind for answer in answers} <= {AnswerKind.APPLIED, AnswerKind.REPEATED}


def test_lives_are_eventful() -> None:
    """The lives above commit, reject and leave in doubt, read, repeat and take snapshots."""
    seen = dict.fromkeys([*Outcome, *AnswerKind, "read", "snapshot"], 0)
    for seed in range(10):
        life = Life(Random(seed), Group(3, plan=PLAN, seed=seed))
        registered = asked(life.group.elect(), Command(CommandKind.REGISTER))
        life.group.settle()
        life.session = session_of(registered.answer)
        for _ in range(STEPS):
            life.step()
        life.heal()
        for told in [*life.asked.values(), *(one for attempts in life.repeated.values() for one in attempts)]:
            for result in told.results:
                seen[result.outcome] += 1
                if result.answer is not None:
                    seen[result.answer.kind] += 1
        seen["read"] += len(life.reads)
        seen["snapshot"] += sum(
            disk.stored.snapshot.index > 1 for disk in life.group.disks.values() if disk.stored.snapshot
        )

    wanted = [*Outcome, AnswerKind.APPLIED, AnswerKind.REPEATED, "read", "snapshot"]
    assert [each for each in wanted if seen[each] == 0] == [], seen
