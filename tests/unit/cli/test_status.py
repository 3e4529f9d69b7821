"""`dojo status` without a server; what it shows of one is in `tests/stack/test_operating.py`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app


@pytest.fixture(autouse=True)
def _silent_servers(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    monkeypatch.setenv("DOJO_REGIONS", "eu,us")
    for name, scheme in (("DOJO_KAFKA", ""), ("DOJO_REDIS", "redis://")):
        address = f"{scheme}127.0.0.1:{unused_tcp_port}"
        monkeypatch.setenv(name, f"eu={address},us={address}")


def test_silent_servers_are_4_and_in_the_report(unused_tcp_port: int) -> None:
    """Every region is in it, with what did not answer; nothing is called good."""
    run, told = CliRunner().invoke(app, ["status", "--json"]), CliRunner().invoke(app, ["status", "--regions", "us"])
    report = json.loads(run.stdout)

    assert (run.exit_code, told.exit_code) == (4, 4)
    assert report["ok"] is False
    assert [region["region"] for region in report["regions"]] == ["eu", "us"]
    assert all(region["mode"] is None for region in report["regions"])
    assert str(unused_tcp_port) in report["regions"][0]["problems"][0]
    assert told.stdout == "region us: not known\n"
    assert f"us: starting a reader: Kafka at 127.0.0.1:{unused_tcp_port} does not answer" in told.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [("DOJO_KAFKA", "DOJO_KAFKA is not set"), ("DOJO_REDIS", "DOJO_REDIS is not set")],
)
def test_missing_settings_are_3(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named before any server is asked."""
    monkeypatch.delenv(name)
    run = CliRunner().invoke(app, ["status"])

    assert run.exit_code == 3
    assert said in run.stderr
