"""`dojo match` on a running `dojo dev`: what is printed, for people and for programs, and the exit codes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app
from dojopool.cli.match import changes, printable
from dojopool.local.dev import dev
from dojopool.local.league import SAMPLE, MatchPlan, read_league
from dojopool.local.matches import open_matches

PLAN = read_league(SAMPLE)[0]


@pytest.fixture(autouse=True)
def _own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty data folder."""
    monkeypatch.setenv("DOJO_DATA_DIR", str(tmp_path))


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[MatchPlan]:
    """A match that was played to its end in a running `dojo dev`."""
    async with dev([PLAN], data_dir=tmp_path, port=0):
        async with open_matches() as matches:
            async for view in matches.watch(PLAN.match):
                if view["state"]["phase"] == "finished":
                    break
        yield PLAN


async def start(*words: str) -> Process:
    """Start `dojo match` as a process, to interrupt it."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dojopool", "match", *words, stdout=PIPE, stderr=PIPE
    )


async def run(*words: str) -> tuple[int, str, str]:
    """Exit code, output and complaints of `dojo match`, run in a thread, since it brings an event loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["match", *words])
    return result.exit_code, result.stdout, result.stderr


async def test_a_match_is_shown_to_people(played: MatchPlan) -> None:
    """The state is a tree; what is in it, what waits and how fresh it is stand above."""
    code, out, err = await run("show", played.match)

    assert (code, err) == (0, "")
    assert out.startswith(f"match {played.match} in eu, changed 2")
    assert " events in it, 0 waiting; newest marks: eu " in out
    assert "├── phase finished" in out
    assert "│   ├── 1" in out
    assert "\x1b" not in out


async def test_a_match_is_shown_to_programs(played: MatchPlan) -> None:
    """`--json` is one object; the region may be chosen."""
    code, out, _ = await run("show", played.match, "--region", "us", "--json")
    view = json.loads(out)

    assert code == 0
    assert (view["match"], view["region"], view["state"]["phase"]) == (played.match, "us", "finished")
    assert out.count("\n") == 1


async def test_an_unknown_match_is_1(played: MatchPlan) -> None:
    """Nothing is printed for a match that nobody plays, and the exit code says so; a bad name is told apart."""
    unknown, bad = await run("show", "nobody-plays-this"), await run("show", "m 1")

    assert unknown == (1, "", "nothing is known of match nobody-plays-this there\n")
    assert bad[:2] == (1, "")
    assert bad[2].startswith("error: match 'm 1' is not 1 to 128 of letters")


async def test_the_newest_matches_are_listed(played: MatchPlan) -> None:
    """The list says when each match changed, and that there may be more when it is full."""
    (code, out, err), (json_code, json_out, _) = await run("list", "--limit", "1"), await run("list", "--json")

    assert (code, json_code) == (0, 0)
    assert out.endswith(f"  {played.match}\n")
    assert "--limit shows them" in err
    assert [row["match"] for row in json.loads(json_out)["matches"]] == [played.match]


async def test_a_watch_goes_on_until_interrupted(played: MatchPlan) -> None:
    """A watch prints what there is at once, stays, and ends with 130 on Ctrl-C."""
    process = await start("watch", played.match, "--json")
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), timeout=60)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), timeout=60)

    assert json.loads(line)["match"] == played.match
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_a_watch_for_people_says_when_there_is_nothing(played: MatchPlan) -> None:
    """A watch of a match that nobody knows says so, and waits."""
    process = await start("watch", "nobody-plays-this")
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), timeout=60)
    process.terminate()
    await asyncio.wait_for(process.communicate(), timeout=60)

    assert line == b"nothing is known of match nobody-plays-this in eu yet\n"


async def test_nothing_to_read_from_is_4() -> None:
    """Without Redis and without `dojo dev` the exit code is 4, with what to do."""
    code, out, err = await run("show", "m-1")

    assert (code, out) == (4, "")
    assert "Start `dojo dev`, or set DOJO_REDIS" in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [("žofia", "žofia"), ("a\x1b[31mb", "a\\x1b[31mb"), ("a\nb", "a\\nb"), ("\x9b1m", "\\x9b1m"), ("[red]", "[red]")],
)
def test_names_cannot_steer_a_terminal(text: str, shown: str) -> None:
    """What a terminal would act on is escaped; what people write stays."""
    assert printable(text) == shown


def test_changes_name_paths_and_values() -> None:
    """Each value that differs is a line, however deep; what is empty before and after is none."""
    before = {"phase": None, "frames": {"1": {"points": {"ana": 3}, "winner": []}}, "players": ["ana"]}
    after = {
        "phase": "live",
        "frames": {"1": {"points": {"ana": 5, "bo": 1}, "winner": []}, "2": {"points": {}, "winner": ["bo", "ana"]}},
        "players": [],
    }

    assert list(changes(before, after)) == [
        "phase: - -> live",
        "frames.1.points.ana: 3 -> 5",
        "frames.1.points.bo: - -> 1",
        "frames.2.winner: - -> bo, ana",
        "players: ana -> -",
    ]
    assert list(changes(after, after)) == []
    assert list(changes({"frames": {"1": {"winner": ["ana"]}}}, {"frames": {}})) == ["frames.1.winner: ana -> -"]
