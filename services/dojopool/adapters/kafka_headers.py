"""Reading on behind a header whose name is not UTF-8, which Kafka takes from anyone.

aiokafka decodes names as it reads and fails at such a one, and with it at everything fetched behind. Here what was
fetched is gone through once more then, by the client's own slower parser, and that record comes without its headers, as
librdkafka hands it out. The client has no place to give it another parser, so two names in its module are replaced:
those of aiokafka 0.14. The contract tests of both clients notice when they are no longer used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import decode_varint


class _KeptRecords:
    """What one fetch brought of a partition, with its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        fast = MemoryRecords(data)
        self.has_next, self.next_batch, self.size_in_bytes = fast.has_next, fast.next_batch, fast.size_in_bytes


class _SparingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final in name; there is no other way in
    """A batch whose records come without headers where those cannot be read."""

    _pos: int

    def _read_msg(self, *args: Any) -> _DefaultRecordPy:
        try:
            return super()._read_msg(*args)
        except UnicodeDecodeError:
            return self._without_headers()

    def _without_headers(self) -> _DefaultRecordPy:
        buffer = self._buffer
        length, pos = decode_varint(buffer, self._pos)
        end = pos + length
        _, pos = decode_varint(buffer, pos)  # attributes
        later_ms, pos = decode_varint(buffer, pos)
        further, pos = decode_varint(buffer, pos)
        key, pos = _bytes_at(buffer, pos)
        value, _ = _bytes_at(buffer, pos)
        self._pos = end
        is_log_time = self.timestamp_type == self.LOG_APPEND_TIME
        time_ms = self.max_timestamp if is_log_time else self.first_timestamp + later_ms
        return _DefaultRecordPy(self.base_offset + further, time_ms, self.timestamp_type, key, value, [])


class _SparingRecords(_MemoryRecordsPy):  # type: ignore[misc]  # final in name; there is no other way in
    """Batches as `_SparingBatch`; those of older formats have no headers."""

    def next_batch(self, *args: Any) -> Any:
        piece, batch = self._next_slice, super().next_batch(*args)
        return _SparingBatch(piece) if piece is not None and piece[self.MAGIC_OFFSET] >= 2 else batch


class _SparingPartition(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka left it untyped
    """The records of a partition. Those handed out before the failure are skipped by their offsets the second time."""

    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            self._records = _SparingRecords(self._records.data)
            yield from super()._unpack_records()


def spare_headers() -> None:
    """Let every consumer of this process read so from now on."""
    fetcher.MemoryRecords = _KeptRecords
    fetcher.PartitionRecords = _SparingPartition


def _bytes_at(buffer: bytearray, pos: int) -> tuple[bytes | None, int]:
    size, pos = decode_varint(buffer, pos)
    return (None, pos) if size < 0 else (bytes(buffer[pos : pos + size]), pos + size)
