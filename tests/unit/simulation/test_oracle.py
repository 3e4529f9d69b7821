"""Answers are judged against the log and against the order of time."""

from __future__ import annotations

from dojopool.simulation.linearize import Operation
from dojopool.simulation.oracle import SEARCHED_MAX, judge, register, search

GOOD = [
    Operation(1, 0, "write", 7, 0, 10, (1, 7)),
    Operation(2, 0, "read", 0, 5, 6, (0, 0)),
    Operation(1, 0, "write", 8, 20, None, None),
    Operation(2, 0, "read", 0, 30, 31, (2, 8)),
    Operation(2, 1, "read", 0, 32, 33, (0, 0)),
]
TRUTH = {0: [7, 8]}


def test_a_good_history_passes() -> None:
    """Answers that name places in the log, in the order of time, are right."""
    assert judge(GOOD, TRUTH) == []
    assert search(GOOD) == []


def test_an_answer_that_the_log_does_not_hold_is_found() -> None:
    """A place that holds another write, or none, was told wrongly."""
    assert "is 0" in judge([Operation(1, 0, "write", 7, 0, 10, (1, 7))], {})[0]
    assert "is 9" in judge([Operation(1, 0, "write", 7, 0, 10, (1, 7))], {0: [9]})[0]


def test_the_answer_of_another_operation_is_found() -> None:
    """A write is answered with itself."""
    found = judge([Operation(1, 0, "write", 7, 0, 10, (2, 8))], TRUTH)

    assert found == ["operation 7 of client 1 at 0.000 s was told the answer of operation 8"]


def test_a_stale_read_is_found_by_both() -> None:
    """A read asked after a write was answered lies at or above it."""
    history = [Operation(1, 0, "write", 7, 0, 10, (1, 7)), Operation(2, 0, "read", 0, 11, 12, (0, 0))]

    assert "place 0 after 1" in judge(history, {0: [7]})[0]
    assert search(history) != []


def test_a_write_applied_twice_is_found() -> None:
    """Each write is once in its key's list."""
    assert "more than once" in judge([Operation(1, 0, "write", 7, 0, 10, (1, 7))], {0: [7, 7]})[0]


def test_keys_do_not_know_of_each_other() -> None:
    """The order between keys is nobody's promise, and each is judged alone."""
    history = [Operation(1, 0, "write", 7, 0, 10, (1, 7)), Operation(2, 1, "read", 0, 11, 12, (0, 0))]

    assert judge(history, {0: [7]}) == []
    assert search(history) == []


def test_a_long_history_is_searched_at_its_beginning() -> None:
    """What comes after the cut is left out, and what overlaps it stays open."""
    history = [Operation(1, 0, "write", n, 10 * n, 10 * n + 5, (n, n)) for n in range(1, 2 * SEARCHED_MAX)]
    late = Operation(2, 0, "read", 0, 5, 10 * SEARCHED_MAX + 100, (SEARCHED_MAX + 5, SEARCHED_MAX + 5))

    assert search([*history, late]) == []
    assert search([Operation(2, 0, "read", 0, 25, 26, (0, 0)), *history]) != []


def test_the_model_counts_writes() -> None:
    """A write makes the next place; an answer that differs is refused."""
    assert register((1, 7), Operation(1, 0, "write", 8, 0)) == (2, 8)
    assert register((1, 7), Operation(1, 0, "read", 0, 0, 1, (1, 7))) == (1, 7)
    assert register((1, 7), Operation(1, 0, "read", 0, 0, 1, (0, 0))) is None
