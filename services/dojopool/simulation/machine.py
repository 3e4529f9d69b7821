"""The state machine of a simulated group: for each key, which operation wrote it last, and how many did before.

The answer to a write is its place among all writes of its key. So two clients that were told the same place, or a place
before one that was answered earlier, have seen two histories.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

WRITE: Final = Struct(">BQQ")
"""Key, client and the number of the writing operation; a client's numbers grow."""
ANSWER: Final = Struct(">QQ")
"""Number of writes of the key and the operation that wrote last."""
_SEEN: Final = Struct(">BQQ")
_DONE: Final = Struct(">QQ16s")


class Register:
    """What every member of a simulated group applies commands to. A client's operation is applied once, and its answer
    is given again as long as it is that client's last.
    """

    def __init__(self) -> None:
        self._keys: dict[int, tuple[int, int]] = {}
        self._clients: dict[int, tuple[int, bytes]] = {}

    def apply(self, command: bytes) -> bytes:
        """Write; the answer is the write's place and itself, or nothing when the client has gone on since."""
        key, client, operation = WRITE.unpack(command)
        done, answer = self._clients.get(client, (0, b""))
        if operation > done:
            count = self._keys.get(key, (0, 0))[0] + 1
            self._keys[key] = (count, operation)
            answer = ANSWER.pack(count, operation)
            self._clients[client] = (operation, answer)
        return answer if operation >= done else b""

    def read(self, key: int) -> tuple[int, int]:
        """Number of writes of a key, and the last one."""
        return self._keys.get(key, (0, 0))

    def snapshot(self) -> bytes:
        """Equal states give equal bytes."""
        keys = [_SEEN.pack(key, *seen) for key, seen in sorted(self._keys.items())]
        clients = [_DONE.pack(client, *done) for client, done in sorted(self._clients.items())]
        return b"".join([bytes((len(keys),)), *keys, *clients])

    def restore(self, data: bytes) -> None:
        """Undo `snapshot`; no bytes at all are the state at the beginning."""
        end = 1 + data[0] * _SEEN.size if data else 0
        self._keys = {key: (count, last) for key, count, last in _SEEN.iter_unpack(data[1:end])}
        self._clients = {client: (last, answer) for client, last, answer in _DONE.iter_unpack(data[end:])}
