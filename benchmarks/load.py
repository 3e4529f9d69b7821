"""The benchmark's topic: pool events of two regions, as a season of matches in progress would write them.

2,000 matches, each written by one scorekeeper per region who has read the other's events now and then: most events
carry no context, as on a real topic. Same seed, same bytes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Final, NamedTuple

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.core.partition import partition_of
from dojopool.games.loading import load_game
from dojopool.local.topics import create_topics
from dojopool.ports import Outgoing

REGIONS: Final = ("eu", "us")
MATCHES: Final = 2_000
PARTITIONS: Final = 4
CHUNK_RECORDS: Final = 250
"""Of one append, which gives its records one time: few, so that the regions' times run side by side as on a real
topic.
"""
SEED: Final = 20_170_228


class Written(NamedTuple):
    """One event of the topic."""

    region: str
    match: str
    value: bytes
    points: int
    """That it awards; 0 for what is not points."""


class Totals(NamedTuple):
    """What a topic holds, and so what a state must show that has taken each of its events once."""

    matches: int
    events: int
    points: int


def events(count: int) -> Iterator[Written]:
    """`count` events, in an order in which every event's past comes first."""
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
        value = codec.encode(
            match=f"m{match}",
            node=f"{region}/gs-{match % 7}#a1b2c3",
            seq=seqs[region, match],
            base=None,
            context=context,
            stamp=(1_700_000_000_000 + number) << 16,
            type=kind,
            body=body,
        )
        yield Written(region, f"m{match}", value, points=1 if kind == "points_awarded" else 0)


def _body(chance: random.Random, turn: int) -> tuple[str, dict[str, object]]:
    frame, step = turn // 20 + 1, turn % 20
    if step == 0:
        return "frame_started", {"frame": frame, "breaker": "ana"}
    if step == 19:
        return "frame_finished", {"frame": frame, "winner": "ana"}
    return "points_awarded", {"frame": frame, "player": chance.choice(("ana", "bo")), "points": 1}


async def create(bootstrap: str, prefix: str) -> None:
    """Create the topics of a deployment of REGIONS in one Kafka."""
    async with KafkaLog(bootstrap).admin() as admin:
        await create_topics({"eu": admin}, regions=REGIONS, partitions=PARTITIONS, prefix=prefix)


async def fill(bootstrap: str, prefix: str, count: int) -> Totals:
    """Write `count` events to the topics of `prefix`, and return what is in them then."""
    points = 0
    async with KafkaLog(bootstrap).writer() as writer:
        waiting: dict[tuple[str, int], list[Outgoing]] = {}
        for event in events(count):
            points += event.points
            place = (f"{prefix}.events.{event.region}", partition_of(event.match, PARTITIONS))
            batch = waiting.setdefault(place, [])
            batch.append(Outgoing(event.match.encode(), event.value))
            if len(batch) == CHUNK_RECORDS:
                await writer.append(*place, batch, timeout_s=30)
                batch.clear()
        await asyncio.gather(*(writer.append(*place, batch, timeout_s=30) for place, batch in waiting.items() if batch))
    return Totals(matches=min(count, MATCHES), events=count, points=points)
