"""Random values of the words that members of a Raft group exchange."""

from __future__ import annotations

from hypothesis import strategies as st

from dojopool.core.raft.messages import ConfState, Entry, EntryType, HardState, Message, MessageType, Snapshot

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
"""Terms, indexes and ids as they go over the wire: mostly small, at times as large as they can be."""

ids = st.lists(st.integers(1, 2**64 - 1), max_size=6, unique=True).map(lambda found: tuple(sorted(found)))

entries = st.builds(Entry, term=numbers, index=numbers, type=st.sampled_from(EntryType), data=st.binary(max_size=40))

configs = st.builds(
    ConfState, voters=ids, learners=ids, voters_outgoing=ids, learners_next=ids, auto_leave=st.booleans()
)

snapshots = st.builds(Snapshot, index=numbers, term=numbers, config=configs, data=st.binary(max_size=100))

hard_states = st.builds(HardState, term=numbers, vote=numbers, commit=numbers)

messages = st.builds(
    Message,
    type=st.sampled_from(MessageType),
    to=numbers,
    from_=numbers,
    term=numbers,
    log_term=numbers,
    index=numbers,
    commit=numbers,
    commit_term=numbers,
    reject=st.booleans(),
    reject_hint=numbers,
    entries=st.lists(entries, max_size=5).map(tuple),
    snapshot=st.none() | snapshots,
    context=st.binary(max_size=20),
)
