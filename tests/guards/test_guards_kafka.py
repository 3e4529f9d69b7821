"""The guards that only a real Kafka shows: each scenario holds with the client as it is, and not without the guard."""

from __future__ import annotations

import pytest

from guards.headers import KAFKA_GUARDS
from guards.result import Guard

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

EACH = pytest.mark.parametrize("guard", KAFKA_GUARDS, ids=lambda guard: guard.name)


@EACH
async def test_the_sound_client_holds(guard: Guard, kafka: str, unique_prefix: str) -> None:
    """What readers see in the end is what the oracle says."""
    result = await guard.scenario(kafka, unique_prefix)

    assert result.holds, result


@EACH
async def test_the_broken_client_is_caught(
    guard: Guard, kafka: str, unique_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the guard, the same scenario loses something."""
    guard.patch(monkeypatch)
    result = await guard.scenario(kafka, unique_prefix)

    assert (result.holds, result.harm) == (False, guard.harm), result
