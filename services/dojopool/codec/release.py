"""Releasing a schema: keeping the form that records are written with, under the name of its fingerprint, for ever.

A released file is never edited and never removed: records written with it may lie in a log, and a reader without it
cannot read them. The name proves the content, so a change shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dojopool.codec import avro, schema_files
from dojopool.errors import GameError


@dataclass(frozen=True, slots=True)
class Release:
    """A schema file, or a released form of one."""

    path: Path
    fingerprint: str
    """Hex, in the order of a record's header."""
    is_released: bool
    """Whether its bytes' meaning is kept under `released`: true of released forms, and of a schema equal to one."""


def release(path: Path) -> Path:
    """Keep the schema at `path` as released, and return where; does nothing when it is there already.

    Raises GameError when the schema is refused.
    """
    target = _target(path)
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    return target


def releases(path: Path) -> list[Release]:
    """The schema at `path` and its released forms. Raises GameError when a released file is not what its name says."""
    found = [Release(path, _fingerprint(path), is_released=_target(path).exists())]
    for file in schema_files.released(path):
        fingerprint = _fingerprint(file)
        if file.name != f"{path.stem}-{fingerprint}.avsc":
            raise GameError(f"{file} holds schema {fingerprint}: a released schema was edited; restore it")
        found.append(Release(file, fingerprint, is_released=True))
    return found


def _target(path: Path) -> Path:
    return path.parent / "released" / f"{path.stem}-{_fingerprint(path)}.avsc"


def _fingerprint(path: Path) -> str:
    return avro.parse(schema_files.load(path)).fingerprint.hex()
