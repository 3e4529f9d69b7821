"""What a checker does between records read and violations to publish, in a process of its own.

    python run_check.py cost RULES MATCHES EVENTS    CPU microseconds per event; RULES is own, or all with ten in CEL
    python run_check.py storm COUNT                  what COUNT violations of one rule leave: seconds, megabytes, open

Batches, matches and events are those of `run_fold.py cost`, so that the two can be compared.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

import psutil
from run_fold import POOL, Folding, Writer, cost

from dojopool.adapters.cel import compile_expression
from dojopool.core.fold import Tally
from dojopool.core.invariants.judge import Finding, Judgement, judge
from dojopool.core.invariants.register import Register
from dojopool.core.invariants.rules import Rule
from dojopool.core.record import Record

EXPRESSIONS: Final = (
    "size(match.players) <= 2",
    "match.frames_to_play == null || size(match.frames) <= match.frames_to_play",
    "match.frames.all(f, match.frames[f].fouls.all(p, match.frames[f].fouls[p] < 10))",
    "match.frames.filter(f, size(match.frames[f].winner) > 1)",
    "match.phase != 'finished' || size(match.frames) > 0",
    "match.max_score == null || match.max_score > 0",
    "match.turn.number == null || match.turn.number <= 100",
    "match.frames.all(f, size(match.frames[f].points) <= 2)",
    "match.players.all(p, size(p) > 0)",
    "size(match.turn.rivals) == 0",
)
BEGINNING: Final = 0.1
"""Part of a storm after which memory is looked at first."""


class Checking(Folding):
    """One partition as a checker owns it, without a log: what is found is dropped."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__()
        self._rules, self._known = rules, Register(rules)

    def take(self, read: Mapping[str, Sequence[Record]]) -> None:
        """Fold the next records of each stream and judge what changed."""
        for region, records in read.items():
            fed = self.partition.feed(region, records)
            assert fed.records == len(records), "a stream was full"
        fold = self.partition.fold
        for match_id in fold.take_changed():
            match = fold.matches[match_id]
            judgements = judge(self._rules, fold.kind, match.root, at_ms=0)
            assert all(judgement.error is None for judgement in judgements), "a rule came to no verdict"
            self._known.judged(match_id, match, judgements, now_s=0.0)


def rules_of(choice: str) -> list[Rule]:
    """The game's rules, and for `all` ten in CEL besides."""
    rules = list(POOL.game.invariants.values())
    if choice == "all":
        checks = [compile_expression(source, POOL.game.kind) for source in EXPRESSIONS]
        rules += [Rule(f"cel-{number}", check, reads=check.reads) for number, check in enumerate(checks)]
    return rules


def storm(count: int) -> dict[str, float]:
    """One rule finds something in `count` matches, a thousand of them a second."""
    rule = Rule("storm", lambda match: False)
    known, fold = Register([rule]), POOL.new_fold()
    record = Writer().record("m", "eu/a#1", "match_finished", {})
    event = fold.read(record.value)
    fold.deliver(event, Tally())  # type: ignore[arg-type]  # it is an event, no mark
    match, found = fold.matches["m"], [Judgement(rule, (Finding("", {}, {}),), 0, None, 0)]
    published, early_mb, started = 0, 0.0, time.process_time()
    for number in range(count):
        published += len(known.judged(f"m{number}", match, found, now_s=number / 1000))
        if number == int(count * BEGINNING):
            early_mb = _resident_mb()
    return {
        "us": (time.process_time() - started) / count * 1e6,
        "grown_mb": _resident_mb() - early_mb,
        "published": published,
        "open": known.open_count,
        "suppressed": known.suppressed[rule.name],
    }


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


if __name__ == "__main__":
    if sys.argv[1] == "cost":
        print(json.dumps(cost(Checking(rules_of(sys.argv[2])), int(sys.argv[3]), 0, "idle", int(sys.argv[4]))))
    else:
        print(json.dumps(storm(int(sys.argv[2]))))
