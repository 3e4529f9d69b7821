"""Reads wait for an index and for its application, and are answered or refused once."""

from __future__ import annotations

import pytest

from dojopool.core.raft.messages import ReadState
from dojopool.raft_runtime import reads
from dojopool.raft_runtime.reads import ReadQueue


class Asking:
    """The other side of a queue."""

    def __init__(self, *, lease: bool = False) -> None:
        self.contexts: list[bytes] = []
        self.lease = lease
        self.values: list[str] = []
        self.refusals: list[str] = []
        self.queue = ReadQueue(ask=self.contexts.append, holds_lease=lambda: self.lease, first_context=1 << 100)

    def read(self, value: str) -> None:
        """One read that returns `value`."""
        self.queue.add(lambda: value, self.values.append, self.refusals.append)

    def answer(self, index: int, context: bytes | None = None) -> None:
        """The node answers the last question, or another."""
        self.queue.hear((ReadState(index, context or self.contexts[-1]),))


def test_reads_of_one_turn_share_a_question() -> None:
    """All that are new ask once, each later turn with a context of its own."""
    asking = Asking()
    asking.read("a")
    asking.read("b")
    asking.queue.put_questions(until=10)
    asking.queue.put_questions(until=10)
    asking.read("c")
    asking.queue.put_questions(until=10)

    assert len(asking.contexts) == len(set(asking.contexts)) == 2


def test_r4_a_read_waits_for_its_index() -> None:
    """R4: a read runs once what it must show is applied."""
    asking = Asking()
    asking.read("a")
    asking.queue.put_questions(until=10)
    asking.answer(7)
    asking.queue.run(applied=6)
    assert asking.values == []

    asking.queue.run(applied=7)
    asking.queue.run(applied=8)

    assert asking.values == ["a"]


def test_a_refusal_or_silence_refuses() -> None:
    """Index 0 refuses at once, no answer refuses at the end of the wait, and a late answer means nothing."""
    asking = Asking()
    asking.read("a")
    asking.queue.put_questions(until=10)
    asking.answer(0)
    asking.read("b")
    asking.queue.put_questions(until=10)
    asking.queue.expire(tick=9)
    assert len(asking.refusals) == 1

    asking.queue.expire(tick=10)
    asking.answer(5)
    asking.queue.run(applied=5)

    assert (len(asking.refusals), asking.values) == (2, [])


def test_a_read_whose_index_is_not_applied_in_time_is_refused() -> None:
    """A member that was told the index and then cut off does not keep its callers waiting for ever."""
    asking = Asking()
    asking.read("a")
    asking.queue.put_questions(until=10)
    asking.answer(7)
    asking.queue.expire(tick=9)
    assert asking.refusals == []

    asking.queue.expire(tick=10)
    asking.queue.run(applied=7)

    assert (len(asking.refusals), asking.values) == (1, [])


def test_an_answer_to_another_life_means_nothing() -> None:
    """Questions begin at a number drawn by chance, so an answer to a question of before a restart is not taken."""
    asking = Asking()
    asking.read("a")
    asking.queue.put_questions(until=10)
    asking.answer(5, (1).to_bytes(16, "big"))
    asking.queue.run(applied=5)

    assert asking.values == []


def test_a_lease_is_looked_at_after_the_read() -> None:
    """R9: a read by lease counts when the lease still holds after it, else it asks anew."""
    asking = Asking(lease=True)
    asking.read("a")
    asking.queue.put_questions(until=10)
    asking.answer(5)
    asking.lease = False
    asking.queue.run(applied=5)
    assert asking.values == []

    asking.queue.put_questions(until=10)
    asking.answer(6)
    asking.queue.run(applied=6)

    assert asking.values == ["a"]


def test_reads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More reads than may wait are refused; when some were answered there is room again."""
    monkeypatch.setattr(reads, "READS_MAX", 2)
    asking = Asking()
    for name in "abc":
        asking.read(name)
    assert len(asking.refusals) == 1
    asking.queue.put_questions(until=10)
    asking.answer(1)
    asking.queue.run(applied=1)
    asking.read("d")

    assert len(asking.refusals) == 1
    asking.queue.refuse_all("the end")
    assert asking.refusals[1:] == ["the end"]
