"""A whole group in one world: its processes, its links, and who looks after it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2, Transition
from dojopool.core.raft.messages import ConfState, EntryType, Message, Role, Snapshot
from dojopool.core.raft.node import RawNode
from dojopool.errors import ConfChangeRefused, ProposalDropped
from dojopool.simulation import naive_config
from dojopool.simulation.invariants import Judge
from dojopool.simulation.machine import Register
from dojopool.simulation.network import Network
from dojopool.simulation.options import T_MS, Plan
from dojopool.simulation.process import Process
from dojopool.simulation.world import MS, World

MEMBERS_MAX: Final = 7
FIRST: Final = 1
"""Index of the snapshot that a new group begins with."""
FLUSH_MIN: Final = MS // 5
FLUSH_MAX: Final = 3 * MS


class Group:
    """Processes by id, in one world."""

    def __init__(self, world: World, plan: Plan, judge: Judge) -> None:
        self.world, self.plan, self.judge = world, plan, judge
        self.processes: dict[int, Process] = {}
        self.wiped: set[int] = set()
        self.slow_until: dict[int, int] = {}
        self.is_calm = False
        """No more faults: disks and appliers are as fast as they can be, who dies is a bug."""
        self.network = Network(
            world, plan, deliver=self._deliver, snapshot=self._snapshot_sent, unreachable=self._unreachable
        )
        self._disk = world.chance("disk")
        self._apply = world.chance("apply")
        self._crash = world.chance("crash")
        draw = world.chance("group")
        few = "snapshots" in plan.faults
        self._snapshot_every = draw.randint(1, 15) if few else 500
        self._trailing = draw.choice((0, 1, 5)) if few else 50
        self._acks_late = draw.uniform(0.05, 0.5) if "late-acks" in plan.faults else 0.0
        self._applies_late = draw.uniform(0.05, 0.5) if "slow-apply" in plan.faults else 0.0
        for node in range(1, plan.nodes + 1):
            self.processes[node] = self._made(node)

    def begin(self) -> None:
        """Give every member the snapshot that a new group begins with, and start it."""
        first = Snapshot(
            index=FIRST, term=1, config=ConfState(voters=tuple(self.processes)), data=Register().snapshot()
        )
        self.judge.begin(first)
        for process in self.processes.values():
            process.found(first)
        for process in self.processes.values():
            process.start()

    # ---- what processes ask of the world ---------------------------------------------------------------------------

    def send(self, messages: tuple[Message, ...]) -> None:
        """See `Surroundings`."""
        self.network.send(messages)

    def ended(self, node: int) -> None:
        """See `Surroundings`."""
        self.crash(node)
        self.world.after(int(self._crash.uniform(0.1, 2.5) * T_MS * MS), lambda: self.start(node))

    def flush_delay(self, node: int) -> int:
        """See `Surroundings`."""
        if self.slow_until.get(node, 0) > self.world.now and self._disk.random() < 0.5:
            return int(self._disk.random() * 3 * T_MS * MS)
        return self._disk.randint(FLUSH_MIN, FLUSH_MAX)

    def ack_delay(self, node: int) -> int:
        """See `Surroundings`."""
        return self._sometimes(self._acks_late, T_MS // 4)

    def apply_delay(self, node: int) -> int:
        """See `Surroundings`."""
        return self._sometimes(self._applies_late, T_MS)

    def _sometimes(self, share: float, longest_ms: int) -> int:
        if self.is_calm or self._apply.random() >= share:
            return 0
        return int(self._apply.random() * longest_ms * MS)

    # ---- life and death --------------------------------------------------------------------------------------------

    def start(self, node: int) -> None:
        """Start a process if it is not up and has a disk."""
        process = self.processes[node]
        if not process.is_up and node not in self.wiped:
            process.start()

    def crash(self, node: int) -> None:
        """Kill a process."""
        self.processes[node].crash(torn="torn" in self.plan.faults)

    def wipe(self, node: int) -> None:
        """Take a process and its disk away for good."""
        self.crash(node)
        self.wiped.add(node)
        self.judge.wiped(node)

    def join(self) -> int:
        """Start a process that nobody knows yet, on an empty disk; its id."""
        node = max(self.processes) + 1
        self.processes[node] = self._made(node)
        self.processes[node].start()
        return node

    def _made(self, node: int) -> Process:
        return Process(
            self.plan.options(node),
            world=self.world,
            judge=self.judge,
            around=self,
            random=self.world.chance(f"node {node}"),
            snapshot_every=self._snapshot_every,
            trailing=self._trailing,
        )

    # ---- who is who ------------------------------------------------------------------------------------------------

    def up(self) -> list[Process]:
        """The processes that live, by id."""
        return [process for process in self.processes.values() if process.is_up]

    def leader(self) -> Process | None:
        """The leader of the highest term that lives."""
        leaders = [process for process in self.up() if process.role is Role.LEADER]
        return max(leaders, key=lambda process: self.judge.members[process.id].log.hard_state.term, default=None)

    def configs(self) -> list[ConfState]:
        """The members as committed, as any log could still make them, and as the voters know them: who has not heard
        that a change is committed still needs the quorum from before it.
        """
        found = [self.judge.config]
        for node in self.judge.config.voters:
            if node not in self.wiped:
                found += self._known_by(self.processes[node])
        for seen in self.judge.members.values():
            if seen.is_wiped:
                continue
            config = self.judge.config
            for index in range(max(self.judge.commit, seen.log.base) + 1, seen.log.last + 1):
                entry = self.judge.entry(index, seen.log)
                if entry.type is not EntryType.NORMAL:
                    config = naive_config.after(config, entry)
                    found.append(config)
        return found

    def _known_by(self, process: Process) -> list[ConfState]:
        """What a process takes for the members, or will when it starts again."""
        if process.is_up:
            return [process.application.config]
        disk = self.judge.members[process.id].durable
        known = min(max(disk.base, disk.hard_state.commit), self.judge.commit)
        return [self.judge.members_at(index) for index in (process.snapshot_index, known) if index]

    def members(self) -> set[int]:
        """Whoever is or may become a member."""
        return {
            node
            for config in self.configs()
            for node in (*config.voters, *config.learners, *config.voters_outgoing, *config.learners_next)
        }

    # ---- looking after it ------------------------------------------------------------------------------------------

    def change(self, *parts: ConfChange, transition: Transition = Transition.AUTO) -> None:
        """Ask the leader for a change of the members; it may refuse."""
        leader = self.leader()
        if leader is None:
            return

        was_calm = self.is_calm

        def propose(node: RawNode) -> None:
            if self.is_calm and not was_calm:
                return  # whoever asked a process that stopped has given up: the quorum to heal is chosen since
            with suppress(ConfChangeRefused, ProposalDropped):  # the next one may be taken
                node.propose_conf_change(ConfChangeV2(parts), transition)

        leader.do(propose)

    def tend(self) -> bool:
        """Replace a voter whose disk is gone, or leave a joint configuration that nobody else will; False when there is
        nothing to mend.
        """
        config = self.judge.config
        if config.voters_outgoing:
            if not config.auto_leave:
                self.change()
            return True
        lost = [node for node in (*config.voters, *config.learners) if node in self.wiped]
        if lost:
            self.change(ConfChange(ChangeType.REMOVE, lost[0]))
            return True
        return False

    # ---- the links -------------------------------------------------------------------------------------------------

    def _deliver(self, message: Message) -> None:
        self.processes[message.to].deliver(message)

    def _snapshot_sent(self, sender: int, to: int, arrived: bool) -> None:
        self._tell(sender, lambda node: node.report_snapshot(to, arrived))

    def _unreachable(self, sender: int, to: int, _: bool) -> None:
        self._tell(sender, lambda node: node.report_unreachable(to))

    def _tell(self, sender: int, act: Callable[[RawNode], None]) -> None:
        self.processes[sender].do(act)
