"""Files of events as JSON lines: read line by line, in bounded memory, with the numbers of the bad ones.

What a good envelope means is decided by whoever reads; here a line is an event's JSON form, or a Finding. An empty line
is neither, and a byte order mark in front of the first line is dropped, as some editors write one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from dojopool.codec.json_form import JsonEvent, parse_line
from dojopool.codec.wire import RECORD_BYTES_MAX
from dojopool.errors import InvalidEvent

LINE_BYTES_MAX: Final = 8 * RECORD_BYTES_MAX
"""Longest line that is looked at: JSON may take six bytes for a character that a record holds in one, and names every
field.
"""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one or several lines."""

    lines: tuple[int, ...]
    """From 1, rising."""
    text: str

    def __str__(self) -> str:
        *before, last = map(str, self.lines)
        return f"line{'s' if before else ''} {', '.join(before)}{' and ' if before else ''}{last}: {self.text}"


Complain = Callable[[Finding], None]


def events_in(file: BinaryIO, report: Complain) -> Iterator[tuple[int, JsonEvent]]:
    """The events of a file, each with its line; a line that is none is reported as it is met."""
    for number, line in bounded_lines(file):
        if line is None:
            report(Finding((number,), f"longer than {LINE_BYTES_MAX} bytes, which no event is"))
        elif line and not line.isspace():
            try:
                event = parse_line(line)
            except InvalidEvent as error:
                report(Finding((number,), str(error)))
            else:
                yield number, event


def bounded_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file with their numbers, from 1; None for one longer than LINE_BYTES_MAX, which is skipped without
    being held.
    """
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if len(line) <= LINE_BYTES_MAX or line.endswith(b"\n"):
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
        yield number, None
