"""The state machine of a simulated group: for each key, which operation wrote it last, and how many did before.

The answer to a write is its place among all writes of its key. So two clients that were told the same place, or a place
before one that was answered earlier, have seen two histories.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

WRITE: Final = Struct(">BQ")
"""Key and the number of the writing operation."""
ANSWER: Final = Struct(">QQ")
"""Number of writes of the key and the operation that wrote last."""
_SEEN: Final = Struct(">BQQ")


class Register:
    """What every member of a simulated group applies commands to."""

    def __init__(self) -> None:
        self._keys: dict[int, tuple[int, int]] = {}

    def apply(self, index: int, command: bytes) -> bytes:
        """Write; the answer is the write's place and itself."""
        key, operation = WRITE.unpack(command)
        count, _ = self._keys.get(key, (0, 0))
        self._keys[key] = (count + 1, operation)
        return ANSWER.pack(count + 1, operation)

    def read(self, key: int) -> tuple[int, int]:
        """Number of writes of a key, and the last one."""
        return self._keys.get(key, (0, 0))

    def snapshot(self) -> bytes:
        """Equal states give equal bytes."""
        return b"".join(_SEEN.pack(key, *seen) for key, seen in sorted(self._keys.items()))

    def restore(self, data: bytes) -> None:
        """Undo `snapshot`."""
        self._keys = {key: (count, last) for key, count, last in _SEEN.iter_unpack(data)}
