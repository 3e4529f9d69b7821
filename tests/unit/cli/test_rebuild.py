"""`dojo rebuild` without a server; what it does with one is in `tests/stack/test_operating.py`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app


@pytest.mark.parametrize(
    ("settings", "words", "code", "said"),
    [
        ({}, ("--partition", "0"), 3, "DOJO_REGIONS is not set"),
        ({"DOJO_REGION": "eu"}, (), 2, "--partition"),
        ({"DOJO_REGION": "eu", "DOJO_PARTITIONS": "4"}, ("--partition", "4"), 2, "there are 4, numbered from 0"),
        ({"DOJO_REGION": "eu"}, ("--partition", "0"), 3, "DOJO_REDIS is not set"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_touched(
    settings: dict[str, str], words: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that there is none of, and settings that are missing."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke(app, ["rebuild", *words])

    assert run.exit_code == code
    assert said in " ".join(run.stderr.replace("│", " ").split())


def test_a_silent_kafka_is_4(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """The command ends, with the address that did not answer."""
    monkeypatch.setenv("DOJO_REGION", "eu")
    monkeypatch.setenv("DOJO_KAFKA", f"127.0.0.1:{unused_tcp_port}")
    monkeypatch.setenv("DOJO_REDIS", f"redis://127.0.0.1:{unused_tcp_port}")
    run = CliRunner().invoke(app, ["rebuild", "--partition", "0"])

    assert run.exit_code == 4
    assert str(unused_tcp_port) in run.stderr
