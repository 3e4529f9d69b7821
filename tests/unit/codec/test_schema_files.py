"""Schemas are found in an installed package and in a checkout, and released forms beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.codec.schema_files import directory, find, load, released
from dojopool.errors import GameError

CHECKOUT = Path(__file__).parents[3]


def test_a_checkout_has_its_schemas_beside_the_sources() -> None:
    """Without schemas in the package, those of the checkout are used."""
    assert directory() == CHECKOUT / "schemas"


def test_an_installed_package_has_its_schemas_inside(tmp_path: Path) -> None:
    """Schemas inside the package come first."""
    package = tmp_path / "site" / "dojopool"
    (package / "schemas").mkdir(parents=True)
    (tmp_path / "schemas").mkdir()

    assert directory(package) == package / "schemas"


def test_a_bare_name_is_one_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without a directory does not depend on where the program was started."""
    (tmp_path / "event.avsc").write_text("{}")
    monkeypatch.chdir(tmp_path)

    assert find("event.avsc") == CHECKOUT / "schemas" / "event.avsc"
    assert find(Path("event.avsc")).read_text() == "{}"
    assert find("./event.avsc") != CHECKOUT / "schemas" / "event.avsc"


@pytest.mark.parametrize("name", ["missing.avsc", "/nowhere/event.avsc", "released"])
def test_a_missing_file_is_named(name: str) -> None:
    """The error says where was looked."""
    with pytest.raises(GameError, match=name):
        find(name)


def test_released_forms_lie_beside_a_schema(tmp_path: Path) -> None:
    """Only files named after the schema and a fingerprint are released forms of it, in order of name."""
    schema = tmp_path / "event.avsc"
    assert list(released(schema)) == []
    kept = tmp_path / "released"
    kept.mkdir()
    for name in ("event-00000000000000bb.avsc", "event-00000000000000aa.avsc"):
        (kept / name).write_text("{}")
    for name in ("event-draft.avsc", "mark-00000000000000aa.avsc", "event-00000000000000AA.avsc", "event.avsc"):
        (kept / name).write_text("{}")

    assert [file.name for file in released(schema)] == ["event-00000000000000aa.avsc", "event-00000000000000bb.avsc"]


@pytest.mark.parametrize("content", [b"{", b"", b"\xff"])
def test_a_file_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    """The error says which file it is."""
    path = tmp_path / "bad.avsc"
    path.write_bytes(content)

    with pytest.raises(GameError, match=r"bad\.avsc"):
        load(path)
