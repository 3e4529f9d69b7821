"""What all histories are played with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dojopool.core.crdt import maps


@pytest.fixture(autouse=True, scope="session")
def _pieces_of_every_map() -> Iterator[None]:
    """Random histories have few keys: what is remembered of long maps is remembered of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "PIECES_FROM", 0)
        yield
