"""Where a connection works, under which name, and how much it holds back when the log is slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TIMEOUT_S: Final = 10.0
"""How long a call waits unless told otherwise."""

CLOSE_TIMEOUT_S: Final = 10.0
"""How long leaving a connection waits for what is not acknowledged yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is on its way to the log, and the pace of repeats. The defaults fit one process of a game."""

    queue_records_max: int = 10_000
    """Records of one partition that are not acknowledged: a quarter of a second of the fastest writer."""
    queue_bytes_max: int = 4 << 20
    """Their bytes. The last record let in may exceed it by its own size."""
    batch_records_max: int = 2_000
    """Records of one append; more would delay the answer of the first for no gain in throughput."""
    batch_bytes_max: int = 512 << 10
    attempt_timeout_s: float = 20.0
    """For one append. Longer than a broker takes to come back from a crash (15 s), so that repeats stay with the log's
    client, which makes no duplicates, and seldom come to us, who do."""
    pause_s_min: float = 0.05
    """Before the first repeat of an append whose outcome is unknown; doubled each time."""
    pause_s_max: float = 2.0


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """One connection: its region, the deployment it belongs to, and its node."""

    region: str
    regions: tuple[str, ...]
    partitions: int
    prefix: str
    node: str
    """`region/instance#incarnation`, never used before: a new one for each connection."""
    limits: Limits = DEFAULT_LIMITS

    @property
    def topic(self) -> str:
        """The event topic of the own region."""
        return f"{self.prefix}.events.{self.region}"

    @property
    def violations_topic(self) -> str:
        """What the region's checkers publish."""
        return f"{self.prefix}.violations"
