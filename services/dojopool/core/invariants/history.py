"""What a violations topic says, read from its beginning: where each violation stands now.

A topic holds repeats: every checker that takes a partition over may publish again what the last one had, and one that
does not know yet that it lost the partition may publish late. A record whose clock lies before one that was already
read, or that repeats it, is no news.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dojopool.core.invariants.violation import Violation


@dataclass(frozen=True, slots=True)
class Standing:
    """One violation as a topic tells it."""

    latest: Violation
    breach: Violation
    """The last record that had values: what it was about, also when it is over."""
    first_ms: int
    """Time of the first record of it, by the stamps."""
    records: int
    """Records that were news."""


class History:
    """Violations by id. Feed it records in log order."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}

    def add(self, violation: Violation) -> bool:
        """Take a record in; whether it was news."""
        known = self.standings.get(violation.id)
        if known is None:
            self.standings[violation.id] = Standing(violation, violation, violation.at_ms, 1)
            return True
        if not _is_news(violation, known.latest):
            return False
        self.standings[violation.id] = replace(
            known,
            latest=violation,
            breach=violation if violation.state.is_open else known.breach,
            records=known.records + 1,
        )
        return True


def _is_news(violation: Violation, latest: Violation) -> bool:
    if violation.clock == latest.clock:
        return violation.state is not latest.state
    return not all(seq <= latest.clock.get(node, 0) for node, seq in violation.clock.items())
