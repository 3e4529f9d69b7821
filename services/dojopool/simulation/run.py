"""One seed, from the first election to the verdict.

First everything breaks, and safety is judged at every step. Then only a quorum is healed, the rest stays broken, and
the group must make progress within a number of election timeouts. Then all is healed, all members must become equal,
and every answer that a client got must be there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from dojopool.core.raft.messages import EntryType, Role
from dojopool.simulation import naive_config, oracle
from dojopool.simulation.clients import THINK_MS, Client, Load
from dojopool.simulation.group import Group
from dojopool.simulation.invariants import Judge, Violation, is_quorum
from dojopool.simulation.machine import WRITE
from dojopool.simulation.nemesis import Nemesis
from dojopool.simulation.network import between
from dojopool.simulation.options import T_MS, Plan
from dojopool.simulation.world import MS, SECOND, World

PATIENCE: Final = 25 * T_MS * MS
"""A healed quorum makes progress within so long. An election that ties is tried again after at most 2T, and it ties
with a chance well below a half."""
LOOK_EVERY: Final = 50 * MS
SEARCHED_SHARE: Final = 4
"""Every so many seeds the history is also searched for an order, which is slow."""


@dataclass(slots=True)
class Outcome:
    """What became of one run."""

    plan: Plan
    rule: str = ""
    """The rule that was broken; empty: none."""
    found: str = ""
    at: int = 0
    """When, in microseconds."""
    simulated: int = 0
    """Microseconds of virtual time."""
    operations: int = 0
    answered: int = 0
    messages: int = 0
    committed: int = 0
    terms: int = 0
    checked: int = 0
    excused: str = ""
    """Why no progress was asked for; empty: it was."""
    faults: dict[str, int] = field(default_factory=dict)
    """How often each fault acted."""
    digest: str = ""
    """Of everything that was committed and answered: equal seeds give equal ones."""


def run(plan: Plan) -> Outcome:
    """Play one plan."""
    return Run(plan).play()


class Run:
    """One plan being played."""

    def __init__(self, plan: Plan, *, judge: Judge | None = None) -> None:
        self.plan = plan
        self.world = World(plan.seed)
        self.outcome = Outcome(plan)
        self.group = Group(self.world, plan, judge or Judge())
        self.load = Load(self.group, [])
        self.nemesis = Nemesis(self.group, self.load)
        for number in range(1, plan.clients + 1):
            Client(number, self.load)

    def play(self) -> Outcome:
        """Play it to its end, or to the first rule that breaks."""
        outcome = self.outcome
        try:
            self.group.begin()
            self.world.run(int(self.plan.seconds * SECOND))
            self._heal_quorum()
            self._heal_all()
            self._judge_answers()
        except Violation as violation:
            outcome.rule, outcome.found, outcome.at = violation.rule, violation.found, self.world.now
        self._tell(outcome)
        return outcome

    # ---- progress --------------------------------------------------------------------------------------------------

    def _heal_quorum(self) -> None:
        group = self.group
        self.nemesis.is_over = True
        core = self._core()
        if not core:
            return
        self._calm()
        others = set(group.processes) - core
        group.network.cut = between(core, others)
        self._mend_processes(core)
        self.load.reachable = tuple(sorted(core))
        self.healed_at = self.world.now
        self._wait("progress", lambda: self._makes_progress(core), lambda: self._state_of(core))
        self.load.is_stopped = True
        self._wait("progress-equal", lambda: self._are_equal(core), lambda: self._state_of(core))

    def _core(self) -> set[int]:
        """A quorum of every configuration that may come into force, with as few others as chance leaves."""
        group = self.group
        configs = group.configs()
        core = {node for node in group.processes if node not in group.wiped}
        if not all(is_quorum(core, config) for config in configs):
            lost = sorted(group.wiped & group.members())
            self.outcome.excused = f"no quorum is left: the disks of {lost} were lost, and they are still members"
            return set()
        random = self.world.chance("core")
        for node in random.sample(sorted(core), len(core)):
            if all(is_quorum(core - {node}, config) for config in configs):
                core.discard(node)
        return core

    def _calm(self) -> None:
        self.group.is_calm = True
        self.group.network.calm()
        self.group.slow_until.clear()
        self.load.think_ms = THINK_MS

    def _mend_processes(self, nodes: set[int]) -> None:
        for node in sorted(nodes):
            process = self.group.processes[node]
            process.files.is_full = process.files.syncs_fail = False
            process.files.calls_left = process.steps_left = None
            process.set_rate(1.0)
            process.resume()
            self.group.start(node)

    def _makes_progress(self, core: set[int]) -> bool:
        group = self.group
        leaders = [node for node in core if group.processes[node].role is Role.LEADER]
        if len(leaders) != 1:
            return False
        # What was lost with its disk stays a member as long as nobody removes it; that is not progress of the core.
        if naive_config.halves(group.judge.config)[1:]:
            group.tend()
            return False
        fresh = [one for one in self.load.history if one.called >= self.healed_at and one.returned is not None]
        return {"read", "write"} <= {one.kind for one in fresh}

    def _are_equal(self, core: set[int]) -> bool:
        group, config = self.group, self.group.judge.config
        members = {*config.voters, *config.learners}
        return all(
            group.processes[node].is_up and group.processes[node].application.applied == group.judge.commit
            for node in core & members
        )

    def _heal_all(self) -> None:
        if self.outcome.excused:
            return
        group = self.group
        group.network.cut.clear()
        self._mend_processes(set(group.processes) - group.wiped)
        alive = set(group.processes) - group.wiped
        self._wait("equal", lambda: self._are_equal(alive), lambda: self._state_of(alive))
        states = {
            group.processes[node].application.machine.snapshot()
            for node in sorted(alive & {*group.judge.config.voters, *group.judge.config.learners})
        }
        if len(states) > 1:
            raise Violation("equal", f"{len(states)} different states with the same entries applied")

    def _wait(self, rule: str, holds: Callable[[], bool], state: Callable[[], str]) -> None:
        end = self.world.now + PATIENCE
        while not holds():
            if self.world.now >= end:
                raise Violation(rule, f"nothing within {PATIENCE // (T_MS * MS)} election timeouts: {state()}")
            self.world.run(self.world.now + LOOK_EVERY)

    def _state_of(self, nodes: set[int]) -> str:
        parts = []
        for node in sorted(nodes):
            process = self.group.processes[node]
            seen = self.group.judge.members[node]
            what = process.role.name.lower() if process.is_up else "down"
            parts.append(
                f"{node} {what} term {seen.log.hard_state.term} last {seen.log.last} commit {seen.commit} applied"
                f" {process.application.applied}"
            )
        return "; ".join(parts) + f"; committed {self.group.judge.commit}, {self.group.judge.config}"

    # ---- answers ---------------------------------------------------------------------------------------------------

    def _judge_answers(self) -> None:
        found = oracle.judge(self.load.history, self._truth())
        if not found and self.plan.seed % SEARCHED_SHARE == 0:
            found = oracle.search(self.load.history)
        if found:
            raise Violation("linearizable", found[0])

    def _truth(self) -> dict[int, list[int]]:
        """Each key's writes in the order of the log, told from it as plainly as can be."""
        truth: dict[int, list[int]] = {}
        newest: dict[int, int] = {}
        entries = self.group.judge.entries
        for index in sorted(entries):
            data = entries[index].data
            if entries[index].type is EntryType.NORMAL and data:
                key, client, operation = WRITE.unpack(data)
                if operation > newest.get(client, 0):
                    newest[client] = operation
                    truth.setdefault(key, []).append(operation)
        return truth

    def _tell(self, outcome: Outcome) -> None:
        judge = self.group.judge
        outcome.simulated = self.world.now
        outcome.operations = len(self.load.history)
        outcome.answered = sum(one.returned is not None for one in self.load.history)
        outcome.messages = self.group.network.sent
        outcome.committed = judge.commit
        outcome.terms = len(judge.leaders)
        outcome.checked = judge.checked
        outcome.faults = self.nemesis.done
        told = (sorted(judge.terms.items()), self.load.history, outcome.rule, outcome.found, self.world.now)
        outcome.digest = sha256(repr(told).encode()).hexdigest()[:16]
