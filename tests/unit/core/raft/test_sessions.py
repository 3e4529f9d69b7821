"""Sessions: a command that is proposed again is applied once, and all members forget the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojopool.core.raft.sessions import (
    Answer,
    AnswerKind,
    Command,
    CommandKind,
    Sessions,
    decode,
    encode,
    session_of,
)
from dojopool.errors import CallerError, CorruptState


class Runs:
    """An application that remembers what it executed."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def __call__(self, index: int, payload: bytes) -> bytes:
        self.payloads.append(payload)
        return b"%d:%s" % (len(self.payloads), payload)


REGISTER = encode(Command(CommandKind.REGISTER))


def once(session: int, number: int, payload: bytes = b"x") -> bytes:
    """The data of a command of a session."""
    return encode(Command(CommandKind.ONCE, session, number, payload))


def registered(sessions: Sessions, index: int) -> int:
    """Begin a session with entry `index`."""
    return session_of(sessions.apply(index, REGISTER, Runs()))


def test_c1_a_repeated_command_is_executed_once() -> None:
    """C1: the second of two equal commands gets the first one's answer and executes nothing."""
    sessions, run = Sessions(), Runs()
    id_ = registered(sessions, 7)

    assert Answer(AnswerKind.APPLIED, b"1:pay") == sessions.apply(8, once(id_, 1, b"pay"), run)
    assert Answer(AnswerKind.REPEATED, b"1:pay") == sessions.apply(9, once(id_, 1, b"pay"), run)
    assert run.payloads == [b"pay"]


def test_c1_the_first_answer_survives_a_snapshot() -> None:
    """C1: a member that was restored from a snapshot repeats answers as the others do."""
    sessions, run = Sessions(), Runs()
    id_ = registered(sessions, 7)
    sessions.apply(8, once(id_, 1), run)
    restored = Sessions()
    restored.restore(sessions.snapshot())

    assert Answer(AnswerKind.REPEATED, b"1:x") == restored.apply(9, once(id_, 1), run)
    assert run.payloads == [b"x"]


def test_commands_of_a_session_may_be_committed_out_of_order() -> None:
    """A lower number that comes later is executed, for it was not before."""
    sessions, run = Sessions(), Runs()
    id_ = registered(sessions, 7)
    sessions.apply(8, once(id_, 2, b"second"), run)

    assert AnswerKind.APPLIED is sessions.apply(9, once(id_, 1, b"first"), run).kind
    assert run.payloads == [b"second", b"first"]


def test_a_forgotten_answer_is_not_executed_again() -> None:
    """A number that may have been applied before is refused once its answer is forgotten."""
    sessions, run = Sessions(answers_max=2), Runs()
    id_ = registered(sessions, 7)
    for number in (1, 2, 3):
        sessions.apply(7 + number, once(id_, number), run)

    assert Answer(AnswerKind.FORGOTTEN) == sessions.apply(11, once(id_, 1), run)
    assert AnswerKind.REPEATED is sessions.apply(12, once(id_, 2), run).kind
    assert len(run.payloads) == 3


def test_c2_the_session_unused_for_longest_makes_room() -> None:
    """C2: which session is forgotten follows from the order of the log, a repeated command counting as use."""
    sessions, run = Sessions(sessions_max=2), Runs()
    old, new = registered(sessions, 1), registered(sessions, 2)
    sessions.apply(3, once(old, 1), run)
    newest = registered(sessions, 4)

    assert [old in sessions, new in sessions, newest in sessions] == [True, False, True]
    assert len(sessions) == 2


def test_c2_eviction_order_is_part_of_the_snapshot() -> None:
    """C2: a restored member forgets the same session next as one that saw the whole log."""
    sessions, run = Sessions(sessions_max=2), Runs()
    old, new = registered(sessions, 1), registered(sessions, 2)
    sessions.apply(3, once(old, 1), run)
    restored = Sessions(sessions_max=2)
    restored.restore(sessions.snapshot())
    for member in (sessions, restored):
        registered(member, 4)

    assert new not in restored
    assert sessions.snapshot() == restored.snapshot()


def test_c3_nothing_revives_a_forgotten_session() -> None:
    """C3: a command or a second registering that comes late executes nothing and brings no old session back."""
    sessions, run = Sessions(sessions_max=1), Runs()
    gone = registered(sessions, 1)
    other = registered(sessions, 2)

    assert Answer(AnswerKind.EXPIRED) == sessions.apply(3, once(gone, 1), run)
    assert gone not in sessions
    assert registered(sessions, 4) not in (gone, other)
    assert run.payloads == []


def test_a_plain_command_is_executed_each_time() -> None:
    """Without a session nothing is remembered."""
    sessions, run = Sessions(), Runs()
    plain = encode(Command(CommandKind.PLAIN, payload=b"p"))

    assert [sessions.apply(index, plain, run).data for index in (1, 2)] == [b"1:p", b"2:p"]


@given(st.binary(max_size=40))
def test_no_data_stops_a_member(data: bytes) -> None:
    """Whatever is committed gets an answer, the same on every member."""
    answers = [Sessions().apply(1, data, Runs()) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (answers[0].kind is AnswerKind.MALFORMED) == (not is_command(data))


def is_command(data: bytes) -> bool:
    """Whether `data` decodes."""
    try:
        return encode(decode(data)) == data
    except CorruptState:
        return False


@pytest.mark.parametrize(
    ("kind", "session", "number"),
    [(CommandKind.ONCE, 0, 1), (CommandKind.ONCE, 1, 0), (CommandKind.PLAIN, 1, 0), (CommandKind.ONCE, 1, 1 << 64)],
)
def test_a_command_whose_numbers_do_not_fit_is_refused(kind: CommandKind, session: int, number: int) -> None:
    """A command says the session and number that its kind needs, and no others."""
    with pytest.raises(CallerError, match=kind.name):
        Command(kind, session, number)


@given(st.binary(max_size=60))
def test_damaged_snapshots_are_refused_whole(data: bytes) -> None:
    """Sessions either become exactly what the bytes say or stay as they were."""
    sessions = Sessions(sessions_max=3, answers_max=2)
    registered(sessions, 5)
    before = sessions.snapshot()
    for damaged in (data, before[: len(data)], before + data[:1]):
        expected = before
        try:
            sessions.restore(damaged)
            expected = damaged
        except CorruptState:
            pass

        assert expected == sessions.snapshot()


def test_other_limits_are_refused() -> None:
    """A member with other limits would forget differently, so it does not start from the group's snapshot."""
    with pytest.raises(CorruptState, match="limits 3 and 64"):
        Sessions().restore(Sessions(sessions_max=3).snapshot())


def test_limits_below_one_are_refused() -> None:
    """A table that can remember nothing is a mistake."""
    with pytest.raises(CallerError, match="sessions_max=0"):
        Sessions(sessions_max=0)
