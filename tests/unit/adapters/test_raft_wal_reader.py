"""Damage is told from the trace of a crash, and refused with file, offset and remedy; rule numbers are those of
docs/raft.md.
"""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from dojopool.adapters.raft_wal_form import frames, read_header
from dojopool.adapters.raft_wal_reader import BOOKMARK, Bookmark, read_directory
from dojopool.core.raft.messages import HardState, Stored
from dojopool.errors import CorruptState
from dojopool.raft_ports import DiskWrite
from support.fragile_files import FragileFiles, Inode
from support.raft_disks import Compaction, Step, after, entries, opened, perform, perform_all, snapshot, story

STEPS: list[Step] = [
    DiskWrite(1, HardState(1, 2, 0), entries(1, 1, 1)),
    DiskWrite(2, entries=entries(3, 1)),
    DiskWrite(3, HardState(2, 0, 2), entries(4, 2)),
]


def disk(steps: list[Step], *, segment_bytes: int = 1 << 20) -> tuple[FragileFiles, list[Stored]]:
    """Files of a process that was killed after the last step, and what they held after each."""
    files, held = FragileFiles(), [Stored()]
    wal, _ = opened(files, segment_bytes=segment_bytes)
    for step in steps:
        perform(wal, step)
        held.append(after(held[-1], step))
    return files.copy(), held


def read(files: FragileFiles) -> Stored:
    """What is found."""
    return read_directory(files, cluster="pool", node=1).stored


def put(files: FragileFiles, name: str, data: bytes | None) -> FragileFiles:
    """The same files, but for one."""
    changed = files.copy()
    if data is None:
        del changed.current[name]
    else:
        changed.current[name] = Inode(data, data)
    return changed


def refused(files: FragileFiles) -> str:
    """The refusal, which must name the rest of what there is to know and leave the files alone."""
    before = {name: files.read(name) for name in files.names()}
    with pytest.raises(CorruptState) as refusal:
        opened(files)
    text = str(refusal.value)

    assert re.match(r"[a-z]+[-0-9]*, offset \d+: ", text), text
    assert "must not vote" in text
    assert {name: files.read(name) for name in files.names()} == before
    return text


def frame_offsets(data: bytes) -> list[int]:
    """Where the frames of a segment begin."""
    header, at = read_header(data)
    return [found.offset for found in frames(data, header, at)]


def test_d5_the_last_frame_cut_at_every_byte_is_a_torn_tail() -> None:
    """D5: wherever the last frame breaks off, what came before it is found, and it is written anew."""
    files, held = disk(STEPS)
    log = files.read("log-0000000001")
    for end in range(frame_offsets(log)[-1], len(log)):
        torn = put(files, "log-0000000001", log[:end])
        wal, found = opened(torn)
        perform(wal, STEPS[-1])

        assert found == held[-2]
        assert read(torn.copy()) == held[-1]


