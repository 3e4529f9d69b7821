"""Raft: a group of members agrees on one log of commands, and goes on while a majority of them can talk.

The problem: several machines shall do the same commands in the same order, none of them lost once it was
acknowledged, though machines stop, disks forget what was not flushed, and the network loses, repeats and reorders.
The idea: one member at a time *leads*; it alone appends, and it needs a majority twice, to become leader and to
commit. Two majorities share a member, so whoever leads next has seen all that was committed.

This package is a state machine without I/O. It takes facts and returns work:

        messages, ticks, proposals                     ┌──────────────────────────────┐
      ──────────────────────────────▶ step tick propose│                              │
                                                       │           RawNode            │
      ◀──────────────────────────────  ready()         │   (this package: no clock,   │
        1 send messages                                │    no disk, no network)      │
        2 store snapshot, entries, hard state ──flush──▶ persisted(n)                 │
        3 apply committed entries ─────────────────────▶ applied(i)                   │
        4 after the flush: send messages_after         └──────────────────────────────┘

Duties of the caller:

 1. Start with what the disk holds (`Stored`), never with less: a disk that lost something is another member.
 2. Pump: while `has_ready()`, take `ready()` and do its parts; Readies are stored in the order of their numbers.
 3. Store snapshot, then entries, then hard state, as one ordered stream; entries overwrite what is at their index.
 4. Send `messages` at once if you like; send `messages_after` only after that Ready is durable, and then call
    `persisted(number)`. A flush that failed is the end: never call it, stop.
 5. Restore the application from a Ready's snapshot before calling `persisted` for it.
 6. Apply `committed` in order, each once; for an entry that changes members, decode it and call `apply_conf_change`;
    then call `applied`.
 7. Call `tick` at a steady rate by a clock that does not jump, and take in what has arrived before the ticks that were
    missed. With leases on, call `observe_time` on every member before what arrived is taken in: a promise to a leader
    counts by it.
 8. Say `report_unreachable` for messages dropped, and `report_snapshot` how each ended.
 9. Messages may be lost, repeated, reordered; they must never be altered, nor come from who is not the member it says.
10. Compact: hand in a durable snapshot of what is applied, or memory grows with the log.

Read `quorum.py`, `progress.py`, `log.py`, `confchange.py` first: each is small and used alone; then `transitions.py`,
`elections.py`, `replication.py`; last `step.py` and `node.py`. Sources: Ongaro and Ousterhout, "In Search of an
Understandable Consensus Algorithm" (extended version); Ongaro's thesis; the shape is etcd-io/raft's. Numbers such as
E16 name the statements of docs/raft.md, each of which has a test of that name.
"""
