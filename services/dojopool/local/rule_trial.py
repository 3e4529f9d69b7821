"""Trying rules on matches: of a file of events, or one of a region's log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from dojopool.codec.json_form import event_of
from dojopool.core.event import Event
from dojopool.core.fold import Fold, Tally
from dojopool.core.invariants.evidence import values_at
from dojopool.core.invariants.judge import Judgement, judge
from dojopool.core.invariants.rules import Rule
from dojopool.errors import InvalidEvent
from dojopool.games.loading import LoadedGame, load_game
from dojopool.local.event_lines import Finding, events_in
from dojopool.local.violations import read_events
from dojopool.settings import ClientSettings

Trial = tuple[str, Judgement, dict[str, str]]
"""Match, what a rule says of it, and what stands at the places that the rule reads."""


def judged_events(lines: BinaryIO, loaded: LoadedGame, rules: Sequence[Rule]) -> list[Trial]:
    """Each rule on each match of a file, in order of match. Raises InvalidEvent for a line that is no event."""

    def refuse(finding: Finding) -> None:
        raise InvalidEvent(str(finding))

    fold = loaded.new_fold()
    read = (fold.read(event_of(said, loaded.codec).data) for _, said in events_in(lines, refuse))
    return _judged(fold, (event for event in read if isinstance(event, Event)), rules)


async def judged_match(settings: ClientSettings, match: str, rules: Sequence[Rule]) -> list[Trial]:
    """Each rule on a match as the region's log has it; none when it has no event of it. Raises as `events_of` does."""
    events = await read_events(settings, match)
    return _judged(load_game(settings.game).new_fold(), events, rules)


def _judged(fold: Fold, events: Iterable[Event], rules: Sequence[Rule]) -> list[Trial]:
    tally = Tally()
    for event in events:
        fold.deliver(event, tally)
    return [
        (match_id, judgement, values_at(fold.kind, match.root, judgement.rule.reads))
        for match_id, match in sorted(fold.matches.items())
        for judgement in judge(rules, fold.kind, match.root, at_ms=0)
    ]
