"""What every store keeps of the promises of StateStore, whatever product is behind it.

A module that runs this suite defines the fixtures `store`, a StateStore in which nothing is stored yet, and `views`, a
ViewReader of the same region, and a class of its own:

    class TestThisStore(StateStoreContract, ViewReaderContract): ...

Left out is what only an implementation can provoke: an eviction policy, a store that lost writes, a lost reply.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from contracts.batches import Owner, change, eu, stored_states
from contracts.waiting import changed_matches
from dojopool.core.cut import Position
from dojopool.errors import ConfigError
from dojopool.ports import Head, Outcome, StateStore, ViewReader

EVERY_BYTE = bytes(range(256))


class StateStoreContract:
    """Every promise of StateStore."""

    async def test_nothing_is_stored_at_first(self, store: StateStore) -> None:
        """The first claim of a partition finds no positions, no version and no states."""
        head = await store.claim(0, owner="replica-1")

        assert (head.positions, head.version) == (None, None)
        assert await stored_states(store) == {}

    async def test_every_claim_raises_the_epoch(self, store: StateStore) -> None:
        """Epochs of a partition rise with each claim, whoever claims."""
        epochs = [(await store.claim(0, owner=name)).epoch for name in ("a", "b", "b", "a")]

        assert epochs == sorted(set(epochs))

    async def test_a_claim_returns_what_is_stored(self, store: StateStore) -> None:
        """Positions come back whole, for every stream, with the version of the last batch."""
        positions = {
            "eu": Position(next_offset=7, tick=3, mark_offset=5, mark_time_ms=1_754_000_000_123),
            "us-east-2": Position(next_offset=0, tick=0, mark_offset=-1, mark_time_ms=0),
        }
        owner = await Owner.claim(store)
        await owner.write(positions, change("m-1"))

        head = await store.claim(0, owner="replica-2")

        assert head == Head(head.epoch, positions, "v1")
        assert head.epoch > owner.head.epoch

    async def test_a_write_returns_what_is_stored_then(self, store: StateStore) -> None:
        """The head that comes with an applied batch is the one a claim would find."""
        owner = await Owner.claim(store)
        epoch = owner.head.epoch
        await owner.write(eu(5, 1), change("m-1"))

        assert owner.head == Head(epoch, eu(5, 1), "v1")

    async def test_states_are_those_of_the_last_batches(self, store: StateStore) -> None:
        """Each match has the bytes last written for it, whatever bytes they are."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1", b"old"), change("m-2", EVERY_BYTE))
        await owner.write(eu(2), change("m-1", b""), change("Z_9.x:y-z", b"{}"))

        assert await stored_states(store) == {"m-1": b"", "m-2": EVERY_BYTE, "Z_9.x:y-z": b"{}"}

    async def test_states_come_in_chunks(self, store: StateStore) -> None:
        """A large batch is applied whole, and its states come in chunks that are no larger than they must be."""
        owner = await Owner.claim(store)
        names = [f"m-{number}" for number in range(3_000)]
        await owner.write(eu(1), *(change(name, name.encode() * 20) for name in names))

        assert await stored_states(store) == {name: name.encode() * 20 for name in names}
        assert max([len(chunk) async for chunk in store.states(0)]) < 3_000

    async def test_states_are_found_by_match(self, store: StateStore) -> None:
        """However many are asked for, each that is stored comes back as it was written, and no other."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), *(change(f"m-{number}", b"%d" % number) for number in range(1_200)))
        asked = [*(f"m-{number}" for number in range(0, 1_200, 2)), "m-1200", "@epoch", "@positions"]

        found = await store.states_of(0, asked)

        assert found == {f"m-{number}": b"%d" % number for number in range(0, 1_200, 2)}
        assert await store.states_of(1, ["m-0"]) == {}
        assert await store.states_of(0, []) == {}

    async def test_partitions_are_apart(self, store: StateStore) -> None:
        """Claims, writes and resets of one partition are not seen in another."""
        one, ten = await Owner.claim(store, 1), await Owner.claim(store, 10)
        await one.write(eu(1), change("m-1"))
        await store.claim(1, owner="replica-2")
        await ten.write(eu(9), change("m-10"))
        await store.reset(10, epoch=ten.head.epoch)

        assert await stored_states(store, 1) == {"m-1": b"state"}
        assert (await store.claim(1, owner="replica-3")).positions == eu(1)
        assert await stored_states(store, 10) == {}

    async def test_a_write_that_expects_what_is_not_stored_moves_nothing(self, store: StateStore) -> None:
        """Only the exact stored positions are a base to write on: each other map is MOVED and answered with them."""
        owner = await Owner.claim(store)
        stored = {**eu(5, 2), "us": Position(3)}
        await owner.write(stored, change("m-1"))
        wrong = [
            None,
            {},
            eu(5, 2),
            {**stored, "us": Position(2)},
            {**stored, "us": Position(3, tick=1, mark_offset=2)},
            {**stored, "ap": Position()},
            {"eu": stored["us"], "us": stored["eu"]},
        ]

        answers = [
            await store.write(replace(owner.batch(eu(9), change("m-2")), expected=expected)) for expected in wrong
        ]

        assert answers == [(Outcome.MOVED, Head(owner.head.epoch, stored, "v1"))] * len(wrong)

    async def test_a_write_that_expects_something_of_an_empty_store_moves_nothing(self, store: StateStore) -> None:
        """Who believes in stored positions, be it of no stream at all, finds out when there are none."""
        owner = await Owner.claim(store)
        batch = owner.batch(eu(9), change("m-1"))

        answers = [await store.write(replace(batch, expected=expected)) for expected in (eu(5), {})]

        assert answers == [(Outcome.MOVED, Head(owner.head.epoch, None, None))] * 2
        assert await stored_states(store) == {}

    async def test_positions_are_compared_by_offset_and_tick(self, store: StateStore) -> None:
        """Where a mark stood and when it was written are kept, not compared."""
        owner = await Owner.claim(store)
        await owner.write({"eu": Position(5, 2, 3, 1_000)})

        outcome, _ = await store.write(replace(owner.batch(eu(6)), expected={"eu": Position(5, 2, 4, 9_000)}))

        assert outcome is Outcome.APPLIED

    async def test_large_numbers_are_compared_exactly(self, store: StateStore) -> None:
        """Offsets that a floating-point number cannot tell apart are told apart, and come back exact."""
        large = (1 << 53) + 1
        owner = await Owner.claim(store)
        await owner.write({"eu": Position(large, large, large, large)})

        outcome, head = await store.write(replace(owner.batch(eu(6)), expected={"eu": Position(large - 1, large)}))

        assert outcome is Outcome.MOVED
        assert head.positions == {"eu": Position(large, large, large, large)}

    async def test_the_same_batch_again_is_already_stored(self, store: StateStore, views: ViewReader) -> None:
        """A retry of a batch that had arrived changes nothing, is told so, and is not announced twice."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1", b"one", score=1), at_ms=1_000)
        batch = owner.batch(eu(2), change("m-1", b"two", score=2), at_ms=2_000)

        outcomes = [(await store.write(each))[0] for each in (batch, batch, replace(batch, at_ms=9_000))]

        assert outcomes == [Outcome.APPLIED, Outcome.ALREADY_STORED, Outcome.ALREADY_STORED]
        assert await stored_states(store) == {"m-1": b"two"}
        assert await views.matches(0, limit=5) == [("m-1", 2_000)]
        assert await changed_matches(views, 0, after="0-0", matches=2) == ["m-1", "m-1"]

    async def test_a_claim_fences_every_earlier_owner(self, store: StateStore) -> None:
        """Whoever claimed before cannot write any more, not even a batch that is stored already."""
        first = await Owner.claim(store)
        await first.write(eu(1), change("m-1"))
        again = first.batch(eu(1), change("m-1"))
        second = await Owner.claim(store, name="replica-2")

        answers = [await store.write(batch) for batch in (first.batch(eu(2), change("m-2")), again)]

        assert answers == [(Outcome.FENCED, Head(second.head.epoch, eu(1), "v1"))] * 2
        await second.write(eu(2), change("m-3"))
        assert await stored_states(store) == {"m-1": b"state", "m-3": b"state"}

    async def test_a_claim_that_the_store_lost_is_no_right_to_write(self, store: StateStore) -> None:
        """A batch of an epoch above the stored one says that the store lost writes: MOVED."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1"))
        batch = replace(owner.batch(eu(2), change("m-2")), epoch=owner.head.epoch + 1)

        assert await store.write(batch) == (Outcome.MOVED, owner.head)
        assert await stored_states(store) == {"m-1": b"state"}

    async def test_a_refused_batch_changes_nothing(self, store: StateStore, views: ViewReader) -> None:
        """Neither states nor views nor lists nor announcements show anything of a batch that was refused."""
        late = await Owner.claim(store)
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1", b"one", score=1), at_ms=1_000)
        cursor = await views.last_change(0)
        refused = change("m-1", b"two", score=2, phase="live"), change("m-2")
        await store.write(replace(late.batch(eu(2), *refused, at_ms=2_000), expected=eu(1)))
        await store.write(replace(owner.batch(eu(2), *refused, at_ms=2_000), expected=eu(7)))

        assert await stored_states(store) == {"m-1": b"one"}
        assert await views.view(0, "m-1") == {"score": b"1"}
        assert await views.view(0, "m-2") == {}
        assert await views.matches(0, limit=5) == [("m-1", 1_000)]
        assert await views.last_change(0) == cursor

    async def test_of_two_writes_at_once_one_is_applied(self, store: StateStore) -> None:
        """Two different batches on the same base, sent at once, are applied and refused, never both applied."""
        owner = await Owner.claim(store)
        await owner.write(eu(1))
        batches = [owner.batch(eu(number), change(f"m-{number}")) for number in range(2, 8)]

        answers = await asyncio.gather(*(store.write(batch) for batch in batches))

        assert sorted(outcome.name for outcome, _ in answers) == ["APPLIED"] + ["MOVED"] * 5
        [applied] = [batch for batch, (outcome, _) in zip(batches, answers, strict=True) if outcome is Outcome.APPLIED]
        assert await stored_states(store) == {applied.changes[0].match: b"state"}
        assert (await store.claim(0, owner="next")).positions == applied.positions

    async def test_a_batch_may_change_positions_alone(self, store: StateStore) -> None:
        """A batch without changed matches moves the positions and leaves the states."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1"))
        await owner.write(eu(2, 1))

        assert (await store.claim(0, owner="next")).positions == eu(2, 1)
        assert await stored_states(store) == {"m-1": b"state"}

    async def test_a_reset_forgets_all_but_the_epoch_and_the_views(self, store: StateStore, views: ViewReader) -> None:
        """After a reset the owner writes as on an empty partition, and readers still find what they found."""
        owner = await Owner.claim(store)
        await owner.write(eu(5), change("m-1", phase="live"), change("m-2"))

        assert await store.reset(0, epoch=owner.head.epoch)
        assert await stored_states(store) == {}
        assert await views.view(0, "m-1") == {"phase": b'"live"'}
        outcome, head = await store.write(replace(owner.batch(eu(1), change("m-3")), expected=None))
        assert (outcome, head) == (Outcome.APPLIED, Head(owner.head.epoch, eu(1), "v1"))
        assert await stored_states(store) == {"m-3": b"state"}

    async def test_a_reset_leaves_nothing_to_trust(self, store: StateStore) -> None:
        """Who claims after a reset that was not followed by a write finds no positions, and a higher epoch."""
        owner = await Owner.claim(store)
        await owner.write(eu(5), change("m-1"))
        await store.reset(0, epoch=owner.head.epoch)

        head = await store.claim(0, owner="next")

        assert (head.positions, head.version) == (None, None)
        assert head.epoch > owner.head.epoch

    async def test_only_the_owner_resets(self, store: StateStore) -> None:
        """A reset under any epoch but the current one is refused and forgets nothing."""
        first = await Owner.claim(store)
        second = await Owner.claim(store)
        await second.write(eu(5), change("m-1"))

        assert not await store.reset(0, epoch=first.head.epoch)
        assert not await store.reset(0, epoch=second.head.epoch + 1)
        assert await stored_states(store) == {"m-1": b"state"}
        assert (await store.claim(0, owner="next")).positions == eu(5)

    async def test_a_partition_nobody_claimed_is_not_reset_or_written(self, store: StateStore) -> None:
        """Without a claim there is no epoch to act under."""
        owner = await Owner.claim(store, 1)
        foreign = replace(owner.batch(eu(1), change("m-1")), partition=2)

        assert not await store.reset(2, epoch=owner.head.epoch)
        assert (await store.write(foreign))[0] is Outcome.MOVED
        assert await stored_states(store, 2) == {}

    async def test_status_fields_are_set_one_by_one(self, store: StateStore, views: ViewReader) -> None:
        """Setting some fields of the status leaves the others."""
        assert await views.status() == {}
        await store.put_status({"region": b"eu", "0": b"{}"})
        await store.put_status({"0": b'{"at":1}', "1": EVERY_BYTE})

        assert await views.status() == {"region": b"eu", "0": b'{"at":1}', "1": EVERY_BYTE}

    async def test_a_store_of_the_same_number_of_partitions_is_accepted(self, store: StateStore) -> None:
        """A check passes on an empty store and on one whose status names the same number."""
        await store.check(partitions=16)
        await store.put_status({"partitions": b"16"})
        await store.check(partitions=16)

    async def test_another_number_of_partitions_is_refused(self, store: StateStore) -> None:
        """A store that was filled with another number of partitions is no store for this program; both are named."""
        await store.put_status({"partitions": b"16"})

        with pytest.raises(ConfigError, match=r"8.*16|16.*8"):
            await store.check(partitions=8)
