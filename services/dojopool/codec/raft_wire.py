"""What members of a Raft group say and store, as bytes: messages, entries, snapshots, configurations, hard state.

Everything is little-endian and of fixed width, so that the work per entry is one `struct` step and one slice:

    message   = type:u8 flags:u8 to from term log_term index commit commit_term reject_hint:u64
                length of context:u32, context, length of entries:u32, entries, snapshot if flagged (to the end)
    entries   = count:u32, count times (term:u64 index:u64 type:u8 length:u32), then the data of all, one after another
    snapshot  = index:u64 term:u64, length of config:u32, config, data (to the end)
    config    = auto_leave:u8, four times count:u32; then the ids:u64 of all four, in the order of ConfState
    hard state = term:u64 vote:u64 commit:u64

A value has one form, so equal values give equal bytes. Decoding takes any bytes at all: it returns what they say or
raises RefusedRecord that names the part and the offset, and asks for no memory that the length of the input does not
justify. There is no version here: a connection agrees on one before, a file states it at its head. There is no
checksum either, for frames and log records have their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from struct import Struct
from typing import Final

from dojopool.core.raft.messages import ConfState, Entry, EntryType, HardState, Message, MessageType, Snapshot
from dojopool.errors import RefusedRecord

Bytes = bytes | bytearray | memoryview

_MESSAGE: Final = Struct("<BB8Q")
_ENTRY: Final = Struct("<QQBI")
_SNAPSHOT: Final = Struct("<QQ")
_CONFIG: Final = Struct("<B4I")
_HARD_STATE: Final = Struct("<3Q")
_COUNT: Final = Struct("<I")

_REJECT, _WITH_SNAPSHOT = 1, 2

_ENTRY_TYPES: Final = {int(type_): type_ for type_ in EntryType}
_MESSAGE_TYPES: Final = {int(type_): type_ for type_ in MessageType}


def encode_message(message: Message) -> bytes:
    """Bytes of one message, its snapshot's data included."""
    flags = _REJECT * message.reject | _WITH_SNAPSHOT * (message.snapshot is not None)
    head = _MESSAGE.pack(
        message.type,
        flags,
        message.to,
        message.from_,
        message.term,
        message.log_term,
        message.index,
        message.commit,
        message.commit_term,
        message.reject_hint,
    )
    entries = encode_entries(message.entries)
    snapshot = b"" if message.snapshot is None else encode_snapshot(message.snapshot)
    context = message.context
    return b"".join((head, _COUNT.pack(len(context)), context, _COUNT.pack(len(entries)), entries, snapshot))


def decode_message(data: Bytes) -> Message:
    """Read what `encode_message` wrote; RefusedRecord for anything else."""
    rest = _Rest(data, "message")
    type_, flags, to, from_, term, log_term, index, commit, commit_term, reject_hint = rest.fields(_MESSAGE, "head")
    if type_ not in _MESSAGE_TYPES:
        raise RefusedRecord(f"message: its type is {type_}, known are 1 to {max(_MESSAGE_TYPES)} (offset 0)")
    if flags & ~(_REJECT | _WITH_SNAPSHOT):
        raise RefusedRecord(f"message: unknown flags {flags:#04x} (offset 1)")
    context = bytes(rest.counted("context"))
    entries = _entries(rest.part("entries"))
    snapshot = _snapshot(rest.remainder("snapshot")) if flags & _WITH_SNAPSHOT else None
    rest.end()
    return Message(
        type=_MESSAGE_TYPES[type_],
        to=to,
        from_=from_,
        term=term,
        log_term=log_term,
        index=index,
        commit=commit,
        commit_term=commit_term,
        reject=bool(flags & _REJECT),
        reject_hint=reject_hint,
        entries=entries,
        snapshot=snapshot,
        context=context,
    )


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Bytes of some entries, of any indexes."""
    pack = _ENTRY.pack
    parts = [_COUNT.pack(len(entries))]
    parts += [pack(entry.term, entry.index, entry.type, len(entry.data)) for entry in entries]
    parts += [entry.data for entry in entries]
    return b"".join(parts)


def decode_entries(data: Bytes) -> tuple[Entry, ...]:
    """Read what `encode_entries` wrote; RefusedRecord for anything else. Whether indexes are contiguous is for the
    reader to ask.
    """
    return _entries(_Rest(data, "entries"))


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Bytes of a snapshot, its data last."""
    config = encode_config(snapshot.config)
    return b"".join(
        (_SNAPSHOT.pack(snapshot.index, snapshot.term), _COUNT.pack(len(config)), config, snapshot.data),
    )


def decode_snapshot(data: Bytes) -> Snapshot:
    """Read what `encode_snapshot` wrote; RefusedRecord for anything else."""
    return _snapshot(_Rest(data, "snapshot"))


