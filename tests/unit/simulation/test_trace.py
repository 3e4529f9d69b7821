"""A run as lines."""

from __future__ import annotations

import json

from dojopool.simulation.options import plan
from dojopool.simulation.run import run
from dojopool.simulation.trace import print_trace


def test_a_trace_tells_every_step_and_changes_none() -> None:
    """Each line is an object with time and node, in the order of time; the last is the verdict of the same run."""
    lines = list[str]()
    small = plan(3, seconds=3.0, with_=("crashes", "wiped-disk"))
    outcome = print_trace(small, lines.append)
    told = [json.loads(line) for line in lines]

    assert outcome.digest == run(small).digest
    assert told[-1]["digest"] == outcome.digest
    assert [line["ms"] for line in told[:-1]] == sorted(line["ms"] for line in told[:-1])
    assert {"started", "ready", "durable", "sends", "crashed"} <= {line["event"] for line in told[:-1]}
