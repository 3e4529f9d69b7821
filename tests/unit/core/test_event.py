"""Events: what a writer had seen, decided by one look-up."""

from __future__ import annotations

import pytest

from dojopool.core.event import RefusedBody, happened_before
from support.builders import event, node


@pytest.mark.parametrize(
    ("text", "dot", "expected"),
    [
        ("A3", "A2", True),
        ("A3", "A3", False),
        ("A3~1", "A1", True),
        ("A3~1", "A2", False),
        ("A1~0", "A1", False),
        ("A3{B:2}", "B2", True),
        ("A3{B:2}", "B3", False),
        ("A3{B:2}", "C1", False),
        ("A3^", "B1", False),
        ("A3^", "A2", True),
    ],
)
def test_sees(text: str, dot: str, *, expected: bool) -> None:
    """An event had seen a node's events up to its context, and its own up to its base."""
    assert event(text).sees((node(dot[0]), int(dot[1]))) is expected


def test_happened_before() -> None:
    """One event is before another when the other had seen it; neither is so for concurrent ones, nor for itself."""
    first, later, beside = event("A1"), event("B1{A:1}"), event("C1")

    assert happened_before(first, later)
    assert not happened_before(later, first)
    assert not happened_before(first, beside)
    assert not happened_before(beside, first)
    assert not happened_before(first, first)


def test_a_second_client_of_one_node_is_concurrent() -> None:
    """Two writes of one node that had not read each other are concurrent, though they are numbered."""
    first, second = event("A1~0"), event("A2~0")

    assert not happened_before(first, second)
    assert not happened_before(second, first)


def test_an_event_is_named_by_its_dot() -> None:
    """Dot and text name match, node and counter."""
    found = event("A2", match="m-1")

    assert found.dot == ("eu/a#1", 2)
    assert repr(found) == "Event(m-1 eu/a#1:2 ops)"


def test_a_refused_body_says_why() -> None:
    """The reason is what its dead letter will say."""
    assert RefusedBody("too long").reason == "too long"
    assert repr(RefusedBody("too long")) == "RefusedBody('too long')"
