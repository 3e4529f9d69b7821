"""The examples of docs/crdt.md run, in every order of arrival, and cost what they say."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from dojopool import game as field_types
from dojopool.core.crdt.cell import WIDTH
from dojopool.core.crdt.encoding import Writer
from dojopool.core.crdt.kind import Leaf
from dojopool.core.event import Event
from dojopool.core.match import Match
from dojopool.game import Game, State
from support.builders import form
from support.tidy_tree import ROOT

TEXT = (ROOT / "docs" / "crdt.md").read_text()
FIELD_TYPES = [name for name in field_types.__all__ if name not in ("Breach", "Game", "Severity", "State")]
COST = re.compile(r"(\d+) entr(?:y|ies), (\d+) bytes?")


@dataclass(frozen=True)
class Example:
    """One block of the document, taken apart."""

    field: str
    declared: str
    steps: tuple[tuple[str, str], ...]
    """Event in the notation of `builders`, and the verb it calls."""
    shown: Any
    cost: tuple[int, int]
    """Entries held, and bytes of the field in canonical form."""

    @classmethod
    def parse(cls, block: str) -> Example:
        """The example in the lines of a block."""
        head, *steps, shown, cost = block.strip().splitlines()
        field, _, declared = head.partition(" = ")
        found = COST.fullmatch(cost.removeprefix("= "))
        assert found is not None, cost
        pairs = [step.split(maxsplit=1) for step in steps]
        sums = (int(found[1]), int(found[2]))
        return cls(
            field, declared, tuple((at, call) for at, call in pairs), json.loads(shown.removeprefix("-> ")), sums
        )

    def game(self) -> Game:
        """A game with this one field, whose events are the verbs to call."""
        kind = worked_out(self.declared, vars(field_types))
        made = Game("example", state=type("Example", (State,), {self.field: kind}), schema="none.avsc")

        @made.on("call")
        def call(match: Any, body: Any) -> None:
            worked_out(f"match.{self.field}{body}", {"match": match})

        return made


def worked_out(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression of names, attributes, keys, calls and literals: all that examples are made of."""

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return names.get(node.id) or {"str": str, "int": int}[node.id]
        if isinstance(node, ast.Attribute):
            return getattr(value(node.value), node.attr)
        if isinstance(node, ast.Subscript):
            return value(node.value)[value(node.slice)]
        if isinstance(node, ast.Call):
            named = {str(each.arg): value(each.value) for each in node.keywords}
            return value(node.func)(*map(value, node.args), **named)
        return ast.literal_eval(node)

    return value(ast.parse(text, mode="eval").body)


EXAMPLES = [Example.parse(block) for block in re.findall(r"```example\n(.*?)```", TEXT, re.DOTALL)]


def events_of(example: Example, game: Game) -> list[Event]:
    """The example's events, with their writes."""
    events = []
    for at, call in example.steps:
        said = {**form(at), "type": "call", "body": call}
        event = Event(**said, data=f"{at} {call}".encode())
        event.writes = game.reduce(event)
        events.append(event)
    return events


def entries_in(node: Any, kind: Any) -> int:
    """How many entries are held at and below a node of state."""
    if isinstance(kind, Leaf):
        return len(node) // WIDTH
    return sum(entries_in(child, kind.below(step)) for step, child in kind.held(node))


def bytes_of(match: Match, game: Game) -> int:
    """The length of the only field in canonical form."""
    out = Writer()
    out.clock(match.inbox.delivered)
    before = len(out.buffer)
    [kind] = game.kind.kinds
    kind.encode(game.kind.child(match.root, 0) or kind.empty(), out)
    return len(out.buffer) - before


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{number}-{each.field}" for number, each in enumerate(EXAMPLES)])
def test_an_example_gives_what_it_shows(example: Example) -> None:
    """Value and cost are those of the document, in every order of arrival."""
    game = example.game()
    for order in itertools.permutations(range(len(example.steps))):
        events = events_of(example, game)
        match = Match(game.kind)
        for number in order:
            match.arrive(events[number], game.kind)

        assert match.pending == 0
        assert json.loads(json.dumps(game.kind.plain(match.root)))[example.field] == example.shown
        assert (entries_in(match.root, game.kind), bytes_of(match, game)) == example.cost


@pytest.mark.parametrize("name", FIELD_TYPES)
def test_every_field_type_has_an_example(name: str) -> None:
    """What a game may declare is shown at work."""
    assert any(name in re.findall(r"\w+", example.declared) for example in EXAMPLES)
