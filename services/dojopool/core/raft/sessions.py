"""Commands that are applied once, however often they are proposed.

The problem: a client that heard nothing, because the leader stopped or the network did, cannot know whether its
command is in the log. If it proposes it again, the log may hold it twice. The idea: the client registers a *session*
and numbers its commands; every member remembers, as part of the replicated state, which numbers of a session it
applied and what the answers were, and gives a repeated command its first answer (rule C1).

What is remembered is bounded, and what is forgotten is decided by the log alone, so that all members forget the same
(rule C2): of a session the answers to its highest numbers, of the sessions those used last. A forgotten session is
gone: its id is the index of the entry that registered it, which no later entry can have, so that nothing revives it,
and its late commands are refused without being executed (rule C3). A number at or below one whose answer was forgotten
is refused too, for whether it was applied is not known any more. Such a client does not know what became of its
command; it must look, not repeat.

A session may have several commands on their way, and they may be committed in another order than sent.

Left out: time. A session that is not used is forgotten only when its place is needed. Source: Ongaro's thesis, 6.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

from dojopool.errors import CallerError, CorruptState

NO_SESSION = 0


class CommandKind(IntEnum):
    """What a command asks for. The values are stored: never renumber them."""

    PLAIN = 0
    """Apply the payload, as often as it is committed."""
    REGISTER = 1
    """Begin a session."""
    ONCE = 2
    """Apply the payload unless the session did so under this number."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a client proposes. Raises CallerError for a kind and numbers that do not go together."""

    kind: CommandKind
    session: int = NO_SESSION
    """The id that registering answered, for ONCE."""
    number: int = 0
    """Counts a session's commands from 1, for ONCE; a repeated command keeps its number."""
    payload: bytes = b""

    def __post_init__(self) -> None:
        belongs = self.kind is CommandKind.ONCE
        numbers = (self.session, self.number)
        if not all((0 < one < 1 << 64) if belongs else one == 0 for one in numbers):
            raise CallerError(
                f"a {self.kind.name} command has session {self.session} and number {self.number}: ONCE needs both,"
                " from 1 to 2**64 - 1, the others have none"
            )


class AnswerKind(Enum):
    """What became of a committed command."""

    APPLIED = "applied"
    REPEATED = "repeated"
    """It was applied before; this is the first answer."""
    EXPIRED = "expired"
    """Its session was forgotten or never was. It was not executed now."""
    FORGOTTEN = "forgotten"
    """The answers to its number and those near it are forgotten. It was not executed now."""
    MALFORMED = "malformed"
    """It is no command; nothing was executed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a committed command."""

    kind: AnswerKind
    data: bytes = b""
    """What the application answered, for APPLIED and REPEATED; for REGISTER see `session_of`."""


_HEAD = struct.Struct(">BQQ")
_ID = struct.Struct(">Q")
_TABLE = struct.Struct(">III")
_SESSION = struct.Struct(">QQI")
_ANSWER = struct.Struct(">QI")


def encode(command: Command) -> bytes:
    """The data of an entry that carries `command`."""
    return _HEAD.pack(command.kind, command.session, command.number) + command.payload


def decode(data: bytes) -> Command:
    """Undo `encode`. Raises CorruptState for what it cannot have made."""
    try:
        kind, session, number = _HEAD.unpack_from(data)
        return Command(CommandKind(kind), session, number, data[_HEAD.size :])
    except (struct.error, ValueError, CallerError) as error:
        raise CorruptState(f"{len(data)} bytes are no command: {error}") from None


def session_of(answer: Answer) -> int:
    """The id of the session that a REGISTER began."""
    (session,) = _ID.unpack(answer.data)
    return int(session)


class _Session:
    """The answers of one session."""

    __slots__ = ("answers", "floor")

    def __init__(self, floor: int = 0) -> None:
        self.floor = floor
        """The highest number whose answer was forgotten."""
        self.answers: dict[int, bytes] = {}


