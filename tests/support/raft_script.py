"""Scenario scripts: commands to a Raft group in memory, and under each, indented, everything that it did.

    nodes 3 [learners 4 5] [OPTION=VALUE ...]   a new group; every member's timeout is T + its number
    newcomer N [OPTION=VALUE ...]               a member that never ran
    campaign N | forget N | crash N | time N MS
    propose N COMMAND... | read N NAME | transfer N TO
    change N +4 ~3 -2 [implicit|explicit]       + voter, ~ learner, - removed; one part without a word is a v1 change
    leave N                                     the empty change
    tick N [COUNT]                              without carrying anything out
    ready N                                     carry out one Ready
    deliver N                                   N takes what is on the wire to it, without carrying anything out
    lose N                                      what is on the wire to N is lost
    settle                                      ready and deliver everywhere until nothing happens
    hold disk|apply N | flush N [COUNT] | apply N
    unreachable N TO | sent N TO ok|failed | compact N [TRAILING]
    cut A B | heal                              what is sent over a cut is lost
    status N... | log N...

`quietly` before a command drops what it tells. A line that begins with # is a remark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from dojopool.core.raft.confchange import AnyChange, ConfChange, ConfChangeV2, Transition
from dojopool.core.raft.messages import Ready
from dojopool.core.raft.options import Options, ReadMode
from dojopool.errors import DojoError
from support import raft_telling
from support.raft_net import Group, Peer, group_of, newcomer

KINDS = {sign: kind for kind, sign in raft_telling.SIGNS.items()}
TURNS_MAX = 1000


class Script:
    """One script as it is played."""

    def __init__(self) -> None:
        self.group = Group()
        self.told: list[str] = []
        self.verbs: dict[str, Callable[..., None]] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }

    def run(self, text: str) -> str:
        """The text with everything that its commands tell now in place of what stood there."""
        lines = []
        for line in text.splitlines():
            if not line.startswith("  "):
                lines.append(line)
                if line and not line.startswith("#"):
                    lines += [f"  {told}" for told in self.play(line)]
        return "\n".join(lines) + "\n"

    def play(self, line: str) -> list[str]:
        """What one command tells; of an error that a caller can meet its name and text."""
        is_quiet, words = line.startswith("quietly "), line.removeprefix("quietly ").split()
        self.told = []
        try:
            self.verbs[words[0]](*words[1:])
        except DojoError as error:
            self.told.append(f"{type(error).__name__}: {error}")
        return [] if is_quiet else self.told

    # ---- the group ---------------------------------------------------------------------------------------------

    def do_nodes(self, count: str, *words: str) -> None:
        options = options_of(words)
        learners = [int(word) for word in words if word.isdigit()]
        self.group = group_of(int(count), learners=learners, **options)
        for peer in self.group.peers.values():
            self._prepare(peer)

    def do_newcomer(self, node: str, *words: str) -> None:
        self._prepare(self.group.add(newcomer(int(node), **options_of(words))))

    def _prepare(self, peer: Peer) -> None:
        def draw(bound: int) -> int:
            return min(peer.id, bound - 1)

        peer.draw, peer.watch = draw, self._watch
        peer.crash()

    def _watch(self, node: int, ready: Ready) -> None:
        self.told += raft_telling.of_ready(node, ready)

    def _peer(self, node: str) -> Peer:
        return self.group[int(node)]

    # ---- verbs of a member ---------------------------------------------------------------------------------------

    def do_campaign(self, node: str) -> None:
        self._peer(node).node.campaign()

    def do_forget(self, node: str) -> None:
        self._peer(node).node.forget_leader()

    def do_crash(self, node: str) -> None:
        self._peer(node).crash()

    def do_time(self, node: str, now_ms: str) -> None:
        self._peer(node).node.observe_time(int(now_ms))

    def do_propose(self, node: str, *commands: str) -> None:
        for command in commands:
            self._peer(node).node.propose(command.encode())

    def do_read(self, node: str, name: str) -> None:
        self._peer(node).node.read_index(name.encode())

    def do_transfer(self, node: str, to: str) -> None:
        self._peer(node).node.transfer_leader(int(to))

    def do_change(self, node: str, *words: str) -> None:
        self._peer(node).node.propose_conf_change(change_of(words))

    def do_leave(self, node: str) -> None:
        self._peer(node).node.propose_conf_change(ConfChangeV2())

    def do_tick(self, node: str, count: str = "1") -> None:
        for _ in range(int(count)):
            self._peer(node).node.tick()

    def do_unreachable(self, node: str, to: str) -> None:
        self._peer(node).node.report_unreachable(int(to))

    def do_sent(self, node: str, to: str, outcome: str) -> None:
        self._peer(node).node.report_snapshot(int(to), outcome == "ok")

    def do_compact(self, node: str, trailing: str = "0") -> None:
        self.told.append(raft_telling.of_snapshot(self._peer(node).compact(trailing=int(trailing))))

    # ---- carrying out ----------------------------------------------------------------------------------------------

    def do_ready(self, node: str) -> None:
        peer = self._peer(node)
        if peer.node.has_ready():
            self.group.post(peer.carry_out(peer.node.ready()))
        else:
            self.told.append(f"{node} wants nothing")

    def do_deliver(self, node: str) -> None:
        self._arrive(int(node), is_lost=False)

    def do_lose(self, node: str) -> None:
        self._arrive(int(node), is_lost=True)

    def _arrive(self, node: int, *, is_lost: bool) -> None:
        group = self.group
        arriving = [message for message in group.wire if message.to == node]
        for message in arriving:
            group.wire.remove(message)
            is_gone = is_lost or (message.from_, message.to) in group.cuts or node not in group.peers
            self.told.append(("lost " if is_gone else "") + raft_telling.of_message(message))
            if not is_gone:
                group[node].node.step(message)

    def do_settle(self) -> None:
        group = self.group
        for _ in range(TURNS_MAX):
            for node, peer in sorted(group.peers.items()):
                while peer.node.has_ready():
                    self.do_ready(str(node))
            if not group.wire:
                return
            for node in sorted({message.to for message in group.wire}):
                self._arrive(node, is_lost=False)
        raise AssertionError("the group does not come to rest")

    def do_hold(self, what: str, node: str) -> None:
        peer = self._peer(node)
        if what == "disk":
            peer.holds_disk = True
        else:
            peer.holds_apply = True

    def do_flush(self, node: str, count: str | None = None) -> None:
        peer = self._peer(node)
        writes = len(peer.disk.waiting) if count is None else int(count)
        self.told += [f"{node} has stored ready {write.number}" for write in list(peer.disk.waiting)[:writes]]
        peer.holds_disk = peer.holds_disk and count is not None
        sent = peer.flush(writes)
        self.told += [f"send {raft_telling.of_message(message)}" for message in sent]
        self.group.post(sent)

    def do_apply(self, node: str) -> None:
        peer = self._peer(node)
        peer.holds_apply = False
        self.told += [f"{node} applies {raft_telling.of_entry(entry)}" for entry in peer.to_apply]
        peer.apply()

    # ---- links and views -------------------------------------------------------------------------------------------

    def do_cut(self, one: str, other: str) -> None:
        self.group.cut([int(one)], [int(other)])

    def do_heal(self) -> None:
        self.group.heal()

    def do_status(self, *nodes: str) -> None:
        for node in nodes:
            self.told += raft_telling.of_status(self._peer(node).status)

    def do_log(self, *nodes: str) -> None:
        for node in nodes:
            stored = self._peer(node).disk.durable
            snapshot = [raft_telling.of_snapshot(stored.snapshot)] if stored.snapshot else []
            told = [*snapshot, *(raft_telling.of_entry(entry) for entry in stored.entries)]
            self.told.append(f"{node} stored: " + ", ".join(told))
            self.told.append(f"  {raft_telling.of_hard_state(stored.hard_state)}")


def options_of(words: tuple[str, ...]) -> dict[str, Any]:
    """The options among the words of a command."""
    known = {"on": True, "off": False, "lease": ReadMode.LEASE}
    names = {field.name for field in fields(Options)}
    made = {}
    for name, value in (word.split("=") for word in words if "=" in word):
        assert name in names, f"{name} is no option"
        made[name] = known[value] if value in known else int(value)
    return made


def change_of(words: tuple[str, ...]) -> AnyChange:
    """The change that a command names."""
    parts = tuple(ConfChange(KINDS[word[0]], int(word[1:])) for word in words if word[0] in KINDS)
    how = [Transition[word.upper()] for word in words if word[0] not in KINDS]
    return parts[0] if len(parts) == 1 and not how else ConfChangeV2(parts, *how)
