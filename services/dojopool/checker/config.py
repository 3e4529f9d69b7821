"""Where a checker works."""

from __future__ import annotations

from dataclasses import dataclass

from dojopool.replica.config import ReplicaConfig


@dataclass(frozen=True, slots=True)
class CheckerConfig(ReplicaConfig):
    """One checker process: what it reads is what a replica reads, what it writes is its own."""

    @property
    def group(self) -> str:
        """The consumer group that shares the partitions out among checkers."""
        return f"{self.prefix}.checker.{self.region}"

    @property
    def violations_topic(self) -> str:
        """Where violations are published; each region has its own in its own Kafka."""
        return f"{self.prefix}.violations"

    @property
    def source(self) -> str:
        """Who publishes, in the CloudEvents sense: the same for all checkers of a region."""
        return f"/{self.prefix}/{self.region}/checker"
