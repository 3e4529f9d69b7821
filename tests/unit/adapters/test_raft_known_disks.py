"""A member is known by the disk that it had when it was first seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.adapters.raft_frames import Rejected
from dojopool.adapters.raft_known_disks import KnownDisks
from dojopool.errors import CorruptState


def test_the_first_disk_is_kept(tmp_path: Path) -> None:
    """The first disk passes, again and after a restart; another one is refused with what to do."""
    path = tmp_path / "disks.json"
    known = KnownDisks(path)
    known.check(2, b"a" * 16)
    known.check(3, b"b" * 16)
    for again in (known, KnownDisks(path)):
        again.check(2, b"a" * 16)
        again.check(3, b"b" * 16)
        with pytest.raises(Rejected, match="join again as a learner under a new id") as refused:
            again.check(2, b"b" * 16)
        assert refused.value.kind == "disk"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"two": "00"}', '{"2": "zz"}', '{"2": 5}', '{"2": "00"}'])
def test_a_damaged_file_is_not_taken_as_empty(tmp_path: Path, text: str) -> None:
    """A file that says nothing sure stops the member: as an empty one it would let any disk pass."""
    path = tmp_path / "disks.json"
    path.write_text(text)

    with pytest.raises(CorruptState, match=r"disks\.json"):
        KnownDisks(path)
    assert path.read_text() == text
