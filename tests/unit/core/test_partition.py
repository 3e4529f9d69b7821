"""Partitions are those of Kafka's default partitioner."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from dojopool.core.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, signed: int) -> None:
    """The hash is the one that the Java client's own tests expect, as a signed number there."""
    assert murmur2(key) == signed & 0xFFFFFFFF


@given(st.binary(max_size=40))
def test_murmur2_agrees_with_aiokafka(key: bytes) -> None:
    """Keys of every length, with and without bytes left over, hash as in another client."""
    assert murmur2(key) == aiokafka_murmur2(key)


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), st.sampled_from([1, 7, 8, 64]))
def test_a_match_is_where_kafkas_default_partitioner_puts_its_key(match: str, partitions: int) -> None:
    """Any producer with the default partitioner writes a match to the partition we expect it in."""
    everywhere = list(range(partitions))

    assert partition_of(match, partitions) == DefaultPartitioner()(match.encode(), everywhere, everywhere)
