"""What clients were told, judged in linear time in every run, and by search in a sample.

Every write is answered with its place among the writes of its key, every read with the number of writes it saw and the
last of them. So answers name places in one list per key, and need only be compared with it: what was answered before
an operation was asked lies below it. The list itself is told again from the committed log by code that shares nothing
with the product's sessions and state machine.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from dojopool.simulation.linearize import Operation, Verdict, check

SEARCHED_MAX: int = 120
"""Operations of one key that are searched through; a longer history is cut there."""


def judge(history: Sequence[Operation], truth: Mapping[int, Sequence[int]]) -> list[str]:
    """What is wrong with the answers, in words; `truth` is each key's list of writes, in the order of the log."""
    found: list[str] = []
    for key in sorted({operation.key for operation in history}):
        operations = [operation for operation in history if operation.key == key]
        found += _against_truth(operations, truth.get(key, ()))
        found += _in_real_time(operations)
    return found


def search(history: Sequence[Operation]) -> list[str]:
    """The keys for which no order explains the answers."""
    found = []
    for key in sorted({operation.key for operation in history}):
        operations = [one for one in history if one.key == key and (one.kind == "write" or one.returned is not None)]
        if check(_beginning(operations), start=(0, 0), step=register) is Verdict.NO:
            found.append(f"no order of its operations explains what clients were told of key {key}")
    return found


def register(state: Hashable, operation: Operation) -> Hashable | None:
    """The state machine once more, as a model for the search."""
    assert isinstance(state, tuple)
    if operation.kind == "write":
        state = (state[0] + 1, operation.value)
    return state if operation.answer is None or operation.answer == state else None


def _beginning(operations: list[Operation]) -> list[Operation]:
    """At most SEARCHED_MAX operations that were called first. Those whose answer came after the cut are open: what
    explains it may have been cut off.
    """
    ordered = sorted(operations, key=lambda one: (one.called, one.value))
    if len(ordered) <= SEARCHED_MAX:
        return ordered
    end = ordered[SEARCHED_MAX].called
    kept = [one for one in ordered[:SEARCHED_MAX] if one.kind == "write" or (one.returned or end) < end]
    return [
        one
        if one.returned is not None and one.returned < end
        else Operation(one.client, one.key, one.kind, one.value, one.called)
        for one in kept
    ]


def _against_truth(operations: Sequence[Operation], truth: Sequence[int]) -> list[str]:
    found = []
    for one in operations:
        if one.answer is None:
            continue
        place, last = one.answer
        there = truth[place - 1] if 0 < place <= len(truth) else 0
        if last != there:
            found.append(f"{_named(one)} was told {one.answer}, but write {place} of key {one.key} is {there}")
        if one.kind == "write" and last != one.value:
            found.append(f"{_named(one)} was told the answer of operation {last}")
    if len(set(truth)) != len(truth):
        twice = sorted({one for one in truth if list(truth).count(one) > 1})
        found.append(f"operation {twice[0]} was applied more than once to key {operations[0].key}")
    return found


def _in_real_time(operations: Sequence[Operation]) -> list[str]:
    """Nothing that was asked after an answer lies before it."""
    found = []
    answered = sorted((one.returned, one.answer[0]) for one in operations if one.returned is not None and one.answer)
    floor, at = 0, 0
    for one in sorted(operations, key=lambda one: one.called):
        while at < len(answered) and answered[at][0] < one.called:
            floor = max(floor, answered[at][1])
            at += 1
        if one.answer and one.answer[0] < floor + (one.kind == "write"):
            found.append(f"{_named(one)} was told place {one.answer[0]} after {floor} had been told to someone")
    return found


def _named(one: Operation) -> str:
    what = f"operation {one.value}" if one.kind == "write" else "a read"
    return f"{what} of client {one.client} at {one.called / 1e6:.3f} s"
