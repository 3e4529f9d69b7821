"""The faults of a run: each that is on gets a source of chance and a timetable of its own, and acts on the group."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from dojopool.core.raft.confchange import ChangeType, ConfChange, Transition
from dojopool.core.raft.node import RawNode
from dojopool.errors import CallerError, ProposalDropped
from dojopool.simulation import naive_config
from dojopool.simulation.clients import THINK_MS, Load
from dojopool.simulation.group import MEMBERS_MAX, Group
from dojopool.simulation.invariants import is_quorum
from dojopool.simulation.network import between, ring
from dojopool.simulation.options import T_MS
from dojopool.simulation.process import Process
from dojopool.simulation.world import MS

STEPS_MAX: Final = 12
"""A process dies or stops at most so many steps after it was meant to: in the middle of something."""


class Nemesis:
    """Breaks a group until it is told to stop."""

    def __init__(self, group: Group, load: Load) -> None:
        self._group, self._load = group, load
        self._world = group.world
        self.is_over = False
        self.done: dict[str, int] = {}
        """How often each fault acted."""
        for name, (act, every_ms) in self._table().items():
            if name in group.plan.faults:
                random = self._world.chance(f"fault {name}")
                # Each fault is rare in one run and frequent in another.
                self._next(name, act, random, every_ms * random.uniform(0.4, 2.0))
        if "clocks" in group.plan.faults:
            self._set_clocks()

    def _table(self) -> dict[str, tuple[Callable[[Random], None], float]]:
        """Fault -> what it does, and usually how many milliseconds apart."""
        return {
            "cuts": (self._cut, 4 * T_MS),
            "one-way": (self._cut_one_way, 4 * T_MS),
            "shapes": (self._shape, 6 * T_MS),
            "pauses": (self._pause, 3 * T_MS),
            "crashes": (self._crash, 3 * T_MS),
            "slow-disk": (self._slow_disk, 3 * T_MS),
            "failing-disk": (self._failing_disk, 4 * T_MS),
            "full-disk": (self._full_disk, 4 * T_MS),
            "wiped-disk": (self._wipe, 5 * T_MS),
            "membership": (self._change, T_MS),
            "transfers": (self._transfer, 2 * T_MS),
            "bursts": (self._burst, 4 * T_MS),
        }

    def _next(self, name: str, act: Callable[[Random], None], random: Random, every_ms: float) -> None:
        def happen() -> None:
            if not self.is_over:
                self.done[name] = self.done.get(name, 0) + 1
                act(random)
                self._next(name, act, random, every_ms)

        self._world.after(int(random.expovariate(1 / every_ms) * MS), happen)

    # ---- links -----------------------------------------------------------------------------------------------------

    def _cut(self, random: Random) -> None:
        nodes = list(self._group.processes)
        side = random.sample(nodes, random.randint(0, len(nodes)))
        self._cut_for(between(side, set(nodes) - set(side)), random)

    def _cut_one_way(self, random: Random) -> None:
        nodes = list(self._group.processes)
        one, two = random.choice(nodes), random.choice(nodes)
        kind = random.randrange(3)
        if kind == 0:
            self._cut_for({(one, two)}, random)
        elif kind == 1:
            self._cut_for({(one, other) for other in nodes}, random)
        else:
            self._cut_for({(other, one) for other in nodes}, random)

    def _shape(self, random: Random) -> None:
        nodes = list(self._group.processes)
        random.shuffle(nodes)
        if random.random() < 0.5:
            self._cut_for(ring(nodes), random)
        else:
            middle = len(nodes) // 2
            self._cut_for(between(nodes[:middle], nodes[middle + 1 :]), random)  # nodes[middle] is the bridge

    def _cut_for(self, links: set[tuple[int, int]], random: Random) -> None:
        new = links - self._group.network.cut
        self._group.network.cut |= new

        def heal() -> None:
            if not self.is_over:  # else what is cut now was cut to keep it from the quorum that was healed
                self._group.network.cut -= new

        self._world.after(int(random.uniform(0.3, 4) * T_MS * MS), heal)

    # ---- processes -------------------------------------------------------------------------------------------------

    def _set_clocks(self) -> None:
        random = self._world.chance("fault clocks")
        for process in self._group.processes.values():
            process.set_rate(random.uniform(0.5, 2.0))

    def _pause(self, random: Random) -> None:
        process, life = self._victim(random), 0
        if process is None or process.is_paused:
            return
        life = process.lives
        length = int(random.choice((0.2, 1.0, 4.0)) * random.random() * T_MS * MS)

        def stop() -> None:
            process.pause()
            self._world.after(length, lambda: process.resume() if process.lives == life else None)

        self._soon(process, stop, random)

    def _crash(self, random: Random) -> None:
        process = self._victim(random)
        if process is None:
            return
        if random.random() < 0.3:
            process.files.calls_left = random.randint(0, STEPS_MAX)
            return

        def die() -> None:
            self._group.ended(process.id)

        self._soon(process, die, random)

    def _soon(self, process: Process, ending: Callable[[], None], random: Random) -> None:
        """Let it happen now, or between two steps that are still to come."""
        if random.random() < 0.3:
            ending()
        else:
            process.ending, process.steps_left = ending, random.randint(0, STEPS_MAX)

    def _victim(self, random: Random) -> Process | None:
        """One that lives; the leader more often than others, for it has most to lose."""
        leader = self._group.leader()
        if leader is not None and random.random() < 0.4:
            return leader
        up = self._group.up()
        return random.choice(up) if up else None

    # ---- disks -----------------------------------------------------------------------------------------------------

    def _slow_disk(self, random: Random) -> None:
        process = self._victim(random)
        if process is not None:
            self._group.slow_until[process.id] = self._world.now + int(random.uniform(0.5, 6) * T_MS * MS)

    def _failing_disk(self, random: Random) -> None:
        process = self._victim(random)
        if process is not None:
            process.files.syncs_fail = True

    def _full_disk(self, random: Random) -> None:
        process = self._victim(random)
        if process is not None:
            process.files.is_full = True

    def _wipe(self, random: Random) -> None:
        """Take a disk that no possible configuration needs for its quorum."""
        group = self._group
        configs = group.configs()
        alive = set(group.processes) - group.wiped
        nodes = sorted(node for node in group.members() if node in alive)
        victim = random.choice(nodes) if nodes else 0
        is_needed = not all(is_quorum(alive - {victim}, config) for config in configs)
        lost_before = any(set(half) & group.wiped for config in configs for half in naive_config.halves(config))
        if victim and not is_needed and not lost_before:
            group.wipe(victim)
            self._mend_later(random)

    def _mend_later(self, random: Random) -> None:
        """Who looks after the group replaces what was lost, sooner or later."""

        def mend() -> None:
            group = self._group
            if self.is_over:
                return
            if group.tend():
                self._mend_later(random)
            elif len(group.members()) < MEMBERS_MAX:
                group.change(ConfChange(ChangeType.ADD_LEARNER, group.join()))
                self._promote_later(random)

        self._world.after(int(random.uniform(0.2, 2) * T_MS * MS), mend)

    def _promote_later(self, random: Random) -> None:
        def promote() -> None:
            config = self._group.judge.config
            if not self.is_over and config.learners:
                self._group.change(ConfChange(ChangeType.ADD_VOTER, random.choice(config.learners)))

        self._world.after(int(random.uniform(0.5, 3) * T_MS * MS), promote)

    # ---- members ---------------------------------------------------------------------------------------------------

    def _change(self, random: Random) -> None:
        group = self._group
        if random.random() < 0.5 and group.tend():
            return
        if random.random() < 0.15:
            self._swap(random)
            return
        parts = [part for _ in range(random.choice((1, 1, 1, 2, 3))) if (part := self._part(random)) is not None]
        unique = {part.node: part for part in parts}
        if unique:
            group.change(*unique.values(), transition=random.choice(list(Transition)))

    def _swap(self, random: Random) -> None:
        """Replace some voters, up to all of them, in one joint step."""
        group, voters = self._group, self._group.judge.config.voters
        gone = random.sample(voters, random.randint(1, len(voters)))
        if len(group.up()) + len(gone) > MEMBERS_MAX + 2:
            return
        parts = [ConfChange(ChangeType.REMOVE, node) for node in gone]
        parts += [ConfChange(ChangeType.ADD_VOTER, group.join()) for _ in gone]
        group.change(*parts, transition=random.choice((Transition.IMPLICIT, Transition.EXPLICIT)))

    def _part(self, random: Random) -> ConfChange | None:
        group, config = self._group, self._group.judge.config
        members = [*config.voters, *config.learners]
        kind = random.choice(("join", "join", "promote", "promote", "demote", "remove", "again", "return"))
        if kind == "join" and len(members) < MEMBERS_MAX and len(group.up()) < MEMBERS_MAX + 2:
            return ConfChange(random.choice((ChangeType.ADD_LEARNER, ChangeType.ADD_VOTER)), group.join())
        if kind == "promote" and config.learners:
            return ConfChange(ChangeType.ADD_VOTER, random.choice(config.learners))
        if kind == "demote" and len(config.voters) > 1:
            return ConfChange(ChangeType.ADD_LEARNER, random.choice(config.voters))
        if kind == "remove" and len(members) > 1:
            return ConfChange(ChangeType.REMOVE, random.choice(members))
        if kind == "return" and (removed := sorted(set(group.processes) - group.wiped - group.members())):
            return ConfChange(ChangeType.ADD_LEARNER, random.choice(removed))
        return ConfChange(ChangeType.ADD_VOTER, random.choice(config.voters)) if kind == "again" else None

    def _transfer(self, random: Random) -> None:
        group = self._group
        leader = group.leader()
        if leader is None:
            return
        target = random.choice(list(group.processes))

        def hand_over(node: RawNode) -> None:
            with suppress(CallerError, ProposalDropped):  # the next one may be able to
                node.transfer_leader(target)

        asked = leader if random.random() < 0.8 else random.choice(group.up())
        asked.do(hand_over)

    # ---- clients ---------------------------------------------------------------------------------------------------

    def _burst(self, random: Random) -> None:
        self._load.think_ms = 5

        def end() -> None:
            self._load.think_ms = THINK_MS

        self._world.after(int(random.uniform(0.1, 1) * T_MS * MS), end)
