"""Which partition a match lives in: Kafka's default rule for keyed records, so that writers in any language agree.

The rule is `murmur2(key) & 0x7fffffff mod partitions`, as in the Java client's default partitioner. The murmur2 here
is Kafka's: a 32-bit MurmurHash2 (Austin Appleby) with Kafka's own seed. It is not Murmur3, which some clients use for
the same purpose.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

SEED: Final = 0x9747B28C
MULTIPLIER: Final = 0x5BD1E995
MASK: Final = 0xFFFFFFFF


@lru_cache(maxsize=1 << 14)
def partition_of(match: str, partitions: int) -> int:
    """The partition of `match`, 0 to partitions - 1. Cached, because every record read is checked."""
    return (murmur2(match.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of `data`, as an unsigned number."""
    whole = len(data) & ~3
    mixed = (SEED ^ len(data)) & MASK
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * MULTIPLIER & MASK
        word = (word ^ word >> 24) * MULTIPLIER & MASK
        mixed = mixed * MULTIPLIER & MASK ^ word
    if whole < len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * MULTIPLIER & MASK
    mixed = (mixed ^ mixed >> 13) * MULTIPLIER & MASK
    return mixed ^ mixed >> 15
