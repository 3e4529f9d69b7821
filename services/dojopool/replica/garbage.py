"""Holding Python's cyclic garbage collector in the steady state of a replica.

State is a great many small objects that live long, form no cycles and are freed by their reference counts. The
collector looks at all of them again and again for nothing: a tenth of the time, and pauses that grow with the state.
So what is there at the start is left out for good, young objects are looked at in large portions, and old ones
practically never. What may be lost to cycles is what clients leave behind when a connection breaks, after it has grown
old; `benchmarks/bench_soak.py` watches that memory stays flat.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG_MAX: Final = 100_000
"""New containers between two looks at the young: some ten milliseconds of work, a few times a minute when idle."""

MIDDLE_MAX: Final = 50
OLD_MAX: Final = 1_000


def hold_collector() -> None:
    """Tune the collector of this process, once, when everything that stays was imported and loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, MIDDLE_MAX, OLD_MAX)
