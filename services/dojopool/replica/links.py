"""Which traces a batch continues: the `traceparent` headers of its records.

Only what the writer's side sampled is of use, which one character of the header says; so no header is parsed here, and
none can be wrong in a way that matters. Not called at all unless somebody wants links.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dojopool.core.record import Record

HEADER: Final = "traceparent"
"""W3C Trace Context: `version-trace-span-flags` in hexadecimal, 2, 32, 16 and 2 digits."""

LENGTH_MIN: Final = 55
SAMPLED: Final = b"13579bdf"
"""Last digit of the flags when the lowest bit is set."""


def sampled(records: Iterable[Record], *, most: int) -> tuple[int, tuple[bytes, ...]]:
    """How many records were written under a sampled trace, and the distinct contexts of the first of them, `most` at
    most, in the order read.
    """
    count = 0
    links: dict[bytes, None] = {}
    for record in records:
        for name, value in record.headers:
            if name == HEADER:
                if value and len(value) >= LENGTH_MIN and value[LENGTH_MIN - 1] in SAMPLED:
                    count += 1
                    if len(links) < most:
                        links[bytes(value)] = None
                break
    return count, tuple(links)