def encode_config(config: ConfState) -> bytes:
    """Bytes of a configuration."""
    groups = (config.voters, config.learners, config.voters_outgoing, config.learners_next)
    ids = [id_ for group in groups for id_ in group]
    return _CONFIG.pack(config.auto_leave, *map(len, groups)) + Struct(f"<{len(ids)}Q").pack(*ids)


def decode_config(data: Bytes) -> ConfState:
    """Read what `encode_config` wrote; RefusedRecord for anything else, also for ids that are unsorted or repeated."""
    return _config(_Rest(data, "config"))


def encode_hard_state(state: HardState) -> bytes:
    """Bytes of a hard state."""
    return _HARD_STATE.pack(state.term, state.vote, state.commit)


def decode_hard_state(data: Bytes) -> HardState:
    """Read what `encode_hard_state` wrote; RefusedRecord for anything else."""
    rest = _Rest(data, "hard state")
    term, vote, commit = rest.fields(_HARD_STATE, "fields")
    rest.end()
    return HardState(term=term, vote=vote, commit=commit)


def _entries(rest: _Rest) -> tuple[Entry, ...]:
    (count,) = rest.fields(_COUNT, "count of entries")
    heads = rest.take(count * _ENTRY.size, f"heads of {count} entries")
    fields = list(_ENTRY.iter_unpack(heads))
    ends = list(accumulate(length for _, _, _, length in fields))
    data = bytes(rest.take(ends[-1] if ends else 0, f"data of {count} entries"))
    rest.end()
    try:
        return tuple(
            Entry(term, index, _ENTRY_TYPES[type_], data[end - length : end])
            for (term, index, type_, length), end in zip(fields, ends, strict=True)
        )
    except KeyError as unknown:
        known = f"known are 0 to {max(_ENTRY_TYPES)}"
        raise RefusedRecord(f"{rest.what}: an entry is of type {unknown.args[0]}, {known}") from None


def _snapshot(rest: _Rest) -> Snapshot:
    index, term = rest.fields(_SNAPSHOT, "index and term")
    config = _config(rest.part("config"))
    return Snapshot(index=index, term=term, config=config, data=bytes(rest.take(rest.left, "data")))


def _config(rest: _Rest) -> ConfState:
    auto_leave, *counts = rest.fields(_CONFIG, "counts")
    if auto_leave > 1:
        raise RefusedRecord(f"{rest.what}: auto_leave is {auto_leave}, neither 0 nor 1 (offset {rest.start})")
    groups: list[tuple[int, ...]] = []
    for name, count in zip(("voters", "learners", "voters_outgoing", "learners_next"), counts, strict=True):
        offset = rest.offset
        ids = tuple(id_ for (id_,) in Struct("<Q").iter_unpack(rest.take(8 * count, f"{count} ids of {name}")))
        if any(former >= latter for former, latter in zip((0, *ids), ids, strict=False)):
            raise RefusedRecord(f"{rest.what}: the ids of {name} are not ascending from 1 (offset {offset})")
        groups.append(ids)
    rest.end()
    voters, learners, voters_outgoing, learners_next = groups
    return ConfState(voters, learners, voters_outgoing, learners_next, bool(auto_leave))


class _Rest:
    """The part of an input that is not read yet. Offsets in errors count from the start of the whole input."""

    __slots__ = ("_at", "_end", "_view", "start", "what")

    def __init__(self, data: Bytes, what: str, *, start: int = 0, end: int | None = None) -> None:
        self._view = memoryview(data)
        self._at = self.start = start
        self._end = len(self._view) if end is None else end
        self.what = what

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return self._end - self._at

    @property
    def offset(self) -> int:
        """Where the next byte stands in the whole input."""
        return self._at

    def take(self, size: int, name: str) -> memoryview:
        """The next `size` bytes, without copying them."""
        if size > self.left:
            raise RefusedRecord(
                f"{self.what}: the {name} would take {size} bytes at offset {self._at}, {self.left} are left"
            )
        taken = self._view[self._at : self._at + size]
        self._at += size
        return taken

    def fields(self, layout: Struct, name: str) -> tuple[int, ...]:
        """The next fields of fixed width."""
        return layout.unpack(self.take(layout.size, name))

    def counted(self, name: str) -> memoryview:
        """Bytes whose count stands before them."""
        (size,) = self.fields(_COUNT, f"length of {name}")
        return self.take(size, name)

    def part(self, name: str) -> _Rest:
        """As `counted`, to be read on its own."""
        end_of_part = len(self.counted(name))
        return _Rest(self._view, f"{self.what}, {name}", start=self._at - end_of_part, end=self._at)

    def remainder(self, name: str) -> _Rest:
        """All that is left, to be read on its own."""
        start = self._at
        self._at = self._end
        return _Rest(self._view, f"{self.what}, {name}", start=start, end=self._end)

    def end(self) -> None:
        """Claim that everything was read."""
        if self.left:
            raise RefusedRecord(f"{self.what}: {self.left} bytes follow its end at offset {self._at}")
