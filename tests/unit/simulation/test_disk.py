"""A simulated disk keeps what was synced, whatever the crash, and may lose all else."""

from __future__ import annotations

import errno
from random import Random

import pytest

from dojopool.simulation.disk import PowerLost, SimulatedFiles

CRASHES = 200


def crashed(torn: bool, seed: int) -> SimulatedFiles:
    """A disk with one synced file, one half synced, one new and one renamed, after a crash."""
    files = SimulatedFiles()
    for name in ("kept", "old"):
        files.create(name, b"x" * 100)
        files.fsync(name)
    files.fsync_dir()
    files.append("kept", b"y" * 100)
    files.create("new", b"z" * 100)
    files.rename("old", "other")
    files.crash(Random(seed), torn=torn)
    return files


@pytest.mark.parametrize("torn", [False, True])
def test_what_was_synced_survives(torn: bool) -> None:
    """Synced bytes and names are there after every crash."""
    for seed in range(CRASHES):
        files = crashed(torn, seed)

        assert files.read("kept")[:100] == b"x" * 100
        assert ("old" in files.names()) != ("other" in files.names())


def test_what_was_not_synced_survives_as_a_prefix() -> None:
    """A plain crash keeps any beginning of the rest, of bytes and of names."""
    tails = {crashed(False, seed).read("kept")[100:] for seed in range(CRASHES)}
    names = {tuple(crashed(False, seed).names()) for seed in range(CRASHES)}

    assert all(tail == b"y" * len(tail) for tail in tails)
    assert len(tails) > 20
    assert names == {("kept", "old"), ("kept", "new", "old"), ("kept", "new", "other")}


def test_a_torn_crash_leaves_holes_flips_and_lost_renames() -> None:
    """It keeps any subset of what was not synced."""
    tails = [crashed(True, seed).read("kept")[100:] for seed in range(CRASHES)]
    names = {tuple(crashed(True, seed).names()) for seed in range(CRASHES)}

    assert any(b"\0" in tail for tail in tails)
    assert any(set(tail) - set(b"y\0") for tail in tails)
    assert ("kept", "other") in names


def test_a_cut_that_was_not_synced_may_be_undone() -> None:
    """Truncating is a change like others: durable once synced, in doubt before."""

    def after(*, synced: bool, seed: int) -> bytes:
        files = SimulatedFiles()
        files.create("a", b"abcd")
        files.fsync("a")
        files.fsync_dir()
        files.truncate("a", 2)
        if synced:
            files.fsync("a")
        files.crash(Random(seed), torn=False)
        return files.read("a")

    assert {after(synced=True, seed=seed) for seed in range(50)} == {b"ab"}
    assert {after(synced=False, seed=seed) for seed in range(50)} == {b"ab", b"abcd"}


def test_power_can_be_lost_between_any_two_changes() -> None:
    """After so many changes the next one is not made."""
    files = SimulatedFiles()
    files.calls_left = 2  # a new file is a name and its bytes
    files.create("a", b"a")
    with pytest.raises(PowerLost):
        files.fsync("a")

    files.crash(Random(1), torn=False)
    files.create("b", b"b")
    assert "b" in files.names()


def test_a_full_disk_takes_part_of_a_write() -> None:
    """It fails with ENOSPC, and what fitted is there."""
    files = SimulatedFiles()
    files.create("a", b"")
    files.is_full = True
    with pytest.raises(OSError, match="no room") as caught:
        files.append("a", b"abcd")

    assert caught.value.errno == errno.ENOSPC
    assert files.read("a") == b"ab"


def test_a_failed_sync_makes_nothing_durable() -> None:
    """It fails with EIO, and the bytes may be gone after a crash."""
    left = set()
    for seed in range(50):
        files = SimulatedFiles()
        files.create("a", b"")
        files.fsync("a")
        files.fsync_dir()
        files.append("a", b"abcd")
        files.syncs_fail = True
        with pytest.raises(OSError, match="failed"):
            files.fsync("a")
        files.crash(Random(seed), torn=False)
        left.add(files.read("a"))

    assert b"" in left


def test_a_missing_file_is_named() -> None:
    """Reading or removing what is not there fails as on a real disk."""
    files = SimulatedFiles()
    with pytest.raises(FileNotFoundError, match="gone"):
        files.read("gone")
    with pytest.raises(FileNotFoundError, match="gone"):
        files.remove("gone")
    files.create("here", b"")
    files.remove("here")

    assert files.names() == []
