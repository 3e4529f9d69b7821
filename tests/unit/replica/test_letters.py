"""Dead letters on the in-memory log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.core.streams import Letter, LetterKind
from dojopool.replica import letters as module
from dojopool.replica.letters import RECORD_BYTES_MAX, DeadLetters
from support.pipeline import NOW_MS, Facts, Pipeline

TOPIC = "dojo.dead-letters"
SOURCE = "dojo.events.eu"


class Post:
    """A log with a topic for letters, and who writes them."""

    def __init__(self, letters: DeadLetters, log: MemoryLog, facts: Facts) -> None:
        self.letters, self.log, self.facts = letters, log, facts
        self.told: list[Exception] = []

    async def write(self, *letters: Letter) -> None:
        """Write letters of partition 1."""
        await self.letters.write(SOURCE, 1, letters, failed=self.told.append)

    def written(self) -> list[StoredRecord]:
        """What is in the topic's partition 1."""
        return self.log.partition((TOPIC, 1)).read(0)


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    """An empty topic of two partitions that takes a kilobyte a record."""
    log = MemoryLog(region="eu")
    log.create(TOPIC, partitions=2, config={"max.message.bytes": "1000"})
    facts = Facts()
    async with log.writer() as writer:
        yield Post(DeadLetters(writer, facts, topic=TOPIC), log, facts)


def letter(offset: int, value: bytes | None = b"damaged", **headers: bytes) -> Letter:
    """A letter for the record at `offset`."""
    return Letter(
        StoredRecord(offset, b"m-1", value, tuple(headers.items()), NOW_MS),
        LetterKind.UNDECODABLE,
        reason=f"reason {offset}",
    )


async def test_a_letter_holds_the_record_and_why(post: Post) -> None:
    """The record's bytes and headers are kept; key and further headers say where it lies and what is wrong."""
    await post.write(letter(7, b"damaged", trace=b"t-1"))

    [found] = post.written()
    assert (found.key, found.value) == (b"dojo.events.eu/1/7", b"damaged")
    assert found.headers == (
        ("trace", b"t-1"),
        ("dojo-topic", b"dojo.events.eu"),
        ("dojo-partition", b"1"),
        ("dojo-offset", b"7"),
        ("dojo-reason", b"reason 7"),
    )
    assert post.facts.letters == [(SOURCE, 1, 7, "reason 7")]


async def test_a_record_without_a_value_is_a_letter_too(post: Post) -> None:
    """A tombstone has no bytes to keep, and still a place and a reason."""
    await post.write(letter(7, None))

    assert [(found.key, found.value) for found in post.written()] == [(b"dojo.events.eu/1/7", b"")]


async def test_letters_keep_their_order(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """More letters than one append takes are all written, in the order of their records."""
    monkeypatch.setattr(module, "LETTERS_PER_APPEND_MAX", 3)

    await post.write(*map(letter, range(8)))

    assert [found.value for found in post.written()] == [b"damaged"] * 8
    assert [found.key for found in post.written()] == [b"dojo.events.eu/1/%d" % offset for offset in range(8)]
    assert [offset for _, _, offset, _ in post.facts.letters] == list(range(8))


async def test_an_append_of_letters_is_bounded_in_bytes(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long records do not share an append beyond its limit, and one that is longer than it goes alone."""
    monkeypatch.setattr(module, "BYTES_PER_APPEND_MAX", 100)
    sizes = [40, 60, 1, 200, 50, 50]
    await post.write(*(letter(offset, b"x" * size) for offset, size in enumerate(sizes)))

    assert [len(found.value or b"") for found in post.written()] == sizes
    assert [len(piece) for piece in module.appends(letter(0, b"x" * size) for size in sizes)] == [2, 1, 1, 2]


async def test_a_write_that_fails_is_tried_again(post: Post) -> None:
    """Until a letter is acknowledged the writer does not return, and it tells what it waits for."""
    post.log.fail_next_append(stored=False, times=3)

    await post.write(letter(1))

    assert len(post.written()) == 1
    assert len(post.told) == 3


async def test_an_unknown_outcome_may_repeat_a_letter_under_its_key(post: Post) -> None:
    """A letter that was stored without an answer is written again, and its key says that it is the same."""
    post.log.fail_next_append(stored=True)

    await post.write(letter(1))

    assert [found.key for found in post.written()] == [b"dojo.events.eu/1/1"] * 2
    assert post.facts.letters == [(SOURCE, 1, 1, "reason 1")]


async def test_a_letter_that_is_not_taken_is_not_dropped(post: Post) -> None:
    """One that is too large for its topic waits for an operator: nothing behind it is written, and the reason shows."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(post.write(letter(1, b"x" * 2000), letter(2)), 60)

    assert post.written() == []
    assert "takes at most 1000" in str(post.told[-1])


async def test_a_record_too_large_for_any_topic_is_cut() -> None:
    """Compressed it passed a broker: its letter has its beginning and its size, and the stream goes on."""
    pipeline, facts = Pipeline(), Facts()
    large = StoredRecord(7, b"m-1", b"x" * 3_000_000, (("h", b"y" * 1_000),), NOW_MS)
    async with pipeline.log.writer() as writer:
        letters = DeadLetters(writer, facts, topic=pipeline.config.letters_topic)
        await letters.write(
            "dojo.events.eu", 0, [Letter(large, LetterKind.UNDECODABLE, "too long")], failed=lambda _: None
        )

    [written] = pipeline.letters()
    assert written.value == b"x" * RECORD_BYTES_MAX
    assert dict(written.headers)["dojo-cut"] == b"3000000"
    assert "h" not in dict(written.headers)
