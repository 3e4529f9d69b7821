"""What readers are shown, rendered piece by piece as events arrive, is what the whole state says."""

from __future__ import annotations

from random import Random

import pytest

from dojopool.core.match import Match
from dojopool.replica.rendering import render, to_json
from support.everything import KIND, event_of
from support.laws import arrivals
from support.strategies import seeded_world


@pytest.mark.parametrize("seed", range(12))
def test_fields_rendered_after_each_event_are_up_to_date(seed: int) -> None:
    """A reader who keeps every field as last rendered sees the whole state, whatever was remembered in between."""
    chance = Random(seed)
    match, kept = Match(KIND), dict[str, bytes]()
    for form in arrivals(seeded_world(seed).events, chance):
        _, fields, _ = match.arrive(event_of(form), KIND)
        kept |= render("m", match, KIND, fields=fields, at_ms=0).fields

        plain = KIND.plain(match.root)
        for name in KIND.names:
            assert kept.get(name, to_json(KIND.plain(KIND.empty())[name])) == to_json(plain[name])
