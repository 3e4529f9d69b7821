"""Lines of a file are read in bounded memory and keep their numbers."""

from __future__ import annotations

import io
import json

import pytest

from dojopool.local.event_lines import LINE_BYTES_MAX, Finding, bounded_lines, events_in

EVENT = {"match": "m-1", "node": "eu/a#1", "seq": 1, "stamp": 1, "type": "match_finished", "body": {}}
LINE = json.dumps(EVENT).encode()
MARK = b"\xef\xbb\xbf"


def read(data: bytes) -> tuple[list[int], list[str]]:
    """The lines that hold events, and the findings."""
    findings: list[Finding] = []
    numbers = [number for number, _ in events_in(io.BytesIO(data), findings.append)]
    return numbers, [str(finding) for finding in findings]


def test_long_lines_are_skipped_whole() -> None:
    """A line above the limit is no event, however long; the line behind it has its own number."""
    longest = b"x" * LINE_BYTES_MAX
    data = b"a\n" + longest + b"\n" + longest + b"x\n" + longest * 3 + b"\nb\n" + longest + b"x"
    lines = bounded_lines(io.BytesIO(data))

    assert list(lines) == [(1, b"a\n"), (2, longest + b"\n"), (3, None), (4, None), (5, b"b\n"), (6, None)]


def test_a_long_line_is_reported() -> None:
    """A line above the limit is named by its number, and the next one is read."""
    numbers, [finding] = read(b" " * LINE_BYTES_MAX + b"{}\n" + LINE)

    assert numbers == [2]
    assert finding == f"line 1: longer than {LINE_BYTES_MAX} bytes, which no event is"


def test_empty_lines_are_nothing() -> None:
    """White space is neither an event nor a finding, and is counted as a line."""
    assert read(b"\n \t\r\n" + LINE + b"\r\n\n") == ([3], [])


def test_a_byte_order_mark_is_no_fault() -> None:
    """What some editors put in front of a file is dropped there, and only there."""
    numbers, [finding] = read(MARK + LINE + b"\n" + MARK + LINE)

    assert numbers == [1]
    assert finding.startswith("line 2: not JSON")


def test_bytes_that_are_no_text_are_reported() -> None:
    """A line that is not UTF-8 is named; the lines around it are read."""
    numbers, [finding] = read(LINE + b'\n{"match": "\xff"}\n' + LINE)

    assert numbers == [1, 3]
    assert finding.startswith("line 2: not JSON: ")


@pytest.mark.parametrize(
    ("lines", "shown"), [((3,), "line 3: x"), ((3, 4), "lines 3 and 4: x"), ((3, 4, 9), "lines 3, 4 and 9: x")]
)
def test_a_finding_names_its_lines(lines: tuple[int, ...], shown: str) -> None:
    """A finding begins with the numbers of its lines."""
    assert str(Finding(lines, "x")) == shown
