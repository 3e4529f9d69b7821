"""`dojo rules test` on files; on a log it is run in `tests/stack`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from dojopool.cli.main import app

RULES = """
[[rule]]
name = "company"
holds = "size(match.players) > 1"
[[rule]]
name = "frames"
holds = "match.frames.filter(f, f > 1)"
[[rule]]
name = "careless"
holds = "match.max_score > 1"
"""

EVENT = {"match": "m-1", "node": "eu/a#1", "seq": 1, "stamp": 1, "type": "frame_started"}


def run(tmp_path: Path, *words: str, rules: str = RULES) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `dojo rules test` on a match with frame 3 and no player."""
    (tmp_path / "rules.toml").write_text(rules)
    (tmp_path / "events.jsonl").write_text(json.dumps({**EVENT, "body": {"frame": 3, "breaker": "ana"}}))
    done = CliRunner().invoke(app, ["rules", "test", str(tmp_path / "rules.toml"), *words])
    return done.exit_code, done.stdout, done.stderr


def test_verdicts_come_with_values(tmp_path: Path) -> None:
    """True, false with its keys, or no verdict with the reason; any but true makes the exit code 1."""
    code, out, _ = run(tmp_path, "--sample", str(tmp_path / "events.jsonl"))

    assert code == 1
    assert "m-1  company  false\n    players = []\n" in out
    assert "m-1  frames  false  3\n    frames = {" in out
    assert "m-1  careless  no verdict\n    TypeError: No such overload" in out


def test_json_has_one_object_for_each_verdict(tmp_path: Path) -> None:
    """With the same facts."""
    rules = '[[rule]]\nname = "few"\nholds = "size(match.players) < 3"\n'
    code, out, _ = run(tmp_path, "--sample", str(tmp_path / "events.jsonl"), "--json", rules=rules)

    assert code == 0
    assert json.loads(out) == {
        "match": "m-1",
        "rule": "few",
        "holds": True,
        "keys": [],
        "values": {"players": "[]"},
        "error": None,
    }


def test_without_events_the_file_is_checked(tmp_path: Path) -> None:
    """A mistake is 3, with its place."""
    assert run(tmp_path)[:2] == (0, "3 rules, all of them sound; --match or --sample tries them on events\n")
    code, _, err = run(tmp_path, rules='[[rule]]\nname = "a"\nholds = "1 +"\n')

    assert (code, "rule a: line 1, column 4" in err) == (3, True)


def test_one_source_of_events_is_enough(tmp_path: Path) -> None:
    """Two are a mistake of usage."""
    assert run(tmp_path, "--match", "m-1", "--sample", "x")[0] == 2
