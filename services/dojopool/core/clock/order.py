"""The four ways in which two clocks can be ordered. Named, because an int would invite `< 0` for "concurrent"."""

from __future__ import annotations

from enum import Enum


class Order(Enum):
    """How the left clock stands to the right one."""

    BEFORE = "before"
    """Everything on the left was seen on the right, and the right saw more."""
    AFTER = "after"
    SAME = "same"
    CONCURRENT = "concurrent"
    """Each side saw something that the other did not."""
