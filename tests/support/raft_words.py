"""Messages as tests say them: only what matters is named."""

from __future__ import annotations

from collections.abc import Iterable

from dojopool.core.raft.messages import Entry, Message, MessageType, Snapshot

At = tuple[int, int]
"""Index and term of an entry."""

START: At = (1, 1)
"""Where every log of these tests begins."""


def append(
    term: int, *, after: At = START, entries: tuple[Entry, ...] = (), commit: int = 0, from_: int = 2, to: int = 1
) -> Message:
    """A leader's append."""
    return Message(
        MessageType.APPEND, to, from_, term, index=after[0], log_term=after[1], entries=entries, commit=commit
    )


def heartbeat(term: int, *, commit: int = 0, from_: int = 2, to: int = 1, context: bytes = b"") -> Message:
    """A leader's heartbeat."""
    return Message(MessageType.HEARTBEAT, to, from_, term, commit=commit, context=context)


def snapshot(term: int, content: Snapshot | None, *, from_: int = 2, to: int = 1) -> Message:
    """A leader's snapshot."""
    return Message(MessageType.SNAPSHOT, to, from_, term, snapshot=content)


def vote(term: int, last: At, *, from_: int = 2, to: int = 1, context: bytes = b"") -> Message:
    """A candidate's request."""
    return Message(MessageType.VOTE, to, from_, term, index=last[0], log_term=last[1], context=context)


def pre_vote(term: int, last: At, *, from_: int = 2, to: int = 1) -> Message:
    """A request for a term that is not begun yet."""
    return Message(MessageType.PRE_VOTE, to, from_, term, index=last[0], log_term=last[1])


def granted(term: int, *, from_: int, to: int = 1) -> Message:
    """A vote."""
    return Message(MessageType.VOTE_RESPONSE, to, from_, term)


def refused(term: int, *, from_: int, to: int = 1) -> Message:
    """A refused vote."""
    return Message(MessageType.VOTE_RESPONSE, to, from_, term, reject=True)


def ack(term: int, index: int, *, from_: int, to: int = 1) -> Message:
    """All up to `index` is durable at `from_`."""
    return Message(MessageType.APPEND_RESPONSE, to, from_, term, index=index)


def of_type(messages: Iterable[Message], *types: MessageType, to: int | None = None) -> list[Message]:
    """The messages of some types, to one receiver or to all."""
    return [message for message in messages if message.type in types and to in (None, message.to)]
