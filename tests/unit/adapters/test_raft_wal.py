"""What a Raft disk keeps, through every crash; rule numbers are those of docs/raft.md."""

from __future__ import annotations

import errno
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from dojopool.adapters.raft_wal import Wal
from dojopool.adapters.raft_wal_reader import read_directory
from dojopool.core.raft.messages import HardState, Stored
from dojopool.errors import Unavailable
from dojopool.raft_ports import DiskWrite
from support.fragile_files import Crash, FragileFiles, Inode
from support.raft_disks import (
    Compaction,
    Step,
    after,
    entries,
    opened,
    perform,
    perform_all,
    random_story,
    snapshot,
    story,
)

SMALL = 150
"""Bytes of a segment: nearly every frame begins a new one."""


def written(steps: list[Step], *, segment_bytes: int) -> tuple[FragileFiles, Stored]:
    """Files after some steps, and what they must hold."""
    files, stored = FragileFiles(), Stored()
    wal, _ = opened(files, segment_bytes=segment_bytes)
    for step in steps:
        perform(wal, step)
        stored = after(stored, step)
    return files, stored


@pytest.mark.parametrize("segment_bytes", [1, SMALL, 1 << 20])
def test_what_was_synced_is_found(segment_bytes: int) -> None:
    """Whatever happened and whatever the size of segments, a start finds what the last sync made durable."""
    for length in range(len(story()) + 1):
        files, stored = written(story()[:length], segment_bytes=segment_bytes)

        assert opened(files.copy(), segment_bytes=segment_bytes)[1] == stored


def test_a_new_directory_is_empty_and_has_an_identity() -> None:
    """The first start finds nothing and names the disk; the second finds the same name."""
    files = FragileFiles()
    first, found = opened(files)
    second, again = opened(files)

    assert found == again == Stored()
    assert first.disk_id == second.disk_id == b"\x07" * 16


@pytest.mark.parametrize("seed", range(20))
def test_d2_what_a_start_finds_is_durable(seed: int) -> None:
    """D2: a process killed between a write and its flush leaves a frame that the next one finds; a vote and entries
    that were found survive the loss of power after that, for they are promised without being written again.
    """
    files = FragileFiles()
    wal, _ = opened(files)
    wal.append(DiskWrite(1, HardState(1, 2, 0), entries(1, 1, 1)))
    files.stop_at = files.steps + 1  # the flush: its write is done
    with pytest.raises(Crash):
        wal.sync()
    files.stop_at = None

    found = opened(files)[1]

    assert found.hard_state.vote == 2
    assert opened(files.after_crash(Random(seed)))[1] == found


def test_a_group_is_founded_by_a_snapshot() -> None:
    """A disk that holds only a group's first snapshot gives its term, and its index as committed."""
    files = FragileFiles()
    opened(files)[0].compact(snapshot(1, 1), keep_from=2)

    assert opened(files)[1] == Stored(HardState(1, 0, 1), snapshot(1, 1), ())


@pytest.mark.parametrize("segment_bytes", [1, SMALL, 1 << 20])
def test_d9_a_crash_at_each_step_leaves_one_of_two_states(segment_bytes: int) -> None:
    """D5, D7, D9: stop before any step on files, lose any part of what was not flushed: what was acknowledged is
    found, with the step under way or without it, and the disk goes on from there.
    """
    total = written(story(), segment_bytes=segment_bytes)[0].steps
    for stop_at in range(total):
        for seed in range(6):
            check_crash(story(), stop_at=stop_at, seed=seed, segment_bytes=segment_bytes)


@pytest.mark.parametrize("segment_bytes", [1, SMALL, 1 << 20])
def test_d7_a_file_is_whole_before_it_has_its_name(segment_bytes: int) -> None:
    """D7: at every moment all names may be known and nothing but what was flushed be in them, or all be flushed and
    only the names that were made durable be known: the disk is readable in both.
    """
    total = written(story(), segment_bytes=segment_bytes)[0].steps
    for stop_at in range(total):
        files = FragileFiles(stop_at=stop_at)
        with suppress(Crash):
            perform_all(
                Wal(files, cluster="pool", node=1, draw_id=lambda: b"\x07" * 16, segment_bytes=segment_bytes), story()
            )
        names_ahead = {name: Inode(file.durable, file.durable) for name, file in files.current.items()}
        content_ahead = {name: Inode(file.data, file.data) for name, file in files.durable.items()}

        for found in (names_ahead, content_ahead):
            read_directory(FragileFiles(current=found), cluster="pool", node=1)


@pytest.mark.parametrize("seed", range(60))
def test_any_life_survives_any_crash(seed: int) -> None:
    """The same for lives drawn by a seed."""
    dice = Random(seed)
    steps = list(random_story(dice, 25))
    segment_bytes = dice.choice((1, SMALL, 1000))
    total = written(steps, segment_bytes=segment_bytes)[0].steps
    for _ in range(12):
        check_crash(steps, stop_at=dice.randrange(total), seed=dice.randrange(1 << 30), segment_bytes=segment_bytes)


