"""Names of the keys in Redis: a public contract, so that any Redis client can read the views.

`{p}` is a hash tag: all keys of a partition live in one slot of a cluster, and one call may change them together.
"""

from __future__ import annotations


class Keys:
    """Key names under one prefix (DOJO_PREFIX)."""

    __slots__ = ("_prefix",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @property
    def status(self) -> str:
        """Hash: facts of the region."""
        return f"{self._prefix}:status"

    def state(self, partition: int) -> str:
        """Hash, private: canonical states, positions, epoch."""
        return f"{self._prefix}:{{{partition}}}:state"

    def view(self, partition: int, match: str) -> str:
        """Hash: what anyone may read of a match."""
        return f"{self._prefix}:{{{partition}}}:match:{match}"

    def matches(self, partition: int) -> str:
        """Sorted set: live match ids by the time of their last change."""
        return f"{self._prefix}:{{{partition}}}:matches"

    def changes(self, partition: int) -> str:
        """Stream: which matches each batch changed."""
        return f"{self._prefix}:{{{partition}}}:changes"

    def written(self, partition: int) -> list[str]:
        """The keys that a batch declares."""
        return [self.state(partition), self.matches(partition), self.changes(partition)]
