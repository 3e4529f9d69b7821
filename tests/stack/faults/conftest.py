"""What the tests of faults share."""

from __future__ import annotations

import os
import secrets

import pytest


@pytest.fixture
def fault_seed() -> int:
    """The seed of what a test leaves to chance; FAULT_SEED repeats a run as far as the servers allow it."""
    seed = int(os.environ.get("FAULT_SEED") or secrets.randbelow(2**32))
    print(f"FAULT_SEED={seed}")
    return seed
