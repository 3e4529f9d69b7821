"""Names that other programs and people rely on."""

from __future__ import annotations

from dojopool.replica.config import ReplicaConfig

STAGING = ReplicaConfig(region="eu", regions=("eu", "us"), partitions=4, prefix="staging", owner="host/1/a")


def test_names_carry_prefix_and_region() -> None:
    """Topics and group are those of the design, under the deployment's prefix."""
    assert STAGING.topics == {"eu": "staging.events.eu", "us": "staging.events.us"}
    assert STAGING.own_topic == "staging.events.eu"
    assert STAGING.letters_topic == "staging.dead-letters"
    assert STAGING.group == "staging.replica.eu"
