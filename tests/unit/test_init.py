"""The package's public names come when they are asked for, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dojopool
from dojopool.client import Accepted
from dojopool.core.clock import VectorClock


def test_public_names_are_those_of_their_homes() -> None:
    """Each name can be had, and is the very object that its module defines."""
    assert dojopool.Accepted is Accepted
    assert dojopool.VectorClock is VectorClock
    assert all(getattr(dojopool, name) is not None for name in dojopool.__all__)
    assert set(dojopool.__all__) <= set(dir(dojopool))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """And the error lists what there is."""
    with pytest.raises(AttributeError, match=r"no attribute 'conect'; its names are .*connect"):
        dojopool.conect  # noqa: B018 - asking is the test


def test_core_stays_light() -> None:
    """Who imports core or a game's vocabulary gets no Kafka, no Redis and no pydantic with it."""
    code = (
        "import sys, dojopool.core.fold, dojopool.game;"
        "heavy = {'aiokafka', 'redis', 'pydantic', 'fastavro', 'asyncio'} & set(sys.modules);"
        "print(*sorted(heavy))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.split() == []
