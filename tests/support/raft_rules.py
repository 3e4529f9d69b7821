"""What the Raft of this package promises, rule by rule, and which tests hold it to that.

A rule has a letter for its subject and a number; a test whose name begins with both (`test_e13_...`) tests it, wherever
it lives. `numbered_tests` finds them; docs/raft.md shows the pairs (`raft_page.py`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

SUBJECTS = {
    "E": "Elections",
    "L": "Replication and commit",
    "D": "Durability",
    "S": "Snapshots and compaction",
    "R": "Reads",
    "M": "Members",
    "X": "Leader transfer and region preference",
    "C": "Clients and runtime",
}

RULES = {
    "E1": "At most one vote per term; it leaves only when it is durable.",
    "E2": "Votes are a set by voter: repeats, non-voters, older terms and the pre-vote round count nothing.",
    "E3": "A vote is refused when the candidate's last (term, index) is lexicographically smaller.",
    "E4": "A candidate that hears a leader of its own term follows it.",
    "E5": "A leader never grants a vote in its own term.",
    "E6": "A higher term in any message resets vote and role, but for a pre-vote asked or granted.",
    "E7": "A leader of an older term is answered with the newer one, so that a stranded node is taken back.",
    "E8": "A pre-vote for an older term gets a refusal, never silence.",
    "E9": "A granted pre-vote echoes the term asked for; a refusal carries the sender's, which the asker takes over.",
    "E10": "A pre-vote changes no term, vote, log or timer of who is asked.",
    "E11": "A longer log in an older term beside a shorter one in a newer term still elects someone.",
    "E12": "The election timeout is uniform in [T, 2T) and drawn anew at every change of role.",
    "E13": "Who heard a leader less than T ago ignores requests for votes, unless they belong to a transfer.",
    "E14": "Who is no voter by its own configuration never campaigns, but votes when asked.",
    "E15": "No campaign while a snapshot is pending or a committed change of members is not applied.",
    "E16": "A new leader appends an empty entry; only entries of its own term are committed by counting.",
    "E17": "Refusals by a majority end a candidacy at once.",
    "E18": "A leader unheard by a quorum for T steps down; a member just added counts as heard at first.",
    "E19": "A single voter elects itself without a network, but only when its vote is durable.",
    "E20": "A restart begins as a follower; leadership is never resumed.",
    "E21": "Partial meshes, bridges and members that hear nothing do not keep a group from serving.",
    "L1": "An append is accepted only after a matching (index, term); one with holes is refused whole.",
    "L2": "A follower truncates only from the first real conflict on.",
    "L3": "A conflict at or below the commit index stops the node.",
    "L4": "A follower commits at most up to the last entry of the message; commit never decreases.",
    "L5": "Heartbeats carry at most what the follower is known to hold.",
    "L6": "No message of a snapshot transfer moves commit before the snapshot is installed.",
    "L7": "What a follower is known to hold never decreases in a term; acknowledgements of older terms count nothing.",
    "L8": "Acknowledgements from before a member was removed and added again are not its own.",
    "L9": "Known is always less than next; a stale rejection lowers neither.",
    "L10": "The commit index equals a brute-force count for every set of voters.",
    "L11": "A leader counts itself only when its own disk has the entry.",
    "L12": "A leader never rewrites its own log.",
    "L13": "While probing, one append is on its way; an answered heartbeat releases the next.",
    "L14": "While replicating, messages and bytes on their way are limited; a window lost whole heals.",
    "L15": "Rejections carry hints, so there is at most one probe per differing term.",
    "L16": "A member reported unreachable is probed; caught up, it streams again after the next heartbeat.",
    "L17": "A follower that knows less as committed than it could is told at once.",
    "L18": "Uncommitted bytes are capped; the first proposal on an empty tail and empty ones always pass.",
    "L19": "One entry larger than a message may be goes through alone.",
    "L20": "A proposal away from the leader is forwarded or refused with the leader's id, never lost in silence.",
    "D1": "Term and vote are durable before any entry of that term.",
    "D2": "Votes and acknowledgements, also negative ones, wait for the disk; a leader's appends do not.",
    "D3": "A late completion of an older write marks no overwritten or newer entry as durable.",
    "D4": "A failed flush ends the process; the same file is not tried again.",
    "D5": "A torn last record is cut off; damage followed by valid records refuses to start.",
    "D6": "A zero or absurd length is a torn tail, not a crash.",
    "D7": "New segments and snapshots: temporary file, flush, rename, flush of the directory.",
    "D8": "Replay honours an overwrite also at or below the snapshot's index.",
    "D9": "A snapshot is durable before the log relies on it and before anything is deleted.",
    "D10": "A recovered commit that the log does not hold is fatal; so is metadata that cannot be read.",
    "D11": "A member whose disk was wiped or rolled back is another member.",
    "D12": "A leader whose disk stalls longer than T falls silent and steps down; time does not stop with the disk.",
    "D13": "A stalled disk of a follower does not wedge what follows.",
    "S1": "A snapshot at or below commit is ignored and answered with the commit index.",
    "S2": "If the log holds the snapshot's (index, term), only commit moves and the suffix stays.",
    "S3": "Otherwise the whole log goes, also conflicting entries above the snapshot.",
    "S4": "The members after an install are the snapshot's; none of an uncommitted entry survive.",
    "S5": "Nothing is applied while a snapshot is pending; applied never moves backwards.",
    "S6": "A lost last acknowledgement strands no member: any that reconnects it to the log frees it.",
    "S7": "A failed transfer waits for one heartbeat, then probes; a damaged one is never installed.",
    "S8": "After compaction an append that follows index 0 is nothing special.",
    "S9": "Compaction passes neither what is applied nor the durable snapshot; trailing entries are kept.",
    "S10": "A learner added while unreachable catches up from a log that is purged to its tip.",
    "S11": "A snapshot whose members omit the receiver is refused.",
    "S12": "Who waits for an entry that was compacted away gets an answer.",
    "R1": "No read is answered before an entry of the leader's term is committed; it is queued, not dropped.",
    "R2": "Only voters confirm a read, in both halves of a joint configuration.",
    "R3": "An answer confirms only reads registered before its heartbeat; a change of role fails all that wait.",
    "R4": "A read is answered from the state only when everything up to its index is applied.",
    "R5": "A lease counts from the sending of the heartbeat that a quorum answered.",
    "R6": "There is no lease before the first answer of a quorum in the leader's term.",
    "R7": "A transfer ends the lease until no late request can elect anyone.",
    "R8": "With leases on, a restarted voter grants no vote for T.",
    "R9": "A lease is judged by a clock that runs through pauses, again after the read.",
    "R10": "Forgetting the leader is refused when leases are on.",
    "R11": "Reads while a leader is dead keep no follower from electing.",
    "M1": "In a joint configuration everything needs both majorities; swapping the halves changes nothing.",
    "M2": "At most one change of members is unapplied; a new leader takes its tail to hold one.",
    "M3": "A change is refused until the leader has committed in its own term.",
    "M4": "Illegal changes are refused before they touch the configuration.",
    "M5": "A demoted voter stays one in the old half, and becomes a learner on leaving, with its progress.",
    "M6": "A leader that removes itself replicates that, does not count itself, then steps down.",
    "M7": "The joint configuration is left by whoever leads, across changes of leader and aborted transfers.",
    "M8": "A candidate that lacks a committed change learns of it from the answers to its requests.",
    "M9": "Applying a change computes the commit index anew at once.",
    "M10": "A learner is promoted only when it keeps up.",
    "M11": "A removed or cut off member cannot depose a healthy leader.",
    "M12": "Removing an unreachable member works.",
    "M13": "Member, certificate and disk are checked together; no id is used twice.",
    "M14": "A snapshot can hold a joint configuration.",
    "X1": "A transfer is refused to oneself, learners and strangers, and by whoever does not lead.",
    "X2": "Proposals fail during a transfer and may be retried; after T it is aborted.",
    "X3": "The successor is told only when it holds the whole log, and obeys only as follower of that term.",
    "X4": "A second request to the same member is ignored; one to another replaces the first.",
    "X5": "The election of a transfer needs no pre-vote and overrides loyalty, for that campaign only.",
    "X6": "Removing or demoting the successor aborts the transfer.",
    "X7": "A preferred region is a policy of the leader; it never vetoes a longer log.",
    "X8": "Commit in two regions, on top of the majority.",
    "C1": "A command of a session applies once, and its first answer is repeated.",
    "C2": "Sessions expire by what is in the log alone; their order is part of the snapshot.",
    "C3": "A late repeat of a registration or an evicted session's command revives and executes nothing.",
    "C4": "A timeout or a lost leadership is reported as unknown, never as failed.",
    "C5": "A waiter succeeds only if the applied entry has the term it was proposed in.",
    "C6": "Missed ticks are counted, after the messages that came meanwhile.",
    "C7": "Outbound queues are bounded; what overflows is dropped and reported.",
    "C8": "Frames are capped, never unpickled, and their sender is proven first.",
    "C9": "Equal inputs give equal bytes.",
}

ELSEWHERE = frozenset({"X8"})
"""Rules without a test: X8 is optional, and not built."""


@dataclass(frozen=True, slots=True, order=True)
class NumberedTest:
    """A test that holds the product to a rule."""

    rule: str
    path: str
    """Relative to the checkout."""
    name: str


def numbered_tests() -> Iterator[NumberedTest]:
    """Every test named after a rule, in order of path and name."""
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if not re.search(r"def test_[a-z]\d+_", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                found := re.match(r"test_([a-z]\d+)_", node.name)
            ):
                yield NumberedTest(found[1].upper(), path.relative_to(TESTS.parent).as_posix(), node.name)
