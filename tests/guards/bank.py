"""The bug bank: every guard that a broken build without it is known to need.

On plain Python only: what was compiled cannot be taken out by a patch.
"""

from __future__ import annotations

from typing import Final

from guards import fencing, hostile, reading, storing, writing
from guards.result import Guard

GUARDS: Final[tuple[Guard, ...]] = (*fencing.GUARDS, *reading.GUARDS, *hostile.GUARDS, *storing.GUARDS, *writing.GUARDS)
"""Those whose scenario runs on the in-memory twins, on a clock that jumps."""
