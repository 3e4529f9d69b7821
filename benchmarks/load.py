"""The benchmark's topic: pool events of two regions, as a season of matches in progress would write them.

2,000 matches, each written by one scorekeeper per region who has read the other's events now and then: most events
carry no context, as on a real topic. Same seed, same bytes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Final

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.core.partition import partition_of
from dojopool.games.loading import load_game
from dojopool.ports import Outgoing

REGIONS: Final = ("eu", "us")
MATCHES: Final = 2_000
PARTITIONS: Final = 4
CHUNK_RECORDS: Final = 2_000
SEED: Final = 20_170_228


def events(count: int) -> Iterator[tuple[str, str, bytes]]:
    """`count` events as (region, match, record value), in an order in which every event's past comes first."""
    chance = random.Random(SEED)
    codec = load_game("pool").codec
    seqs = {(region, match): 0 for region in REGIONS for match in range(MATCHES)}
    read = dict.fromkeys(seqs, 0)
    for number in range(count):
        match = number % MATCHES
        region = REGIONS[(number // MATCHES) % 2]
        other = REGIONS[1 - REGIONS.index(region)]
        seqs[region, match] += 1
        context = None
        if seqs[other, match] > read[region, match] and chance.random() < 0.2:
            read[region, match] = seqs[other, match]
            context = {f"{other}/gs-{match % 7}#a1b2c3": read[region, match]}
        kind, body = _body(chance, number // MATCHES)
        yield (
            region,
            f"m{match}",
            codec.encode(
                match=f"m{match}",
                node=f"{region}/gs-{match % 7}#a1b2c3",
                seq=seqs[region, match],
                base=None,
                context=context,
                stamp=(1_700_000_000_000 + number) << 16,
                type=kind,
                body=body,
            ),
        )


def _body(chance: random.Random, turn: int) -> tuple[str, dict[str, object]]:
    frame, step = turn // 20 + 1, turn % 20
    if step == 0:
        return "frame_started", {"frame": frame, "breaker": "ana"}
    if step == 19:
        return "frame_finished", {"frame": frame, "winner": "ana"}
    return "points_awarded", {"frame": frame, "player": chance.choice(("ana", "bo")), "points": 1}


async def fill(bootstrap: str, prefix: str, count: int) -> None:
    """Create the topics of both regions under `prefix` in one Kafka and write `count` events to them."""
    log = KafkaLog(bootstrap)
    async with log.admin() as admin:
        for region in REGIONS:
            await admin.create_topic(f"{prefix}.events.{region}", partitions=PARTITIONS, config={"retention.ms": "-1"})
        await admin.create_topic(f"{prefix}.dead-letters", partitions=PARTITIONS, config={})
    async with log.writer() as writer:
        waiting: dict[tuple[str, int], list[Outgoing]] = {}
        for region, match, value in events(count):
            place = (f"{prefix}.events.{region}", partition_of(match, PARTITIONS))
            batch = waiting.setdefault(place, [])
            batch.append(Outgoing(match.encode(), value))
            if len(batch) == CHUNK_RECORDS:
                await writer.append(*place, batch, timeout_s=30)
                batch.clear()
        await asyncio.gather(*(writer.append(*place, batch, timeout_s=30) for place, batch in waiting.items() if batch))
