"""Bugs on purpose, each a few words of the core or the disk changed: what the simulator must find, or it is worth
nothing.

A bug is a function of the product and what is written in it instead. It is put into the function's own code, so that
whoever holds the function runs the broken one. On plain Python only: a compiled function has no code to replace.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Final

import pytest

from dojopool.adapters import raft_wal_form
from dojopool.adapters.raft_wal import Wal
from dojopool.adapters.raft_wal_replay import Replay
from dojopool.core.raft import elections, membership, quorum, reading, replication, snapshots
from dojopool.core.raft.log import RaftLog
from dojopool.core.raft.options import ReadMode
from dojopool.core.raft.raft import Raft
from dojopool.simulation.options import Plan

SECONDS: Final = 10.0
"""Virtual seconds with faults, in each run."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One wrong build."""

    rule: str
    """Number of the statement of docs/raft.md that it breaks."""
    told: str
    """What it does, in a few words."""
    function: Callable[..., Any] | property
    right: str
    """Part of the function's source, to be found there once."""
    wrong: str
    """What stands there instead."""
    caught_by: frozenset[str]
    """The rules of the simulator that may notice it first."""
    seeds: int
    """Caught within so many seeds: the first from 1 on that catches it."""
    faults: tuple[str, ...] = ()
    """Those of the runs, and no others: what the bug needs to do harm."""
    nodes: int = 3
    read_mode: ReadMode = ReadMode.SAFE
    limits: Mapping[str, int] = field(default_factory=dict)

    def plan(self, seed: int) -> Plan:
        """The run of a seed in the search for this bug."""
        return Plan(
            seed=seed,
            faults=frozenset(self.faults),
            nodes=self.nodes,
            clients=4,
            seconds=SECONDS,
            read_mode=self.read_mode,
            limits=dict(self.limits),
        )

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Build it."""
        function = self.function.fget if isinstance(self.function, property) else self.function
        assert isinstance(function, FunctionType)
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.right) == 1, f"{self.told}: {self.right!r} is not in {function.__qualname__} once"
        broken = source.replace(self.right, self.wrong).removeprefix("@property\n").removeprefix("@staticmethod\n")
        module = compile(broken, f"<broken {function.__name__}>", "exec", flags=_ANNOTATIONS, dont_inherit=True)
        code = next(part for part in module.co_consts if isinstance(part, CodeType))
        monkeypatch.setattr(function, "__code__", code)


_ANNOTATIONS: Final = __import__("__future__").annotations.compiler_flag

STATE: Final = frozenset({"committed", "log-conflict", "leader-completeness", "state-machine", "linearizable"})
"""How two histories of one group show."""

BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        "E1",
        "a vote is told before it is durable",
        Raft.send,
        "stamped.type in _PROMISES",
        "stamped.to == self.id or stamped.type in _PROMISES - {MessageType.VOTE_RESPONSE}",
        frozenset({"vote-durable"}),
        1,
        ("crashes",),
    ),
    Bug(
        "D2",
        "entries are acknowledged before they are durable",
        Raft.send,
        "stamped.type in _PROMISES",
        "stamped.to == self.id or stamped.type in _PROMISES - {MessageType.APPEND_RESPONSE}",
        frozenset({"ack-durable", "term-durable"}),
        1,
    ),
    Bug(
        "E2",
        "a vote repeated by the network counts twice",
        elections.on_vote_response,
        "raft.votes.setdefault(message.from_, not message.reject)",
        "raft.votes[min(raft.config.voters.ids() - raft.votes.keys(), default=0)] = not message.reject",
        frozenset({"election-safety"}) | STATE,
        100,
        ("duplication", "delay", "one-way", "transfers"),
        nodes=5,
    ),
    Bug(
        "E3",
        "a candidate with a longer log gets the vote, whatever its last term",
        RaftLog.is_up_to_date,
        "(term, index) >= (self.last_term, self.last)",
        "index >= self.last",
        STATE,
        200,
        ("one-way", "cuts", "delay", "transfers"),
        nodes=5,
    ),
    Bug(
        "E16",
        "an entry of an older term is committed by counting",
        replication.maybe_commit,
        " or raft.log.term(index) != raft.term",
        "",
        frozenset({"own-term"}) | STATE,
        1,
        ("loss", "cuts", "crashes"),
        nodes=5,
        limits={"message_bytes_max": 1, "inflight_max": 1},
    ),
    Bug(
        "L2",
        "an old append that arrives late cuts off what came after it",
        RaftLog.merge,
        "new = bisect_left(held, True, key=lambda place: not self.matches(entries[place].index, entries[place].term))",
        "new = max(0, self.committed - index)",
        frozenset({"durable-quorum", "log-conflict", "leader-completeness", "commit", "ack-durable"}),
        10,
        ("reordering", "duplication"),
    ),
    Bug(
        "L5",
        "a heartbeat commits what the follower was not seen to hold",
        replication.broadcast_heartbeat,
        "commit = min(one.match, raft.log.committed)",
        "commit = raft.log.committed",
        STATE,
        1,
        ("loss",),
    ),
    Bug(
        "L11",
        "the leader counts itself before its own disk holds the entry",
        replication.append,
        "raft.send(Message(MessageType.APPEND_RESPONSE, raft.id, index=raft.log.last))",
        "raft.progress[raft.id].matched(raft.log.last)",
        frozenset({"durable-quorum"}),
        1,
        ("slow-disk",),
    ),
    Bug(
        "L13",
        "a probe that was lost is never sent again",
        replication.on_heartbeat_response,
        "one.probe_sent = False",
        "pass",
        frozenset({"progress", "progress-equal", "equal"}),
        1,
        ("loss", "cuts"),
    ),
    Bug(
        "S1",
        "a snapshot older than what is committed is installed",
        snapshots._restore,
        "if snapshot.index <= log.committed:",
        "if snapshot.index <= 1:",
        frozenset({"monotonic", "assertion"}),
        98,
        ("snapshots", "delay", "duplication"),
    ),
    Bug(
        "S3",
        "a snapshot keeps the conflicting entries above it",
        RaftLog.restore,
        "self._entries.clear()",
        "self._entries = [entry for entry in self._entries if entry.index > snapshot.index]",
        STATE | {"contiguous", "assertion", "ack-durable", "commit", "log-matching"},
        79,
        ("snapshots", "cuts", "crashes"),
    ),
    Bug(
        "R1",
        "a new leader answers reads before it has committed in its term",
        reading._ask_here,
        "elif not raft.has_committed_in_term:",
        "elif False:",
        frozenset({"linearizable"}),
        72,
        ("crashes", "loss"),
    ),
    Bug(
        "R3",
        "any answer to a heartbeat confirms every read, also one to a heartbeat from before",
        replication.on_heartbeat_response,
        'int.from_bytes(message.context, "big")',
        "raft.reads.round",
        frozenset({"linearizable"}),
        49,
        ("one-way", "delay", "duplication", "transfers"),
    ),
    Bug(
        "R5",
        "a lease outlives the promises that it rests on",
        reading.holds_lease,
        "now_ms < begin + raft.options.lease_ms",
        "now_ms < begin + 5 * raft.options.lease_ms",
        frozenset({"linearizable"}),
        20,
        ("cuts",),
        nodes=5,
        read_mode=ReadMode.LEASE,
    ),
    Bug(
        "M1",
        "a joint configuration commits with the majority of its new half alone",
        quorum.committed_index,
        "min(committed_index(acked, config.incoming), committed_index(acked, config.outgoing))",
        "committed_index(acked, config.incoming)",
        frozenset({"durable-quorum"}) | STATE,
        7,
        ("membership",),
    ),
    Bug(
        "M1",
        "a joint configuration elects with the majority of its new half alone",
        quorum.vote_result,
        "(vote_result(votes, config.incoming), vote_result(votes, config.outgoing))",
        "(vote_result(votes, config.incoming),) * 2",
        frozenset({"election-safety"}) | STATE,
        77,
        ("membership", "slow-apply", "cuts", "transfers"),
    ),
    Bug(
        "M2",
        "a second change of members is taken while the first is not applied",
        membership.check_proposal,
        "if raft.pending_conf_index > raft.log.applied:",
        "if False:",
        frozenset({"assertion", "membership", "election-safety", "one-change"}) | STATE,
        3,
        ("membership", "slow-apply"),
    ),
    Bug(
        "M7",
        "nobody proposes to leave a joint configuration",
        membership.maybe_leave_joint,
        "raft.role is Role.LEADER",
        "raft.role is Role.CANDIDATE",
        frozenset({"progress"}),
        1,
        ("membership",),
    ),
    Bug(
        "D1",
        "term and vote are not written",
        Wal._write_frame,
        "[*self._items, hard_state_item(self._state)]",
        "self._items or [hard_state_item(HardState())]",
        frozenset({"durable", "recovery"}),
        1,
        ("crashes",),
    ),
    Bug(
        "D2",
        "the log is written and not flushed",
        Wal._write_frame,
        "self._files.fsync(segment.name)",
        "pass",
        frozenset({"durable", "recovery"}),
        1,
        ("crashes",),
    ),
    Bug(
        "D5",
        "a torn last frame is taken as good",
        raft_wal_form._frame_at,
        "crc32(payload, crc32(_COUNTED.pack(length, sequence), salt)) != crc",
        "False",
        frozenset({"durable", "recovery", "assertion"}) | STATE,
        8,
        ("crashes", "torn"),
    ),
    Bug(
        "D7",
        "the directory is not flushed after a rename",
        Wal._make,
        "self._files.fsync_dir()",
        "pass",
        frozenset({"durable", "recovery"}),
        1,
        ("crashes", "torn", "snapshots"),
    ),
    Bug(
        "D8",
        "an entry that overwrites leaves the tail behind it in place when the log is read again",
        Replay._append,
        "del known[max(0, entries[0].index - known[0].index) :]",
        "del known[max(0, entries[0].index - known[0].index) : max(0, entries[-1].index - known[0].index + 1)]",
        frozenset({"durable", "recovery"}),
        38,
        ("one-way", "crashes", "cuts", "pauses"),
        limits={"message_bytes_max": 1},
    ),
    Bug(
        "D9",
        "a snapshot is renamed into place before it is flushed",
        Wal._make,
        "self._files.fsync(name + TEMPORARY)",
        "pass",
        frozenset({"durable", "recovery"}),
        1,
        ("crashes", "snapshots"),
    ),
)
