"""Whoever waits for a place in the log hears once what became of it."""

from __future__ import annotations

from dojopool.core.raft.sessions import Answer, AnswerKind
from dojopool.raft_runtime.results import Outcome, Waiters
from support.raft_groups import Inbox

ANSWER = Answer(AnswerKind.APPLIED, b"1")


def waiting(*places: int, term: int = 2) -> tuple[Waiters, list[Inbox]]:
    """Proposals of one term at these places."""
    waiters, inboxes = Waiters(), [Inbox() for _ in places]
    for place, inbox in zip(places, inboxes, strict=True):
        waiters.add(index=place, term=term, done=inbox)
    return waiters, inboxes


def test_the_entry_of_the_term_it_was_proposed_in_is_success() -> None:
    """C5: a waiter succeeds when the entry applied at its place has its term; others go on waiting."""
    waiters, (first, second) = waiting(4, 6)
    waiters.applied(3, 2, ANSWER)
    assert (first.outcome, len(waiters)) == (None, 2)

    waiters.applied(4, 2, ANSWER)

    assert (first.outcome, first.answer, second.outcome) == (Outcome.COMMITTED, ANSWER, None)


def test_c5_the_entry_of_another_term_is_a_rejection() -> None:
    """C5: when another term's entry is applied at its place, a proposal is lost for good."""
    waiters, (told,) = waiting(4)
    waiters.applied(4, 3, ANSWER)

    assert told.outcome is Outcome.REJECTED
    assert "overwritten by one of term 3" in told.results[0].why
    assert len(waiters) == 0


def test_giving_up_is_unknown() -> None:
    """C4, S12: who is given up hears that nothing is known, and whom to ask."""
    waiters, (first, second) = waiting(4, 6)
    waiters.give_up("deposed", 3)

    assert (first.outcome, second.outcome, len(waiters)) == (Outcome.UNKNOWN, Outcome.UNKNOWN, 0)
    assert (second.results[0].index, second.results[0].leader, second.results[0].why) == (6, 3, "deposed")
