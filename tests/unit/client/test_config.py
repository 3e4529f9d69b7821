"""Where a connection works."""

from __future__ import annotations

from dojopool.client.config import ClientConfig


def test_the_topic_is_the_own_regions() -> None:
    """A connection writes to its own region's topic, under the deployment's prefix."""
    config = ClientConfig(region="eu", regions=("eu", "us"), partitions=4, prefix="staging", node="eu/a#1")

    assert config.topic == "staging.events.eu"