@pytest.mark.parametrize("length", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_d6_an_absurd_length_is_a_torn_tail(length: int) -> None:
    """D6: a last frame whose length is zero or more than the file holds is cut off, whatever follows in it."""
    files, held = disk(STEPS)
    log = bytearray(files.read("log-0000000001"))
    last = frame_offsets(bytes(log))[-1]
    log[last + 4 : last + 8] = length.to_bytes(4, "little")

    assert read(put(files, "log-0000000001", bytes(log))) == held[-2]
    assert read(put(files, "log-0000000001", bytes(log[:last]) + bytes(5000))) == held[-2]


def test_every_flipped_bit_is_noticed() -> None:
    """D5: a flipped bit in the last frame cuts it off; one anywhere else is refused with its file."""
    files, held = disk(STEPS)
    opened(files)[0].compact(snapshot(2, 1), keep_from=1)
    files = files.copy()
    before, last = held[-1], read(files)
    tail = frame_offsets(files.read("log-0000000001"))[-1]
    for name in files.names():
        for place in range(len(data := files.read(name))):
            flipped = bytearray(data)
            flipped[place] ^= 1 << place % 8
            broken = put(files, name, bytes(flipped))
            if name == "log-0000000001" and place >= tail:
                assert read(broken) == before != last
            else:
                assert refused(broken).startswith(name)


def test_d5_damage_before_valid_data_is_refused() -> None:
    """D5: a bad frame with a good one behind it was durable, whatever the bookmark says; a bad last one was if the
    bookmark says so.
    """
    files, _ = disk(STEPS)
    log = bytearray(files.read("log-0000000001"))
    *_, middle, last = frame_offsets(bytes(log))
    log[middle + 30] ^= 1
    assert f"offset {middle}: its checksum is wrong; valid data follows at offset {last}" in refused(
        put(files, "log-0000000001", bytes(log))
    )

    opened(files)[0].close()
    log = bytearray(files.read("log-0000000001"))
    log[last + 30] ^= 1
    assert "what stood here was durable" in refused(put(files.copy(), "log-0000000001", bytes(log)))


def test_d7_a_segment_without_its_first_frame_is_refused() -> None:
    """D7: a segment gets its name with its first frame in it, so one without was damaged."""
    files, _ = disk(STEPS, segment_bytes=1)
    wal, _ = opened(before := files.copy(), segment_bytes=1)
    bookmark = before.read(BOOKMARK)
    perform(wal, DiskWrite(4, entries=entries(5, 2)))
    last = before.names()[-1]
    data = before.read(last)
    *_, end = frame_offsets(data)[:1]
    behind = put(before.copy(), BOOKMARK, bookmark)

    assert last.startswith("log-")
    for size in (end, end + 5):
        assert "the frame that every segment begins with is missing" in refused(put(behind, last, data[:size]))


def test_segments_of_two_pasts_are_refused() -> None:
    """A segment that goes on from another end than the one before it has now is refused, though all numbers fit."""
    one, _ = disk([DiskWrite(1, HardState(1, 2, 0)), *STEPS[1:2]], segment_bytes=1)
    other, _ = disk([DiskWrite(1, HardState(1, 3, 0)), *STEPS[1:2]], segment_bytes=1)
    (first, second, *_) = (name for name in one.names() if name.startswith("log-"))

    assert f"it does not continue {second}" in refused(put(one, second, other.read(second)))
    assert first


def test_a_missing_segment_is_named() -> None:
    """Whoever looks for the damage is told which file is not there."""
    files, _ = disk(STEPS, segment_bytes=1)

    assert "log-0000000002 is missing before it" in refused(put(files, "log-0000000002", None))


def test_a_bookmark_of_another_disk_is_refused() -> None:
    """D11: a bookmark belongs to the disk that it was made on."""
    files, _ = disk(STEPS)
    foreign = Bookmark(b"\x08" * 16, 1, 0).encode()

    assert "the bookmark of 0808" in refused(put(files, BOOKMARK, foreign))


def test_every_byte_of_older_segments_counts() -> None:
    """D5: with many segments a damage in any but the last frame of all is refused, in that file."""
    files, _ = disk(STEPS, segment_bytes=1)
    *older, _ = names = [name for name in files.names() if name.startswith("log-")]
    assert len(names) > 2
    for name in older:
        data = files.read(name)
        whole = frame_offsets(data)
        for end in range(len(data)):
            text = refused(put(files, name, data[:end]))
            assert end in whole[1:] or text.startswith(f"{name}, offset ")


@pytest.mark.parametrize("segment_bytes", [1, 150, 1 << 20])
def test_a_missing_or_emptied_file_is_refused(segment_bytes: int) -> None:
    """Each file of a disk is needed: without it, or without its content, the disk is refused."""
    files, _ = disk(story(), segment_bytes=segment_bytes)
    for name in files.names():
        refused(put(files, name, None))
        refused(put(files, name, b""))


def test_swapped_files_are_refused() -> None:
    """A file in another's place is refused, also when the names were exchanged."""
    files, _ = disk(STEPS, segment_bytes=1)
    names = [name for name in files.names() if name.startswith("log-")]
    for one, other in pairwise(names):
        swapped = put(put(files, one, files.read(other)), other, files.read(one))
        assert f"{one}, offset 0: its content is that of {other}" in refused(swapped)


def test_d11_files_of_another_disk_are_refused() -> None:
    """D11: what another member, another group or another disk of this member wrote is refused by name."""
    mine, _ = disk(STEPS, segment_bytes=1)
    other = FragileFiles()
    perform_all(opened(other, node=2)[0], STEPS)
    stranger = FragileFiles()
    perform_all(opened(stranger, cluster="darts")[0], STEPS)

    assert "it belongs to node 2 of pool, this is node 1 of pool" in refused(other.copy())
    assert "it belongs to node 1 of darts, this is node 1 of pool" in refused(stranger.copy())
    log = bytearray(mine.read("log-0000000002"))
    assert "the checksum of its header is wrong" in refused(
        put(mine, "log-0000000002", bytes(log[:8] + b"!" + log[9:]))
    )


def test_a_log_that_was_rolled_back_is_refused() -> None:
    """An older copy of the log, put back after a later start or a clean end, ends before the bookmark."""
    files, _ = disk(STEPS[:2])
    old = files.read("log-0000000001")
    wal, _ = opened(files)
    perform(wal, STEPS[2])
    wal.close()

    text = refused(put(files.copy(), "log-0000000001", old))
    assert "it was rolled back" in text
    assert "durable up to frame 4" in text


def test_another_history_is_refused() -> None:
    """A log that was put back and written on differs from what the bookmark says, even if it is longer."""
    files, _ = disk(STEPS[:1])
    wal, _ = opened(one := files.copy())
    perform(wal, DiskWrite(2, HardState(5)))
    wal.close()
    wal, _ = opened(other := files.copy())
    for term in (6, 7, 8):
        perform(wal, DiskWrite(2, HardState(term)))

    assert "another frame stood here" in refused(put(one.copy(), "log-0000000001", other.read("log-0000000001")))


def test_a_swapped_snapshot_is_refused() -> None:
    """A snapshot file must be the one that the log points at, byte for byte."""
    files, _ = disk([*STEPS, Compaction(snapshot(2, 1), 3)])
    other, _ = disk([*STEPS, Compaction(snapshot(1, 1), 3)])
    (name,) = (name for name in files.names() if name.startswith("snapshot-"))
    (foreign,) = (name for name in other.names() if name.startswith("snapshot-"))

    assert refused(put(files, name, other.read(foreign))).startswith(name)


def test_d10_a_contradiction_is_refused() -> None:
    """D10: a commit index behind the last entry is refused, and so is a vote that changed within a term."""
    beyond, _ = disk([DiskWrite(1, HardState(1, 0, 3), entries(1, 1, 1))])
    twice, _ = disk([DiskWrite(1, HardState(3, 1)), DiskWrite(2, HardState(3, 2))])
    back, _ = disk([DiskWrite(1, HardState(3)), DiskWrite(2, HardState(2))])

    assert "entry 3 is said to be committed, the last one is 2" in refused(beyond)
    assert "a vote for 2 follows one for 1 in term 3" in refused(twice)
    assert "term 2 follows term 3" in refused(back)


def test_files_of_others_are_left_alone() -> None:
    """Names that are not the log's own are neither read nor removed."""
    files, held = disk(STEPS)
    files = put(put(files, "members.json.new", b"{}"), "lost+found", b"")
    _, found = opened(files)

    assert found == held[-1]
    assert {"members.json.new", "lost+found"} <= set(files.names())


def test_a_bookmark_alone_is_refused() -> None:
    """A bookmark or a snapshot without a log means that the log is gone, not that the disk is new."""
    files, _ = disk(STEPS)

    assert "the log that belonged to it is gone" in refused(put(FragileFiles(), BOOKMARK, files.read(BOOKMARK)))
