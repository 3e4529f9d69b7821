"""What a checker tells of its work, and to whom: a port beside those of `ports`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from dojopool.ports import PartitionObserver


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """What one batch of a checker was, once all that it found is published."""

    partition: int
    records: int
    events: int
    """Events delivered to state."""
    matches: int
    """Matches judged."""
    nodes: int
    """Nodes whose events are in those matches."""
    rules: int
    """Rules that each of them was judged by."""
    published: Mapping[tuple[str, str], int]
    """Rule and state -> records."""
    suppressed: Mapping[str, int]
    """Rule -> findings that were put off."""
    ids: tuple[str, ...]
    """Of the first violations published, IDS_MAX at most."""
    open_count: int
    """Violations of the partition that are open after it."""
    judge_s: float
    began_s: float
    """When its first record was begun with, by the loop's clock."""
    oldest_ms: int | None
    """The log's time of its first record; None when it only took up what was put off."""
    lag_records: Mapping[str, int]
    """Per region, records known to be in the log behind what was read."""
    is_catching_up: bool
    """Whether the partition is still being read from its beginning: nothing is judged until that is done."""


IDS_MAX: Final = 20


class CheckObserver(PartitionObserver, Protocol):
    """Is told facts by a checker. Calls must return at once and must not raise."""

    def checked(self, facts: CheckFacts, *, publish_s: float) -> None: ...
