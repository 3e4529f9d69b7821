"""Names of matches, nodes and regions, and the limits of an envelope."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core import names as names_module
from dojopool.core.event import STAMP_MAX
from dojopool.core.names import (
    CONTEXT_NODES_MAX,
    COUNTER_MAX,
    envelope_fault,
    mark_fault,
    match_fault,
    node_fault,
    region_fault,
    region_of,
)

GOOD: dict[str, Any] = {"match": "m-1", "node": "eu/a#1", "seq": 2, "base": None, "context": None, "stamp": 1}


@pytest.mark.parametrize("match", ["m", "M.1_2:3-4", "9" * 128])
def test_a_good_match_has_no_fault(match: str) -> None:
    """A match is 1 to 128 letters, digits, dots, underscores, colons and hyphens."""
    assert match_fault(match) is None


@pytest.mark.parametrize("match", ["", "m" * 129, "m 1", "m/1", "m#1", "é", "m\n", "\ud800", "٣"])
def test_a_bad_match_has_a_fault(match: str) -> None:
    """Nothing else is a match, and the fault shows it in ASCII."""
    fault = match_fault(match)

    assert fault is not None
    assert fault.isascii()
    assert ascii(match) in fault or len(match) > 100


@pytest.mark.parametrize("node", ["eu/gs-7#k3f9a2", "e/i#1", f"{'r' * 32}/{'i' * 64}#{'c' * 64}", "eu-1/A.b_c#-"])
def test_a_good_node_has_no_fault(node: str) -> None:
    """A node is a region, an instance and an incarnation."""
    assert node_fault(node) is None


@pytest.mark.parametrize(
    "node",
    [
        "",
        "eu/a",
        "eu#1",
        "/a#1",
        "eu/#1",
        "eu/a#",
        "EU/a#1",
        "eu/a#1#2",
        "eu/a/b#1",
        "eu/a#1\n",
        "eu /a#1",
        f"{'r' * 33}/a#1",
        f"eu/{'i' * 65}#1",
        f"eu/a#{'c' * 65}",
    ],
)
def test_a_bad_node_has_a_fault(node: str) -> None:
    """A node that lacks a part, or has one too long or with other characters, is refused."""
    assert node_fault(node) is not None


def test_the_region_of_a_node_is_its_first_part() -> None:
    """A node writes in the region its name begins with."""
    assert region_of("eu-west/a.b#1") == "eu-west"


@pytest.mark.parametrize(
    ("region", "good"), [("eu", True), ("r" * 32, True), ("", False), ("EU", False), ("r" * 33, False)]
)
def test_a_region_is_small_letters_digits_and_hyphens(region: str, *, good: bool) -> None:
    """A region's name fits in a topic's name and a node's."""
    assert (region_fault(region) is None) is good


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 1},
        {"seq": COUNTER_MAX, "base": COUNTER_MAX - 1},
        {"base": 0},
        {"base": 1},
        {"context": {}},
        {"context": {"us/b#1": COUNTER_MAX}},
        {"context": {f"us/{n}#1": 1 for n in range(CONTEXT_NODES_MAX)}},
        {"stamp": 0},
        {"stamp": STAMP_MAX},
    ],
)
def test_an_envelope_at_its_limits_has_no_fault(change: dict[str, Any]) -> None:
    """The limits themselves are allowed."""
    assert envelope_fault(**{**GOOD, **change}) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"match": "m 1"}, "match"),
        ({"match": 1}, "match"),
        ({"node": "eu"}, "node"),
        ({"node": None}, "node"),
        ({"seq": 0}, "seq"),
        ({"seq": COUNTER_MAX + 1}, "seq"),
        ({"seq": True}, "seq"),
        ({"seq": 1.0}, "seq"),
        ({"seq": None}, "seq"),
        ({"base": -1}, "base"),
        ({"base": 2}, "base"),
        ({"base": False}, "base"),
        ({"context": []}, "context"),
        ({"context": {"us": 1}}, "context"),
        ({"context": {1: 1}}, "context"),
        ({"context": {"eu/a#1": 1}}, "context"),
        ({"context": {"us/b#1": 0}}, "context"),
        ({"context": {"us/b#1": COUNTER_MAX + 1}}, "context"),
        ({"context": {"us/b#1": True}}, "context"),
        ({"context": {f"us/{n}#1": 1 for n in range(CONTEXT_NODES_MAX + 1)}}, "context"),
        ({"stamp": -1}, "stamp"),
        ({"stamp": STAMP_MAX + 1}, "stamp"),
        ({"stamp": "1"}, "stamp"),
    ],
)
def test_a_bad_field_of_an_envelope_is_named(change: dict[str, Any], named: str) -> None:
    """What is beyond a limit, or of another type, is a fault that begins with the field's name."""
    fault = envelope_fault(**{**GOOD, **change})

    assert fault is not None
    assert fault.startswith(named)


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"tick": COUNTER_MAX, "time_ms": 0}, True),
        ({"tick": 0}, False),
        ({"tick": COUNTER_MAX + 1}, False),
        ({"time_ms": -1}, False),
        ({"time_ms": COUNTER_MAX + 1}, False),
        ({"region": "EU"}, False),
    ],
)
def test_a_mark_has_a_region_a_tick_from_one_and_a_time(change: dict[str, Any], *, good: bool) -> None:
    """A mark beyond its limits has a fault."""
    fields: dict[str, Any] = {"region": "eu", "tick": 1, "time_ms": 5, **change}

    assert (mark_fault(**fields) is None) is good


def test_a_long_name_of_a_node_is_refused_without_being_remembered() -> None:
    """Names come from outside, up to the size of a record: what is cached of them must stay small."""
    assert node_fault("eu/" + "a" * 64 + "#" + "b" * 64) is None
    before = names_module._short_node_fault.cache_info().currsize
    fault = node_fault("eu/" + "a" * 60_000 + "#b")

    assert fault is not None
    assert "characters" in fault
    assert names_module._short_node_fault.cache_info().currsize == before
