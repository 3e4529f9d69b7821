"""What a test can do to the in-memory store, and what owners then see."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from contracts.batches import Owner, change, eu, stored_states
from dojopool.adapters.memory_store import MemoryStore
from dojopool.errors import ConfigError, Unavailable
from dojopool.ports import Head, MatchChange, Outcome


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore(region="eu")


async def test_what_is_stored_is_not_the_callers(store: MemoryStore) -> None:
    """Changing what was handed in or handed out changes nothing in the store."""
    state, fields = bytearray(b"state"), {"score": b"1"}
    positions = dict(eu(1))
    owner = await Owner.claim(store)
    changed = MatchChange("m-1", state, fields)  # type: ignore[arg-type]  # a buffer is the point of the test
    _, head = await store.write(owner.batch(positions, changed))
    state[:], fields["score"] = b"xxxxx", b"2"
    positions["us"] = positions["eu"]
    assert isinstance(head.positions, dict)
    head.positions.clear()
    view = await store.view(0, "m-1")
    assert isinstance(view, dict)
    view.clear()

    assert await stored_states(store) == {"m-1": b"state"}
    assert await store.view(0, "m-1") == {"score": b"1"}
    assert (await store.claim(0, owner="next")).positions == eu(1)


@pytest.mark.parametrize(("applied", "again"), [(True, Outcome.ALREADY_STORED), (False, Outcome.APPLIED)])
async def test_a_lost_reply_is_settled_by_sending_again(store: MemoryStore, applied: bool, again: Outcome) -> None:
    """A write that raised was applied or not, and the same batch finds out which."""
    owner = await Owner.claim(store)
    batch = owner.batch(eu(1), change("m-1"))
    store.fail_next_write(applied=applied)
    with pytest.raises(Unavailable):
        await store.write(batch)
    assert await stored_states(store) == ({"m-1": b"state"} if applied else {})

    outcome, _ = await store.write(batch)
    assert outcome is again
    assert await stored_states(store) == {"m-1": b"state"}


async def test_writes_may_fail_several_times(store: MemoryStore) -> None:
    """Faults are used up one by one, in the order they were asked for."""
    owner = await Owner.claim(store)
    store.fail_next_write(applied=False, times=2)
    store.fail_next_write(applied=True)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await store.write(owner.batch(eu(1)))

    assert (await store.write(owner.batch(eu(1))))[0] is Outcome.ALREADY_STORED


async def test_a_flushed_store_knows_nothing_and_says_so(store: MemoryStore) -> None:
    """After a flush the owner's next batch is refused, a claim finds nothing, and no epoch comes twice."""
    owner = await Owner.claim(store)
    await owner.write(eu(5), change("m-1"))
    await store.put_status({"region": b"eu"})
    cursor = await store.last_change(0)
    store.flush()

    assert await store.write(owner.batch(eu(6), change("m-2"))) == (Outcome.MOVED, Head(0, None, None))
    assert await store.view(0, "m-1") == {}
    assert await store.status() == {}
    again = await Owner.claim(store)
    assert (again.head.positions, again.head.version) == (None, None)
    assert again.head.epoch > owner.head.epoch
    await again.write(eu(1), change("m-3"))
    assert [entry.matches for entry in await store.changes(0, after=cursor, timeout_ms=0)] == [("m-3",)]


async def test_a_store_that_lost_writes_is_at_an_earlier_point(store: MemoryStore) -> None:
    """After a rollback state and positions are those of the copy, together, and the owner's next batch is refused."""
    owner = await Owner.claim(store)
    await owner.write(eu(5), change("m-1", b"old", score=1))
    kept = store.take_copy()
    await owner.write(eu(9), change("m-1", b"new", score=2), change("m-2"))
    await store.put_status({"region": b"eu"})
    store.roll_back(kept)

    outcome, head = await store.write(owner.batch(eu(10)))
    assert (outcome, head) == (Outcome.MOVED, Head(owner.head.epoch, eu(5), "v1"))
    assert await stored_states(store) == {"m-1": b"old"}
    assert await store.view(0, "m-1") == {"score": b"1"}
    assert await store.status() == {}
    outcome, _ = await store.write(replace(owner.batch(eu(9)), expected=eu(5)))
    assert outcome is Outcome.APPLIED


