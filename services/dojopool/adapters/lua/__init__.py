"""Scripts that run inside Redis, kept as files of their own language."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

DOJO_LIBRARY: Final = files(__package__).joinpath("dojo.lua").read_text(encoding="utf-8")
"""Source of the function library `dojo`."""