def check_crash(steps: list[Step], *, stop_at: int, seed: int, segment_bytes: int) -> None:
    """Crash, recover, crash while recovering, and go on with the rest."""
    dice = Random(seed)
    files, acknowledged, under_way = FragileFiles(stop_at=stop_at), Stored(), Stored()
    done = 0
    try:
        wal, _ = opened(files, segment_bytes=segment_bytes)
        for step in steps:
            under_way = after(acknowledged, step)
            perform(wal, step)
            acknowledged, done = under_way, done + 1
    except Crash:
        files = files.after_crash(dice)
    assert done < len(steps)
    files.stop_at = dice.randrange(8)
    try:
        opened(files, segment_bytes=segment_bytes)
    except Crash:
        files = files.after_crash(dice)
    files.stop_at = None
    wal, found = opened(files, segment_bytes=segment_bytes)

    assert found in (acknowledged, under_way), f"stop_at={stop_at} seed={seed}"
    if found == acknowledged != under_way:
        perform(wal, steps[done])
    for step in steps[done + 1 :]:
        perform(wal, step)
        under_way = after(under_way, step)
    assert opened(files.copy(), segment_bytes=segment_bytes)[1] == under_way


def test_waiting_writes_share_one_flush() -> None:
    """What was appended together is one frame with one flush; a commit index alone costs none and rides along later."""
    files = FragileFiles()
    wal, _ = opened(files)
    before = files.fsyncs
    wal.append(DiskWrite(1, HardState(1, 1, 0), entries(1, 1)))
    wal.append(DiskWrite(2, entries=entries(2, 1)))
    wal.sync()
    wal.append(DiskWrite(3, HardState(1, 1, 2), must_sync=False))
    wal.sync()

    assert files.fsyncs == before + 1
    wal.append(DiskWrite(4, entries=entries(3, 1)))
    wal.sync()
    assert files.fsyncs == before + 2
    assert opened(files.copy())[1].hard_state == HardState(1, 1, 2)


def test_d8_an_overwrite_below_a_snapshot_leaves_no_ghosts() -> None:
    """D8: entries that were overwritten do not come back because the entry that did it lies below the snapshot."""
    steps: list[Step] = [
        DiskWrite(1, HardState(1), entries(1, 1, 1, 1, 1, 1, 1)),
        DiskWrite(2, HardState(2, 0, 3), entries(3, 2)),
        Compaction(snapshot(3, 2), 4),
    ]

    assert opened(written(steps, segment_bytes=1 << 20)[0])[1].entries == ()


def test_compaction_removes_segments_and_snapshots() -> None:
    """Only segments whose entries are all below `keep_from` go, with the snapshots before the new one."""
    files = FragileFiles()
    wal, _ = opened(files, segment_bytes=1)
    wal.append(DiskWrite(1, HardState(1)))
    wal.sync()
    for index in range(1, 9):
        perform(wal, DiskWrite(1 + index, HardState(1, 0, index), entries(index, 1)))
    wal.compact(snapshot(4, 1), keep_from=1)
    all_kept = [name for name in files.names() if name.startswith("log-")]
    wal.compact(snapshot(5, 1), keep_from=3)
    kept = [name for name in files.names() if name.startswith("log-")]
    wal.compact(snapshot(8, 1), keep_from=9)

    assert all_kept[0] == "log-0000000003"  # each frame has its segment: none, the term, entry 1
    assert kept[0] == "log-0000000005"
    assert [entry.index for entry in opened(files.copy(), segment_bytes=1)[1].entries] == []
    names = files.names()
    assert len([name for name in names if name.startswith("snapshot-")]) == 1
    assert len([name for name in names if name.startswith("log-")]) <= 2


def test_an_older_snapshot_is_dropped() -> None:
    """A snapshot of the application that is overtaken by one of the leader changes nothing and leaves no file."""
    files = FragileFiles()
    wal, _ = opened(files)
    perform(wal, DiskWrite(1, HardState(1, 0, 3), entries(1, 1, 1, 1)))
    late = wal.save(snapshot(2, 1))
    perform(wal, DiskWrite(2, HardState(1, 0, 9), snapshot=snapshot(9, 1)))
    wal.point(late, keep_from=3)

    assert [name for name in files.names() if name.startswith("snapshot-")] == [
        "snapshot-" + "9".zfill(16) + "-00000002"
    ]
    assert opened(files.copy())[1].snapshot == snapshot(9, 1)


def test_a_snapshot_never_replaces_the_file_of_another() -> None:
    """After a restart a snapshot at the same index goes to a file of its own, so that a crash leaves the old one."""
    files = written([*story()[:5]], segment_bytes=1 << 20)[0]
    wal, found = opened(files)
    assert found.snapshot is not None
    wal.save(replace(found.snapshot, data=b"another"))

    assert opened(files.copy())[1] == found


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_d4_a_failed_disk_is_not_used_again(code: int) -> None:
    """D4: whichever step of a write fails, that write and all later ones are refused, and nothing is tried again."""
    total = written(story(), segment_bytes=SMALL)[0].steps
    for stop_at in range(total):
        files = FragileFiles(stop_at=stop_at, stop_with=OSError(code, "injected"))
        wal = Wal(files, cluster="pool", node=1, draw_id=lambda: b"\x07" * 16, segment_bytes=SMALL)
        with pytest.raises(Unavailable, match="injected"):
            perform_all(wal, story())
        files.stop_at = None
        steps = files.steps

        for attempt in (wal.sync, wal.close, partial(wal.compact, snapshot(1, 1), keep_from=1)):
            with pytest.raises(Unavailable, match="injected"):
                attempt()
        assert files.steps == steps
