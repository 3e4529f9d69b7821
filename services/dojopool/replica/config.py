"""Where a replica works."""

from __future__ import annotations

from dataclasses import dataclass

from dojopool.replica.failpoints import OFF, Failpoints


@dataclass(frozen=True, slots=True)
class ReplicaConfig:
    """One replica process: its region, the deployment's regions, and names."""

    region: str
    regions: tuple[str, ...]
    partitions: int
    prefix: str
    owner: str
    """Names this process in the store's claims."""
    failpoints: Failpoints = OFF
    """Where a test holds this process."""

    def topic_of(self, region: str) -> str:
        """The event topic of a region."""
        return f"{self.prefix}.events.{region}"

    @property
    def topics(self) -> dict[str, str]:
        """The event topics by region."""
        return {region: self.topic_of(region) for region in self.regions}

    @property
    def own_topic(self) -> str:
        """The event topic of this replica's region."""
        return self.topic_of(self.region)

    @property
    def letters_topic(self) -> str:
        """The topic of dead letters."""
        return f"{self.prefix}.dead-letters"

    @property
    def group(self) -> str:
        """The consumer group that shares the partitions out."""
        return f"{self.prefix}.replica.{self.region}"
