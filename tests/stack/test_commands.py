"""`dojo play` and `dojo match` on a real Kafka and Redis, with a replica between, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dojopool.cli.main import app
from dojopool.local.league import COLUMNS

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

DEADLINE_S = 60.0
"""For what was played to show; a second on an idle machine."""

ROWS = ["m1,2017-02-28,v,alternate,2,ana,bo,1,ana,10,4,", "m1,2017-02-28,v,alternate,2,ana,bo,2,bo,0,10,"]


@pytest.fixture(autouse=True)
def _deployment(
    kafka: str, redis_url: str, unique_prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """A deployment of one region, with its topics and one replica."""
    for name in [name for name in os.environ if name.startswith("DOJO_")]:
        monkeypatch.delenv(name)
    settings = {"REGION": "eu", "KAFKA": kafka, "REDIS": redis_url, "PREFIX": unique_prefix, "PARTITIONS": "3"}
    for name, value in {**settings, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"DOJO_{name}", value)
    assert dojo("topics", "create").exit_code == 0
    with (
        (tmp_path / "replica.log").open("wb") as log,
        subprocess.Popen([sys.executable, "-m", "dojopool", "replica"], stdout=log, stderr=log) as replica,
    ):
        yield
        replica.terminate()
        assert replica.wait(timeout=60) == 0


def dojo(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, words)


def shown(match: str, *, events: int) -> dict[str, Any]:
    """The match, once so many events are in it or wait for others."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        run = dojo("match", "show", match, "--json")
        if run.exit_code == 0:
            view: dict[str, Any] = json.loads(run.stdout)
            if sum(view["clock"].values()) + view["pending"] == events:
                return view
    raise AssertionError(f"match {match} did not show {events} events in time: {run.stdout}{run.stderr}")


def test_a_league_is_played_and_shown(tmp_path: Path) -> None:
    """A league file is on Kafka with every event accepted, and its match is shown as the file says."""
    (tmp_path / "league.csv").write_text("\n".join([",".join(COLUMNS), *ROWS, ""]))
    before = dojo("match", "show", "m1")
    played = dojo("play", str(tmp_path / "league.csv"), "--json")
    report = json.loads(played.stdout)
    view = shown("m1", events=9)

    assert (before.exit_code, played.exit_code) == (1, 0)
    assert (report["matches"], report["events"], report["accepted"], report["left_out"]) == (1, 9, 9, 0)
    assert view["state"]["phase"] == "finished"
    assert view["state"]["frames"] == {
        "1": {"breaker": "ana", "points": {"ana": 10, "bo": 4}, "fouls": {}, "winner": ["ana"]},
        "2": {"breaker": "bo", "points": {"bo": 10}, "fouls": {}, "winner": ["bo"]},
    }
    assert dojo("match", "list").stdout.endswith("  m1\n")


def test_events_are_played_as_they_are(tmp_path: Path) -> None:
    """Events of a file keep their node and number, twice is once, what cannot be sent is named, and folding the file
    gives the same state.
    """
    event = {
        "match": "m2",
        "node": "eu/hand#1",
        "seq": 1,
        "stamp": 5,
        "type": "player_joined",
        "body": {"player": "ana"},
    }
    waiting = {**event, "seq": 3, "body": {"player": "bo"}}
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(json.dumps(waiting) + "\n" + json.dumps(event) + "\n")
    bad.write_text(json.dumps(event) + "\n" + json.dumps({**event, "node": "us/hand#1"}) + "\n")
    plays = [dojo("play", str(good)), dojo("play", str(bad), "--json")]
    view, folded = shown("m2", events=2), json.loads(dojo("fold", str(good)).stdout)

    assert [play.exit_code for play in plays] == [0, 1]
    assert plays[1].stderr == "line 2: node us/hand#1 writes in region us, this plays in eu only\n"
    assert json.loads(plays[1].stdout)["sent"] == 1
    assert view["clock"] == {"eu/hand#1": 1}
    assert {name: view[name] for name in ("match", "clock", "state", "pending")} == {
        name: folded[name] for name in ("match", "clock", "state", "pending")
    }
