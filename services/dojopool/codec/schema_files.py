"""Where schemas are: carried inside an installed package, or beside the sources in a checkout.

A schema's *released* forms lie in the directory `released` beside it, each named by its fingerprint. Nothing is looked
up in a registry: what a program can read is decided by the files it was installed with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dojopool.errors import GameError

_PACKAGE = Path(__file__).parents[1]


def directory(package: Path = _PACKAGE) -> Path:
    """The directory of our own schemas: the package's, or the checkout's when the package carries none."""
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parents[1] / "schemas"


def find(schema: str | Path) -> Path:
    """The file of a schema: a bare name such as `event.avsc` is one of ours, anything with a directory is a path.

    Raises GameError when there is no such file.
    """
    path = Path(schema)
    if schema == path.name:
        path = directory() / path
    if not path.is_file():
        raise GameError(f"schema {str(schema)!r} was looked for at {path}, where there is no file")
    return path


def released(path: Path) -> Sequence[Path]:
    """The released forms of the schema at `path`, by name; none when it has no directory `released` beside it."""
    name = re.compile(re.escape(path.stem) + r"-[0-9a-f]{16}\.avsc")
    return sorted(file for file in (path.parent / "released").glob("*.avsc") if name.fullmatch(file.name))


def load(path: Path) -> Any:
    """The schema in a file. Raises GameError when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GameError(f"{path} is not a schema: {error}") from error
