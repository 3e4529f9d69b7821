"""`dojo settings` and the reference written by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dojopool.cli.settings import markdown, reference, settings, value_now
from dojopool.settings import variable_names

ROOT = Path(__file__).parents[3]


def test_the_reference_in_docs_is_current() -> None:
    """docs/settings.md is what `dojo settings --markdown` prints; run it again after changing settings.py."""
    assert (ROOT / "docs/settings.md").read_text() == markdown()


def test_every_variable_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Text, page and JSON name all settings."""
    names = list(variable_names())
    settings(as_json=True)
    as_json = json.loads(capsys.readouterr().out)
    settings()
    as_text = capsys.readouterr().out

    assert [setting["name"] for setting in as_json["settings"]] == names
    assert [line.split()[0] for line in as_text.splitlines() if not line.startswith(" ")] == names
    assert [line.split("`")[1] for line in markdown().splitlines() if line.startswith("| `")] == names


def test_values_of_the_environment_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside each setting stands what it is now, also when it is wrong."""
    monkeypatch.setenv("DOJO_PARTITIONS", "many")
    settings()

    assert "DOJO_PARTITIONS = many" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("DOJO_KAFKA_PASSWORD", "hidden", "***"),
        ("DOJO_REDIS", "redis://:hid,den@host", "***"),
        ("DOJO_REDIS", "redis://host", "redis://host"),
        ("DOJO_KAFKA", "host:9092", "host:9092"),
        ("DOJO_KAFKA", "", None),
    ],
)
def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str | None) -> None:
    """A password is never printed, nor is a URL that holds one."""
    monkeypatch.setenv(name, value)

    assert value_now(name) == shown


def test_defaults_are_shown_as_they_would_be_written() -> None:
    """A default can be copied into the environment as it stands; what is required has none."""
    found = {setting.name: (setting.default, setting.is_required) for setting in reference()}

    assert found["DOJO_PARTITIONS"] == ("16", False)
    assert found["DOJO_KAFKA_TLS"] == ("false", False)
    assert found["DOJO_KAFKA"] == ("", False)
    assert found["DOJO_REGIONS"] == ("", True)
