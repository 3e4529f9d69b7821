"""Bytes of canonical form: varints, tagged scalars, and dots that name their node by its place in a table.

Equal state must give equal bytes in every process and region. So there is one way to write each thing: shortest
varints, UTF-8, sorted tables, no floats, no defaults left out by choice. `Reader` refuses what `Writer` would not
have written where that is cheap to see, and whatever could make it run past its input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dojopool.core.crdt.cell import Payload, Scalar
from dojopool.errors import CorruptState

NUMBER_BYTES_MAX: Final = 10
"""Bytes of a number of 64 bits, seven bits a byte. A bound, so that damaged bytes cannot ask for endless arithmetic."""

TAG_NULL, TAG_FALSE, TAG_TRUE, TAG_INT, TAG_STR = range(5)

STAMP_BYTES: Final = 8


class Writer:
    """Appends canonical bytes to `buffer`. Dots can be written once the clock is."""

    __slots__ = ("_places", "buffer")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._places: dict[str, int] = {}

    def unsigned(self, number: int) -> None:
        """A number of 0 or more, seven bits a byte, lowest first."""
        while number > 0x7F:
            self.buffer.append(number & 0x7F | 0x80)
            number >>= 7
        self.buffer.append(number)

    def signed(self, number: int) -> None:
        """Any whole number, sign in the lowest bit."""
        self.unsigned(number << 1 if number >= 0 else (-number << 1) - 1)

    def stamp(self, stamp: int) -> None:
        """A stamp: 8 bytes, highest first. As a varint it would take nine."""
        self.buffer += stamp.to_bytes(STAMP_BYTES, "big")

    def raw(self, data: bytes) -> None:
        """Bytes behind their length."""
        self.unsigned(len(data))
        self.buffer += data

    def text(self, text: str) -> None:
        """A string, as UTF-8 behind its length."""
        self.raw(text.encode())

    def clock(self, clock: Mapping[str, int]) -> None:
        """A clock, which becomes the table that dots refer to."""
        nodes = sorted(clock)
        self._places = {node: place for place, node in enumerate(nodes)}
        self.unsigned(len(nodes))
        for node in nodes:
            self.text(node)
            self.unsigned(clock[node])

    def dot(self, node: str, seq: int) -> None:
        """A dot within the clock, its node by place."""
        place = self._places[node]
        if place < 0x80 and seq < 0x80:  # nearly always, and these two lines are most of what encoding does
            self.buffer.append(place)
            self.buffer.append(seq)
        else:
            self.unsigned(place)
            self.unsigned(seq)

    def scalar(self, value: Payload) -> None:
        """None, a boolean, an integer or a string, behind its tag."""
        if type(value) is int:
            self.buffer.append(TAG_INT)
            if 0 <= value < 0x40:
                self.buffer.append(value << 1)
            else:
                self.signed(value)
        elif type(value) is str:
            self.buffer.append(TAG_STR)
            self.text(value)
        elif value is None:
            self.buffer.append(TAG_NULL)
        else:
            assert type(value) is bool, value
            self.buffer.append(TAG_TRUE if value else TAG_FALSE)


class Reader:
    """Reads back what a Writer wrote. Every method raises CorruptState at the end of the input or at bytes it cannot
    mean.
    """

    __slots__ = ("_clock", "data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self._clock: list[tuple[str, int]] = []

    def unsigned(self) -> int:
        """A number of 0 or more, of at most NUMBER_BYTES_MAX bytes and in its shortest form."""
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift == 7 * NUMBER_BYTES_MAX:
                raise CorruptState(f"a number before byte {self.position} takes more than {NUMBER_BYTES_MAX} bytes")
        if byte == 0 and shift:
            raise CorruptState(f"a number before byte {self.position} is padded with zeros")
        return number

    def signed(self) -> int:
        """Any whole number."""
        number = self.unsigned()
        return number >> 1 if number & 1 == 0 else -((number + 1) >> 1)

    def stamp(self) -> int:
        """A stamp."""
        end = self.position + STAMP_BYTES
        if end > len(self.data):
            raise CorruptState(f"a stored state ends after {len(self.data)} bytes, in the middle of a stamp")
        stamp = int.from_bytes(self.data[self.position : end], "big")
        self.position = end
        return stamp

    def raw(self) -> bytes:
        """Bytes behind their length."""
        length = self.unsigned()
        end = self.position + length
        if end > len(self.data):
            raise CorruptState(
                f"{length} bytes were announced at {self.position}, {len(self.data) - self.position} are left"
            )
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def text(self) -> str:
        """A string."""
        piece = self.raw()
        try:
            return piece.decode()
        except UnicodeDecodeError as error:
            raise CorruptState(f"a string before byte {self.position} is not UTF-8") from error

    def clock(self) -> dict[str, int]:
        """A clock, which becomes the table that dots refer to."""
        clock: dict[str, int] = {}
        before = ""
        for _ in range(self.unsigned()):
            node, counter = self.text(), self.unsigned()
            if counter == 0 or (clock and node <= before):
                raise CorruptState(f"node {node!r} of a stored clock is out of order, or has counter 0")
            before = node
            clock[node] = counter
        self._clock = list(clock.items())
        return clock

    def dot(self) -> tuple[str, int]:
        """A dot within the clock."""
        place, seq = self.unsigned(), self.unsigned()
        if place >= len(self._clock):
            raise CorruptState(f"node {place} was named before byte {self.position}, the clock has {len(self._clock)}")
        node, counter = self._clock[place]
        if not 1 <= seq <= counter:
            raise CorruptState(f"{node}:{seq} is held, but {counter} of that node were delivered")
        return node, seq

    def scalar(self) -> Scalar | None:
        """A tagged scalar."""
        tag = self._byte()
        if tag == TAG_STR:
            return self.text()
        if tag == TAG_INT:
            return self.signed()
        if tag == TAG_NULL:
            return None
        if tag in (TAG_FALSE, TAG_TRUE):
            return tag == TAG_TRUE
        raise CorruptState(f"tag {tag} before byte {self.position} is not one of this format")

    def finish(self) -> None:
        """Raise CorruptState unless everything was read."""
        if self.position != len(self.data):
            raise CorruptState(f"{len(self.data) - self.position} bytes are left behind the end of a stored state")

    def _byte(self) -> int:
        if self.position >= len(self.data):
            raise CorruptState(f"a stored state ends after {len(self.data)} bytes, in the middle of a value")
        byte = self.data[self.position]
        self.position += 1
        return byte
