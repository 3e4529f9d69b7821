"""The way in checks its settings before it reaches for a server; the rest is shown on real ones in `tests/stack`."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.client.wiring import connect, new_node
from dojopool.core.names import node_fault
from dojopool.errors import ConfigError


@pytest.mark.parametrize("instance", ["gs-7", "Ana's machine.local", "ü" * 100, "-"])
def test_every_connection_has_a_node_of_its_own(instance: str) -> None:
    """Whatever the machine is called, the name is valid, and no incarnation is drawn twice."""
    nodes = {new_node("eu", instance) for _ in range(50)}

    assert len(nodes) == 50
    assert [node_fault(f"{node}.99") for node in nodes] == [None] * 50


def test_the_instance_can_be_recognised() -> None:
    """What a name may hold stays as it is."""
    assert new_node("eu", "gs-7.a").startswith("eu/gs-7.a#")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "DOJO_REGIONS is not set"),
        ({"region": "eu"}, "DOJO_KAFKA is not set"),
        ({"region": "eu", "kafka": "127.0.0.1:1"}, "DOJO_REDIS is not set"),
        ({"region": "eu", "game": "chess"}, "game 'chess' is neither built in"),
    ],
)
async def test_a_wrong_setting_is_named(settings: dict[str, Any], text: str) -> None:
    """Settings come from the arguments and the environment, and the first wrong one is named."""
    with pytest.raises(ConfigError, match=text):
        async with connect(**settings):
            pass
