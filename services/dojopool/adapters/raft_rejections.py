"""What links refuse, counted by kind and logged, however often it happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import structlog

from dojopool.adapters.raft_frames import Rejected
from dojopool.errors import RefusedRecord

log = structlog.get_logger("dojopool.raft")

LOG_S_MIN: Final = 1.0
"""Seconds between two log lines of one kind: whoever floods the port does not flood the log."""


class Rejections:
    """The rejections of one member."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Kind -> how often. There are as many kinds as places that refuse, not as anybody sends."""
        self._logged_at_s: dict[str, float] = {}

    def count(self, error: RefusedRecord, *, other_side: str) -> None:
        """Count a refusal, and log it unless one of its kind was logged just now."""
        kind = error.kind if isinstance(error, Rejected) else "message"
        self.counts[kind] += 1
        now_s = asyncio.get_running_loop().time()
        if now_s - self._logged_at_s.get(kind, -LOG_S_MIN) >= LOG_S_MIN:
            self._logged_at_s[kind] = now_s
            log.warning("raft_link_refused", kind=kind, other_side=other_side, why=str(error), times=self.counts[kind])
