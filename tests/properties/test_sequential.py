"""On one node, without concurrency, every type is the plain Python thing that its name promises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.builders import form
from support.everything import At, plain, replay
from support.strategies import VERBS

LEVELS = ("low", "middle", "high")

START: dict[str, Any] = {"total": 0, "tally": 0, "open": False, "shut": False}
START |= {field: [] for field in ("rivals", "tags", "bans", "notes")}


def stepped(field: str, value: Any, verb: str, arguments: tuple[Any, ...]) -> Any:
    """What a plain variable holds after one verb, when it held `value`."""
    argument = arguments[0] if arguments else None
    if verb == "set":
        return [argument] if field == "rivals" else argument
    if verb == "raise_to":
        return max(argument, argument if value is None else value, key=LEVELS.index)
    if verb == "lower_to":
        return argument if value is None else min(argument, value)
    if verb in ("enable", "disable", "reset", "clear"):
        return {"enable": True, "disable": False, "reset": 0, "clear": []}[verb]
    if verb == "append":
        return [*value, argument]
    if verb == "remove":
        return [element for element in value if element != argument]
    return value + argument if field in ("total", "tally") else sorted({*value, argument})


@pytest.mark.parametrize("field", [field for field in VERBS if field != "turn"])
def test_sequential_twin(field: str) -> None:
    """One writer who has read everything sees its own writes, one after the other."""

    @given(st.lists(st.sampled_from(VERBS[field]), max_size=12))
    @settings(max_examples=40)
    def check(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
        value = START.get(field)
        forms = []
        for seq, (verb, arguments) in enumerate(steps, start=1):
            value = stepped(field, value, verb, arguments)
            forms.append(form(f"A{seq}", getattr(At(field), verb)(*arguments)))

        assert plain(replay(forms))[field] == value

    check()


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("xyz")), min_size=1, max_size=12))
def test_sequential_turns(claims: list[tuple[int, str]]) -> None:
    """One writer's turns: the first to claim a number keeps it, and the highest number is current."""
    first: dict[int, str] = {}
    for number, holder in claims:
        first.setdefault(number, holder)
    current, *earlier = sorted(first, reverse=True)
    match = replay([form(f"A{seq}", At("turn").claim(*claim)) for seq, claim in enumerate(claims, start=1)])

    assert plain(match)["turn"] == {
        "number": current,
        "holder": first[current],
        "previous": first[earlier[0]] if earlier else None,
        "rivals": sorted({holder for number, holder in claims if number == current} - {first[current]}),
    }
