"""Numbers, bases and contexts: what an event may claim to have seen."""

from __future__ import annotations

import pytest

from dojopool.client.author import Author, Knowledge
from dojopool.core.clock import VectorClock
from dojopool.errors import CallerError

NODE, OTHER = "eu/gs-1#a", "us/gs-2#b"


@pytest.fixture
def author() -> Author:
    """An author that has not written."""
    return Author("m-1", NODE)


def write(author: Author, knowledge: Knowledge) -> int | None:
    """Write an event as the desk does, and return what it knows of its own node; None when that is everything."""
    knowledge.follow(author)
    seq = author.seq + 1
    base = None if knowledge.own == author.seq else knowledge.own
    author.wrote(seq, knowledge.context)
    knowledge.wrote(seq)
    return base


def read(author: Author, knowledge: Knowledge, **clock: int) -> None:
    """Read a view with `own` events of the author's node and `other` ones of another."""
    knowledge.read(VectorClock({NODE: clock.get("own", 0), OTHER: clock.get("other", 0)}), author)


def test_a_handle_alone_has_seen_all_it_wrote(author: Author) -> None:
    """Events of the only handle each see the one before."""
    knowledge = Knowledge(NODE)

    assert [write(author, knowledge) for _ in range(3)] == [None, None, None]


def test_handles_have_not_seen_each_others_events(author: Author) -> None:
    """What another handle of the process wrote is not seen until it is read."""
    mine, theirs = Knowledge(NODE), Knowledge(NODE)

    assert [write(author, mine), write(author, theirs), write(author, mine)] == [None, 0, 1]


def test_reading_closes_the_hole_up_to_what_was_read(author: Author) -> None:
    """After a view with event 2, events 3 and 4, which the handle wrote itself, are seen as well."""
    mine, theirs = Knowledge(NODE), Knowledge(NODE)
    bases = [write(author, mine), write(author, theirs), write(author, mine), write(author, mine)]
    assert bases == [None, 0, 1, 1]
    read(author, mine, own=2)

    assert mine.own == 4
    assert write(author, mine) is None


def test_a_view_that_ends_before_the_hole_closes_nothing(author: Author) -> None:
    """Event 3 stays unseen by the handle that wrote 1 and 4, whatever it knows of 1 and 2."""
    mine, theirs = Knowledge(NODE), Knowledge(NODE)
    for knowledge in (mine, theirs, theirs, mine):
        write(author, knowledge)
    read(author, mine, own=2)

    assert mine.own == 2
    assert write(author, mine) == 2


def test_an_event_may_claim_less_than_was_seen_and_never_more(author: Author) -> None:
    """Of two runs behind holes only the last is remembered, so closing the first hole does not count the first."""
    mine, theirs = Knowledge(NODE), Knowledge(NODE)
    for knowledge in (theirs, mine, theirs, mine):
        write(author, knowledge)
    read(author, mine, own=1)
    assert mine.own == 1

    read(author, mine, own=3)
    assert mine.own == 4


def test_the_context_is_what_was_read_without_the_own_node(author: Author) -> None:
    """A view's clock becomes the context, and the own counter the base."""
    knowledge = Knowledge(NODE)
    write(author, knowledge)
    read(author, knowledge, own=1, other=7)

    assert (knowledge.context, knowledge.own) == ({OTHER: 7}, 1)


def test_an_unchanged_context_stays_the_same_object(author: Author) -> None:
    """Reading nothing new does not make a new context, so comparing with the one sent last costs nothing."""
    knowledge = Knowledge(NODE)
    read(author, knowledge, other=7)
    before = knowledge.context
    read(author, knowledge, other=7)

    assert knowledge.context is before


def test_a_view_that_lost_its_tail_takes_no_knowledge_away(author: Author) -> None:
    """What was read once was read, even if the store shows less later."""
    knowledge = Knowledge(NODE)
    write(author, knowledge)
    read(author, knowledge, own=1, other=7)
    read(author, knowledge, other=3)

    assert (knowledge.context, knowledge.own) == ({OTHER: 7}, 1)


def test_own_events_that_were_read_stay_known_too(author: Author) -> None:
    """Also those that another handle wrote, when a later view has lost them."""
    mine, theirs = Knowledge(NODE), Knowledge(NODE)
    write(author, theirs)
    write(author, theirs)
    read(author, mine, own=2)
    read(author, mine, own=1)

    assert mine.own == 2


def test_a_foreign_event_of_the_own_node_is_an_error(author: Author) -> None:
    """A view with more events of the node than were written here shows that the node's name was given twice."""
    write(author, Knowledge(NODE))

    with pytest.raises(CallerError, match=r"event 2 of node eu/gs-1#a, which has written 1 here"):
        read(author, Knowledge(NODE), own=2)


def test_a_renewed_author_begins_again_as_a_new_node(author: Author) -> None:
    """Numbers start at 1 under another name, and the first event has the empty context unless one is sent."""
    knowledge = Knowledge(NODE)
    read(author, knowledge, other=2)
    write(author, knowledge)
    assert author.sent == {OTHER: 2}
    author.renew(certain=0)
    author.renew(certain=0)

    assert (author.node, author.seq, author.sent) == (f"{NODE}.3", 0, {})


def test_after_a_renewal_only_what_is_certain_counts_as_seen(author: Author) -> None:
    """The context names the old node up to the event before the first doubtful one, and no further."""
    knowledge = Knowledge(NODE)
    read(author, knowledge, other=2)
    for _ in range(3):
        write(author, knowledge)
    author.renew(certain=1)

    assert write(author, knowledge) is None
    assert knowledge.context == {NODE: 1, OTHER: 2}


def test_after_a_renewal_a_handle_has_not_seen_more_than_before(author: Author) -> None:
    """A handle that knew nothing of the old node still knows nothing of it."""
    mine, theirs = Knowledge(NODE), Knowledge(NODE)
    write(author, mine)
    write(author, mine)
    author.renew(certain=2)

    assert [write(author, theirs), write(author, mine), write(author, mine)] == [None, 0, 0]
    assert (theirs.context, mine.context) == ({}, {NODE: 2})


def test_a_renewed_author_reads_its_old_node_as_any_other(author: Author) -> None:
    """When a doubtful event turns out to be there, reading it makes it part of the context."""
    knowledge = Knowledge(NODE)
    write(author, knowledge)
    author.renew(certain=0)
    read(author, knowledge, own=1)

    assert (knowledge.node, knowledge.context) == (f"{NODE}.2", {NODE: 1})