class Sessions:
    """The sessions of a group, as of one applied index. Part of the replicated state, so of every snapshot."""

    def __init__(self, *, sessions_max: int = 1024, answers_max: int = 64) -> None:
        """All members must have the same limits, or they would forget differently. `answers_max` is per session, and at
        least the number of commands that a client has on their way.
        """
        if sessions_max < 1 or answers_max < 1:
            raise CallerError(f"sessions_max={sessions_max} and answers_max={answers_max} must be at least 1")
        self._sessions_max, self._answers_max = sessions_max, answers_max
        self._sessions: dict[int, _Session] = {}
        """In the order of their last use, the least recent first."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session: int) -> bool:
        return session in self._sessions

    def apply(self, index: int, data: bytes, run: Callable[[int, bytes], bytes]) -> Answer:
        """Apply the committed entry at `index` whose data is `data`; `run(index, payload)` executes, and is called at
        most once. Whatever the data is, all members answer alike; only what `run` raises gets out.
        """
        try:
            command = decode(data)
        except CorruptState:
            return Answer(AnswerKind.MALFORMED)
        if command.kind is CommandKind.REGISTER:
            return self._register(index)
        if command.kind is CommandKind.PLAIN:
            return Answer(AnswerKind.APPLIED, run(index, command.payload))
        return self._once(index, command, run)

    def _register(self, index: int) -> Answer:
        assert index not in self._sessions, f"entry {index} was applied twice"
        while len(self._sessions) >= self._sessions_max:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[index] = _Session()
        return Answer(AnswerKind.APPLIED, _ID.pack(index))

    def _once(self, index: int, command: Command, run: Callable[[int, bytes], bytes]) -> Answer:
        session = self._sessions.pop(command.session, None)
        if session is None:
            return Answer(AnswerKind.EXPIRED)
        self._sessions[command.session] = session  # At the end: it was used last.
        if command.number in session.answers:
            return Answer(AnswerKind.REPEATED, session.answers[command.number])
        if command.number <= session.floor:
            return Answer(AnswerKind.FORGOTTEN)
        answer = session.answers[command.number] = run(index, command.payload)
        if len(session.answers) > self._answers_max:
            lowest = min(session.answers)
            del session.answers[lowest]
            session.floor = lowest
        return Answer(AnswerKind.APPLIED, answer)

    # ---- snapshots -------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All of it, equal bytes for equal states; the order in which sessions are forgotten is part of it."""
        parts = [_TABLE.pack(self._sessions_max, self._answers_max, len(self._sessions))]
        for id_, session in self._sessions.items():
            parts.append(_SESSION.pack(id_, session.floor, len(session.answers)))
            for number, answer in sorted(session.answers.items()):
                parts += (_ANSWER.pack(number, len(answer)), answer)
        return b"".join(parts)

    def restore(self, data: bytes) -> None:
        """Become what `snapshot` said. Raises CorruptState, and changes nothing, when no sessions of these limits can
        have said it.
        """
        try:
            self._sessions = self._read(data)
        except (struct.error, ValueError) as error:
            raise CorruptState(f"{len(data)} bytes hold no sessions: {error}") from None

    def _read(self, data: bytes) -> dict[int, _Session]:
        sessions_max, answers_max, count = _TABLE.unpack_from(data)
        if (sessions_max, answers_max) != (self._sessions_max, self._answers_max):
            raise ValueError(
                f"they were kept with limits {sessions_max} and {answers_max}, here they are {self._sessions_max} and"
                f" {self._answers_max}: all members must have the same"
            )
        sessions: dict[int, _Session] = {}
        at = _TABLE.size
        for _ in range(count):
            id_, floor, answers = _SESSION.unpack_from(data, at)
            session, at = _Session(floor), at + _SESSION.size
            for _ in range(answers):
                number, size = _ANSWER.unpack_from(data, at)
                at += _ANSWER.size + size
                session.answers[number] = data[at - size : at]
            if id_ in sessions or len(session.answers) != answers or answers > answers_max:
                raise ValueError(f"session {id_} is there twice, or its answers are")
            sessions[id_] = session
        if at != len(data) or count > sessions_max:
            raise ValueError(f"{count} sessions end at byte {at}")
        return sessions
