"""What a stack is and which processes run it, remembered in one file between `dojo stack` commands.

The layout (regions, ports, partitions) stays when the stack goes down, so that its data and the addresses in a user's
shell are good again after the next `up`. The processes are written as soon as they exist, before anything can fail.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dojopool.errors import CorruptState, Unavailable
from dojopool.local.stack.layout import Layout, RegionPorts, StackState
from dojopool.local.stack.process import ProcessId


def load(folder: Path) -> StackState | None:
    """Return what was saved for this folder, None when nothing was. Raises CorruptState for a file we did not write."""
    path = _path(folder)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return _from_json(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptState(
            f"{path} does not say which processes belong to the stack ({error!r}):"
            f" end its servers by hand, then delete {folder}"
        ) from error


def save(folder: Path, state: StackState) -> None:
    """Replace the file at once: a reader sees the old or the new text, never a part."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = _path(folder).with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state), indent=2) + "\n")
    fresh.replace(_path(folder))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other `dojo stack up` and `down` away from this folder. Raises Unavailable when one is at work."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_suffix(".lock")  # beside the folder, which may be deleted under the lock
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(
                f"another `dojo stack` command is at work on {folder}: wait for it, then try again"
            ) from error
        yield
    finally:
        os.close(descriptor)  # closing lets go of the lock


def _path(folder: Path) -> Path:
    return folder / "stack.json"


def _from_json(value: dict[str, Any]) -> StackState:
    layout = value["layout"]
    return StackState(
        layout=Layout(
            regions={region: RegionPorts(**ports) for region, ports in layout["regions"].items()},
            partitions=int(layout["partitions"]),
            prefixes=tuple(layout["prefixes"]),
        ),
        processes={name: ProcessId(**process) for name, process in value["processes"].items()},
    )