async def test_a_copy_can_be_gone_back_to_twice(store: MemoryStore) -> None:
    """Neither writing on nor rolling back changes the copy."""
    owner = await Owner.claim(store)
    await owner.write(eu(1), change("m-1", b"one"))
    kept = store.take_copy()
    for number in (2, 3):
        await store.write(replace(owner.batch(eu(number), change("m-1", b"lost")), expected=eu(1)))
        store.roll_back(kept)

    assert await stored_states(store) == {"m-1": b"one"}
    assert (await store.claim(0, owner="next")).positions == eu(1)


async def test_an_epoch_that_was_lost_is_not_given_again(store: MemoryStore) -> None:
    """When a rollback loses a claim, its owner and the next one still have different epochs."""
    kept = store.take_copy()
    lost = await store.claim(0, owner="lost")
    store.roll_back(kept)
    found = await store.claim(0, owner="found")

    assert found.epoch > lost.epoch
    assert (await store.write(Owner(store, 0, lost).batch(eu(1))))[0] is Outcome.FENCED


async def test_a_store_that_may_evict_is_refused(store: MemoryStore) -> None:
    """Any policy but `noeviction` could lose state in silence; the error names it and the remedy."""
    store.eviction_policy = "allkeys-lru"
    with pytest.raises(ConfigError, match=r"allkeys-lru.*noeviction"):
        await store.check(partitions=16)
    store.eviction_policy = "noeviction"

    await store.check(partitions=16)


async def test_a_store_that_does_not_answer_raises(store: MemoryStore) -> None:
    """Every call is Unavailable until the store answers again, and nothing was changed."""
    owner = await Owner.claim(store)
    await owner.write(eu(1), change("m-1"))
    store.stop_answering()
    calls = [
        store.claim(0, owner="next"),
        stored_states(store),
        store.reset(0, epoch=owner.head.epoch),
        store.write(owner.batch(eu(2))),
        store.put_status({"region": b"eu"}),
        store.check(partitions=16),
        store.view(0, "m-1"),
        store.matches(0, limit=1),
        store.last_change(0),
        store.changes(0, after="0-0", timeout_ms=0),
        store.status(),
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    store.answer_again()

    assert [type(answer) for answer in answers] == [Unavailable] * len(calls)
    await owner.write(eu(2))


async def test_a_write_that_is_cancelled_on_its_way_back_is_applied(store: MemoryStore) -> None:
    """Cancelling after the store has the batch leaves it there."""
    owner = await Owner.claim(store)
    batch = owner.batch(eu(1), change("m-1"))
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(store.write(batch))
        await store.changes(0, after="0-0", timeout_ms=60_000)
        writing.cancel()

    assert writing.cancelled()
    assert (await store.write(batch))[0] is Outcome.ALREADY_STORED


async def test_every_call_gives_way(store: MemoryStore) -> None:
    """A call lets the other tasks have their turn, as one over a wire would."""
    ran: list[str] = []
    asyncio.get_running_loop().call_soon(ran.append, "other")
    await store.view(0, "m-1")

    assert ran == ["other"]


async def test_no_read_of_changes_brings_more_than_a_hundred(store: MemoryStore) -> None:
    """Whoever is far behind asks again, as on Redis."""
    owner = await Owner.claim(store)
    await owner.write_matches([f"m-{number}" for number in range(150)])
    first = await store.changes(0, after="0-0", timeout_ms=0)
    second = await store.changes(0, after=first[-1].cursor, timeout_ms=0)

    assert (len(first), len(second)) == (100, 50)
    assert [entry.matches for entry in (first[0], second[-1])] == [("m-0",), ("m-149",)]


async def test_states_survive_a_flush_between_chunks_without_error(store: MemoryStore) -> None:
    """A reader in the middle of the states finds the rest gone, not an exception."""
    owner = await Owner.claim(store)
    await owner.write(eu(1), *(change(f"m-{number}") for number in range(1_200)))
    chunks = []
    async for chunk in store.states(0):
        chunks.append(len(chunk))
        store.flush()

    assert chunks == [500]
