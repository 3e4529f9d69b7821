"""Which disk each other member had when it was first seen, kept in a file.

A member whose disk was wiped or swapped has forgotten votes and entries that it promised to keep (rule D11). It still
has its name and its certificate, so only the random identity on the disk tells the two apart. The first one seen is
kept, and is durable before a message of that member is believed; another one is refused for good, because a member
without its memory is another voter: it joins again as a learner under a new id. Ids are never used twice, so there is
no way to forget an entry here.

A disk that was wiped before this member ever saw it cannot be noticed here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from dojopool.adapters.raft_frames import Rejected
from dojopool.adapters.raft_handshake import DISK_ID_BYTES
from dojopool.errors import CorruptState

MEMBERS_MAX = 10_000
"""Members that a group ever had. A file beyond is not one of ours."""


class KnownDisks:
    """The file of one member. Whoever opened it owns it alone."""

    def __init__(self, path: Path) -> None:
        """Read `path`, which need not exist yet. Raises CorruptState when it is damaged: it is never taken as empty."""
        self._path = path
        self._known = _read(path)

    def check(self, member: int, disk_id: bytes) -> None:
        """Let pass the disk that `member` had when it was first seen. The first one is durable on return.

        Raises Rejected for another disk. Blocks on the disk the first time.
        """
        known = self._known.get(member)
        if known is None:
            written = {**self._known, member: disk_id}
            _write(self._path, written)
            self._known = written
        elif known != disk_id:
            raise Rejected(
                "disk",
                f"member {member} comes with disk {disk_id.hex()}, known is {known.hex()} ({self._path}): its disk was"
                " wiped or swapped, and with it what it had promised; remove it from the group and let it join again"
                " as a learner under a new id",
            )


def _read(path: Path) -> dict[int, bytes]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    try:
        known = {int(member): bytes.fromhex(disk_id) for member, disk_id in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise CorruptState(
            f"{path} does not hold the disks of members ({error}): restore it, or start a new member"
        ) from error
    if len(known) > MEMBERS_MAX or any(len(disk_id) != DISK_ID_BYTES for disk_id in known.values()):
        raise CorruptState(f"{path} holds identities that no disk has: restore it, or start a new member")
    return known


def _write(path: Path, known: dict[int, bytes]) -> None:
    new = path.with_name(path.name + ".new")
    with new.open("w") as file:
        json.dump({str(member): known[member].hex() for member in sorted(known)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
