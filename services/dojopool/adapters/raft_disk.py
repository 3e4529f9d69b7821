"""The disk of a Raft member as the loop sees it: one thread writes, and whoever waits together shares one flush.

The thread takes all that is queued, hands it to the log as one frame and reports the highest number that is durable.
The loop never waits for the disk, so ticks and messages go on while it stalls. After a failure nothing is written any
more and every call says so (rule D4).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from dojopool.adapters.raft_directory import Files
from dojopool.adapters.raft_files import OsFiles
from dojopool.adapters.raft_wal import SEGMENT_BYTES, Wal
from dojopool.adapters.raft_wal_form import DISK_ID_BYTES, Pointer
from dojopool.core.raft.messages import HardState, Snapshot, Stored
from dojopool.errors import Unavailable
from dojopool.raft_ports import DiskWrite

WRITES_PER_FLUSH_MAX: Final = 256
"""More are left for the next flush, so that a frame stays far below the 4 GiB that its length can say."""
CLOSE_S_MAX: Final = 5.0
"""A disk that does not answer for so long is left behind when closing; the thread ends with the process."""


@dataclass(frozen=True, slots=True)
class _Point:
    """A saved snapshot that the log is to begin behind."""

    pointer: Pointer
    keep_from: int
    done: asyncio.Future[None]


class RaftDisk:
    """`RaftStorage` on files. Call `recover` first; then everything from one loop."""

    def __init__(
        self, files: Files, *, cluster: str, node: int, segment_bytes: int = SEGMENT_BYTES, now: Callable[[], float]
    ) -> None:
        """`now` gives seconds that never go back."""
        self._wal = Wal(
            files,
            cluster=cluster,
            node=node,
            draw_id=lambda: secrets.token_bytes(DISK_ID_BYTES),
            segment_bytes=segment_bytes,
        )
        self._now = now
        self._queue: SimpleQueue[DiskWrite | _Point | None] = SimpleQueue()
        """Bounded by its caller, which stops asking for Readies while many are not durable."""
        self._thread = threading.Thread(target=self._run, name="raft-disk", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._flushed = 0
        """Set by the thread."""
        self._told = 0
        self._failure: Exception | None = None
        self._idle: HardState | None = None
        """A newer commit that nothing waits for."""
        self._waiting: deque[tuple[int, float]] = deque()
        """Number and time of each write that was not seen durable."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, directory: Path, *, cluster: str, node: int) -> AsyncIterator[RaftDisk]:
        """Own a directory until the end of the context. Raises ConfigError when it cannot be used, or is in use."""
        with OsFiles.opened(directory) as files:
            disk = cls(files, cluster=cluster, node=node, now=time.monotonic)
            try:
                yield disk
            finally:
                await disk.close()

    @property
    def disk_id(self) -> bytes:
        """See `RaftStorage`."""
        return self._wal.disk_id

    def recover(self) -> Stored:
        """See `RaftStorage`."""
        stored = self._wal.recover()
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return stored

    def submit(self, write: DiskWrite) -> None:
        """See `RaftStorage`."""
        assert self._loop is not None, "recover comes first"
        if not write.must_sync:  # it goes with the next one that must: to wake the thread costs more than to write
            self._idle = write.hard_state or self._idle
            return
        if write.hard_state is None and self._idle is not None:
            write = replace(write, hard_state=self._idle)
        self._idle = None
        self._waiting.append((write.number, self._now()))
        self._queue.put(write)

    async def durable(self) -> int:
        """See `RaftStorage`."""
        while self._failure is None and self._told == self._flushed:
            self._news.clear()
            await self._news.wait()
        self._raise_failure()
        self._told = self._flushed
        return self._told

    def stalled_s(self) -> float:
        """See `RaftStorage`."""
        while self._waiting and self._waiting[0][0] <= self._flushed:
            self._waiting.popleft()
        return self._now() - self._waiting[0][1] if self._waiting else 0.0

    async def compact(self, snapshot: Snapshot, *, keep_from: int) -> None:
        """See `RaftStorage`. The snapshot's file is written beside the log's writer, which it does not hold up."""
        assert self._loop is not None, "recover comes first"
        pointer = await asyncio.to_thread(self._wal.save, snapshot)
        self._raise_failure()
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Point(pointer, keep_from, done))
        await done

    async def close(self) -> None:
        """Write what is queued and end the thread. Raises Unavailable when the disk does not come to an end."""
        if self._loop is None:
            return
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, CLOSE_S_MAX)
        if self._thread.is_alive():
            raise Unavailable(f"the disk of the Raft log did not answer for {CLOSE_S_MAX:.0f} s while closing")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise Unavailable(str(self._failure)) from self._failure

    # ---- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        taken: list[DiskWrite | _Point] = []
        try:
            while self._take(taken):
                self._write(taken)
            self._wal.close()
        except Exception as failure:  # noqa: BLE001 - whatever it is, a thread has nobody to raise it to: the loop is told
            self._failure = failure
            self._tell([each.done for each in taken if isinstance(each, _Point)])
            self._refuse_the_rest()

    def _take(self, taken: list[DiskWrite | _Point]) -> bool:
        """Wait for something to write and take what is there; False at the end, when nothing was taken."""
        taken.clear()
        following: DiskWrite | _Point | None = self._queue.get()
        while following is not None:
            taken.append(following)
            if len(taken) == WRITES_PER_FLUSH_MAX:
                return True
            try:
                following = self._queue.get_nowait()
            except Empty:
                return True
        if taken:
            self._queue.put(None)  # nothing is queued behind the end
        return bool(taken)

    def _write(self, taken: list[DiskWrite | _Point]) -> None:
        for each in taken:
            if isinstance(each, _Point):
                self._wal.point(each.pointer, keep_from=each.keep_from)
            else:
                self._wal.append(each)
        self._wal.sync()
        self._flushed = max([self._flushed, *(each.number for each in taken if isinstance(each, DiskWrite))])
        self._tell([each.done for each in taken if isinstance(each, _Point)])

    def _refuse_the_rest(self) -> None:
        """After a failure, answer every compaction until the end."""
        while (following := self._queue.get()) is not None:
            if isinstance(following, _Point):
                self._tell([following.done])

    def _tell(self, done: list[asyncio.Future[None]]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._hear, done)

    def _hear(self, done: list[asyncio.Future[None]]) -> None:
        self._news.set()
        for future in done:
            if future.done():
                continue
            if self._failure is None:
                future.set_result(None)
            else:
                future.set_exception(Unavailable(str(self._failure)))
