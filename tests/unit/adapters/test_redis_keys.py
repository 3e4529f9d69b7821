"""Names of keys."""

from __future__ import annotations

from redis.crc import key_slot

from dojopool.adapters.redis_keys import Keys


def test_names_are_those_of_the_contract() -> None:
    """Readers in any language rely on these."""
    keys = Keys("dojo")

    assert keys.status == "dojo:status"
    assert keys.view(3, "m-1") == "dojo:{3}:match:m-1"
    assert keys.written(3) == ["dojo:{3}:state", "dojo:{3}:matches", "dojo:{3}:changes"]


def test_a_partition_is_one_slot_of_a_cluster() -> None:
    """All keys of a partition can be changed in one call, whatever the prefix and the match."""
    keys = Keys("staging")

    assert len({key_slot(key.encode()) for key in (*keys.written(7), keys.view(7, "a"), keys.view(7, "b"))}) == 1
