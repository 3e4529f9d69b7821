"""Failpoints: armed by name, reached once, and each of them a step that a replica really takes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dojopool.errors import ConfigError
from dojopool.replica.failpoints import CHECKER_ONLY, OFF, POINTS, Failpoints, Point
from dojopool.replica.marks import MARK_PERIOD_S
from dojopool.replica.status import STATUS_PERIOD_S
from support.pipeline import Pipeline, Scorer, passed


def held_at(point: Point, file: Path, held: list[str]) -> Failpoints:
    """Failpoints that note their name in `held` where the real ones stop the process."""
    return Failpoints(point, file, hold=lambda: held.append(point))


@pytest.mark.parametrize("point", [point for point in POINTS if point not in CHECKER_ONLY])
async def test_a_replica_comes_to_each_failpoint(point: Point, tmp_path: Path) -> None:
    """One that takes a partition over twice, folds events and a damaged record, and stops, passes all of them."""
    held: list[str] = []
    pipeline, scorer = Pipeline(), Scorer()
    pipeline.append(scorer.points("m-1"))
    pipeline.append_raw((b"m-1", b"damaged"))
    pipeline.failpoints = held_at(point, tmp_path / "reached", held)
    for owner in ("replica-1", "replica-2"):
        async with pipeline.replica(owner):
            await pipeline.settled()
            await passed(2 * max(MARK_PERIOD_S, STATUS_PERIOD_S))

    assert held == [point]
    assert (tmp_path / "reached").read_text() == point


def test_it_holds_once(tmp_path: Path) -> None:
    """Who goes on from a failpoint is not held there again, and the others never hold."""
    held: list[str] = []
    failpoints = held_at("read", tmp_path / "reached", held)
    failpoints.reach("folded")
    assert held == []
    failpoints.reach("read")
    failpoints.reach("read")

    assert held == ["read"]


def test_off_holds_nobody() -> None:
    """Without an armed point every step is passed."""
    for point in POINTS:
        OFF.reach(point)


def test_the_whole_process_stands_still_until_it_is_told_to_go_on(tmp_path: Path) -> None:
    """The file is there when the process stops, and after SIGCONT it ends as if nothing had been."""
    reached = tmp_path / "reached"
    code = "import sys; from dojopool.replica.failpoints import Failpoints; Failpoints.parse(sys.argv[1]).reach('read')"
    with subprocess.Popen([sys.executable, "-c", code, f"read:{reached}"]) as process:
        watched = psutil.Process(process.pid)
        while watched.status() != psutil.STATUS_STOPPED:
            assert process.poll() is None, "it went through"
        text = reached.read_text()
        process.send_signal(signal.SIGCONT)

    assert (text, process.returncode) == ("read", 0)


@pytest.mark.parametrize("text", ["writen:file", "written", "written:", ""])
def test_a_failpoint_that_is_none_is_refused(text: str) -> None:
    """The error shows what was found, and which points there are."""
    with pytest.raises(ConfigError, match=r"must be point:file, with a point of claimed, loading"):
        Failpoints.parse(text)
