"""Expressions in CEL: what they say of a match, and the limits they are held to."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.adapters.cel import STEPS_MAX, compile_expression
from dojopool.core.crdt.view import View
from dojopool.core.invariants.judge import judge
from dojopool.core.invariants.rules import Breach, Rule
from dojopool.errors import ConfigError
from support.pipeline import POOL, Scorer, folded

KIND = POOL.game.kind


def said(source: str, *values: bytes) -> Any:
    """What an expression says of the match m-1 of these events."""
    root = folded(*values).root if values else KIND.empty()
    return compile_expression(source, KIND)(KIND.view(KIND.plain(root)))


def rivals() -> list[bytes]:
    """Two winners of frame 2, and points in frame 1."""
    eu, us = Scorer(), Scorer("us/gs-2#b")
    return [
        eu.event("m-1", "frame_finished", {"frame": 2, "winner": "ana"}),
        us.event("m-1", "frame_finished", {"frame": 2, "winner": "ben"}),
        eu.points("m-1", 3),
    ]


def test_an_expression_says_true_or_false() -> None:
    """It sees fields, keys of their own type, lists and null."""
    assert said("match.max_score == null && size(match.players) == 0") is True
    assert said("match.frames[1].points['ana'] == 3 && match.turn.number == null", *rivals()) is True
    assert said("match.frames.all(f, size(match.frames[f].winner) <= 1)", *rivals()) is False


def test_a_list_names_the_keys_that_are_broken() -> None:
    """Each key is a breach of its own."""
    rule = "match.frames.filter(f, size(match.frames[f].winner) > 1)"

    assert said(rule, *rivals()) == [Breach("2")]
    assert said(rule) == []


def test_what_it_reads_are_the_fields_it_names() -> None:
    """The fields are the rule's values and evidence; text in quotes and comments name none."""
    check = compile_expression("match.phase != 'match.turn' && size(match . players) > 1 // match.frames", KIND)

    assert check.reads == (("phase",), ("players",))


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("1 +", "line 1, column 4: mismatched input"),
        ("true &&\n  match.nope > 1", "line 2, column 9: a match has no field nope; the fields are phase"),
        ("now > 1", "line 1, column 1: there is no now: an expression sees only match"),
        ("1 < sleep(1)", "line 1, column 5: there is no function sleep"),
        ("timestamp('2020-01-01T00:00:00Z') == 1", "no function timestamp"),
        ("(" * 60 + "1" + ")" * 60, "51 nested brackets, at most 50"),
        ("true" + " && [1].all(x, x > 0)" * 9, "9 loops, at most 8"),
        ("[1].all(a, [1].all(b, [1].all(c, [1].all(d, a+b+c+d > 0))))", "4 nested loops, at most 3"),
        ("true || " * 300 + "true", "2404 characters, at most 2000"),
        ("", "line 1, column 1"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_place(source: str, fault: str) -> None:
    """An operator finds the mistake from the message."""
    with pytest.raises(ConfigError, match=f".*{fault.replace('(', '.').replace(')', '.')}"):
        compile_expression(source, KIND)


def test_a_run_over_the_limit_is_cut_off_before_it_starts() -> None:
    """The longest list to the power of the nesting counts; the limit depends on the state alone."""
    view = View(dict.fromkeys(KIND.names) | {"players": tuple(f"p{number}" for number in range(450))})
    single = compile_expression("match.players.all(a, size(a) > 0)", KIND)
    double = compile_expression("match.players.all(a, match.players.all(b, size(a) + size(b) > 0))", KIND)

    assert STEPS_MAX < 450**2
    assert single(view) is True
    with pytest.raises(ValueError, match="cut off: 2 nested loops over 450 entries"):
        double(view)


@pytest.mark.parametrize("source", ["3", "[1.5]", "{'a': 1}", "[true]", "match.turn", "null"])
def test_an_answer_that_is_none_is_a_fault_of_the_rule(source: str) -> None:
    """True, false or keys; nothing else has a meaning."""
    with pytest.raises(TypeError, match="must come to true, false or a list of keys"):
        said(source)


def test_faults_of_expressions_are_findings_beside_others() -> None:
    """A value that is missing, or null where a number is needed, hides no other; each match is its own view."""
    sources = {
        "lacks": "match.frames[1].winner == []",
        "nulls": "match.max_score > 3",
        "fine": "size(match.players) < 1",
    }
    rules = [Rule(name, compile_expression(source, KIND)) for name, source in sources.items()]
    lacks, nulls, fine = judge(rules, KIND, KIND.empty(), at_ms=0)
    joined = folded(Scorer().event("m-1", "player_joined", {"player": "ana"}))

    assert lacks.error is not None
    assert nulls.error is not None
    assert nulls.error.startswith("TypeError: No such overload")
    assert fine.is_valid
    assert [result.is_valid for result in judge(rules, KIND, joined.root, at_ms=0)] == [False, False, False]
