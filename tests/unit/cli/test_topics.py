"""`dojo topics` without a server; what it does with one is in `tests/stack/test_topics.py`."""

from __future__ import annotations

import json
import shlex

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "DOJO_REGIONS is not set"),
        ({"DOJO_REGIONS": "eu,us"}, "DOJO_KAFKA is not set"),
        ({"DOJO_REGIONS": "eu,us", "DOJO_KAFKA": "eu=127.0.0.1:1"}, "region us needs one too"),
    ],
)
@pytest.mark.parametrize("verb", ["create", "check"])
def test_missing_settings_are_3(
    verb: str, settings: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of any server before all of them are known."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke(app, ["topics", verb])

    assert run.exit_code == 3
    assert said in run.stderr


def test_a_silent_kafka_is_4(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """A Kafka that is not there ends the command with 4 and its address."""
    monkeypatch.setenv("DOJO_REGION", "eu")
    monkeypatch.setenv("DOJO_KAFKA", f"127.0.0.1:{unused_tcp_port}")
    run = CliRunner().invoke(app, ["topics", "check"])

    assert run.exit_code == 4
    assert str(unused_tcp_port) in run.stderr


def test_the_commands_of_the_rules_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is asked; one command a line, for every region that has an address, as a shell takes it."""
    monkeypatch.setenv("DOJO_REGIONS", "eu,us")
    monkeypatch.setenv("DOJO_PREFIX", "staging")
    monkeypatch.setenv("DOJO_KAFKA", "eu=a:1,us=b:2")
    run, as_json = CliRunner().invoke(app, ["topics", "acls"]), CliRunner().invoke(app, ["topics", "acls", "--json"])
    lines = run.stdout.splitlines()

    assert run.exit_code == 0
    assert lines[0] == (
        "kafka-acls.sh --bootstrap-server a:1 --command-config admin.properties --add"
        " --allow-principal User:staging-sdk --operation Write --topic staging.events.eu"
    )
    assert [shlex.split(line) for line in lines] == [each["command"] for each in json.loads(as_json.stdout)["acls"]]
    assert any("b:2" in line and "staging.events.us" in line for line in lines)
