"""Trying again without an end."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.errors import Refused, Unavailable
from dojopool.replica.patience import until_done


class Work:
    """Fails with each of `errors` in turn, then returns when it was done."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tried_at: list[float] = []

    async def __call__(self) -> str:
        self.tried_at.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def persist(work: Work, told: list[Exception]) -> str:
    """Run `work` to its end, Unavailable being what passes."""
    return await until_done(work, doing="working", on=Unavailable, wait_s_max=2.0, failed=told.append)


async def test_what_passes_is_tried_again() -> None:
    """The result is that of the first try that worked, and every failure was told."""
    errors = [Unavailable("no"), Unavailable("not yet")]
    told: list[Exception] = []

    assert await persist(Work(*errors), told) == "done"
    assert told == errors


async def test_pauses_are_bounded() -> None:
    """However often it failed, the next try comes within the longest pause, and never at once."""
    work = Work(*(Unavailable("no") for _ in range(30)))

    await persist(work, [])

    pauses = [later - earlier for earlier, later in zip(work.tried_at, work.tried_at[1:], strict=False)]
    assert len(pauses) == 30
    assert min(pauses) > 0
    assert max(pauses) <= 2.0 + 1e-9  # sums of floats


async def test_another_error_is_not_retried() -> None:
    """What does not pass is raised at once, and is nothing to be told of."""
    told: list[Exception] = []

    with pytest.raises(Refused, match="another owner"):
        await persist(Work(Refused("another owner")), told)
    assert told == []


async def test_a_cancelled_wait_ends() -> None:
    """Whoever must go on without the outcome cancels, in the middle of a pause too."""
    work = Work(*(Unavailable("no") for _ in range(1000)))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(persist(work, []), 10)
