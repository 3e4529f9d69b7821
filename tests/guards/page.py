"""docs/guards.md, written from the bank: run this file after changing it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from guards.bank import GUARDS
from guards.fencing import REDIS_GUARDS
from guards.headers import KAFKA_GUARDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guards.md"

INTRODUCTION = """# Guards that are known to work

A guard that nobody ever saw fail is a hope. So each one below is taken out of the product, by a patch with its name in
`tests/guards/`, and a short scenario is played on the sound build and on the broken one. What readers see in the end is
compared with what the oracle works out from the events that were accepted, and the oracle shares no code with the
product. The sound build must hold, and the broken one must lose or double something without a word; a broken build that
is not caught fails the tests (`tests/guards/test_guards.py`, and `test_guards_redis.py` and `test_guards_kafka.py` on
real servers). Where an event counts that no sound build accepts, it hides or outdoes one that was accepted: a loss too.

Some guards stop a partition and say why. There the sound build must have said so and left the state as it was.

*Written by `PYTHONPATH=tests python tests/guards/page.py`; a test keeps it current.*

| guard | what it does | without it | then | is | scenario |
|---|---|---|---|---|---|
"""


def markdown() -> str:
    """The page."""
    rows = (
        f"| {guard.name} | {guard.guards} | {guard.broken} | {guard.shows} | {guard.harm} | {_told(guard.scenario)} |"
        for guard in (*GUARDS, *REDIS_GUARDS, *KAFKA_GUARDS)
    )
    return INTRODUCTION + "\n".join(rows) + "\n"


def _told(scenario: object) -> str:
    """What happens in a scenario: the sentence of its docstring, on one line."""
    played = scenario.args[0] if isinstance(scenario, partial) else scenario
    return " ".join((played.__doc__ or "").split())


if __name__ == "__main__":
    PAGE.write_text(markdown(), encoding="utf-8")
