"""The fold alone, in a process of its own: what `dojo replica` does between a record read and a packed batch to send.

    python run_fold.py cost MATCHES WAITING PLACE EVENTS    CPU microseconds per event
    python run_fold.py memory traced|resident COPIES        bytes per live match of the sample league

A batch always touches ACTIVE matches, and the events that are timed change values and add nothing: winners and players
that were there before. Points would not do, since a counter keeps each addition. So cost can only differ by what is
held: the number of matches, or of events that wait.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Any, Final

import psutil

from dojopool.adapters.redis_batch import packed
from dojopool.codec.schema_guard import event_type
from dojopool.core.record import Record
from dojopool.games.loading import load_game
from dojopool.games.pool import MatchFinished, PoolEvent
from dojopool.local.league import SAMPLE, MatchPlan, read_league
from dojopool.ports import Head
from dojopool.replica import cache
from dojopool.replica.partition import OwnedPartition

REGIONS: Final = ("eu", "us")
POOL: Final = load_game("pool")
NODES: Final = {"eu": "eu/gs-7#k3f9a2b1c4d5", "us": "us/gs-4#a0b1c2d3e4f5"}
ACTIVE: Final = 1_000
"""Matches that a batch changes."""
EVENTS_EACH: Final = 8
"""Events of a batch per match it changes, half of each region."""
FRAMES: Final = (1, 2)
PLAYERS: Final = ("p49", "p3")
BATCH_RECORDS: Final = 8_000
NEVER: Final = 1_000_000
"""An event that is not written: whoever has seen it waits."""
WAITING_EACH: Final = 10
FORGOTTEN: Final = "forgotten"
STAMP: Final = 1_700_000_000_000 << 16

Said = tuple[str, dict[str, Any]]
"""Type and body of an event."""


@dataclass(slots=True)
class Given:
    """A record, as a reader hands it out."""

    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0


class Writer:
    """Numbers and encodes events, as the SDK would, and gives them offsets in the stream of their region."""

    def __init__(self) -> None:
        self._codec = POOL.codec
        self._seqs: dict[tuple[str, str], int] = {}
        self._offsets = dict.fromkeys(REGIONS, 0)

    def written(self, match: str, node: str) -> int:
        """Events of a node on a match so far."""
        return self._seqs.get((match, node), 0)

    def record(
        self, match: str, node: str, kind: str, body: dict[str, Any], *, seen: dict[str, int] | None = None
    ) -> Given:
        """The next event of a node on a match."""
        seq = self._seqs[match, node] = self.written(match, node) + 1
        value = self._codec.encode(
            match=match, node=node, seq=seq, base=None, context=seen, stamp=STAMP + seq, type=kind, body=body
        )
        region = node.partition("/")[0]
        self._offsets[region] += 1
        return Given(self._offsets[region] - 1, match.encode(), value)


class Folding:
    """One partition as a replica owns it, without a store: batches are packed and dropped."""

    def __init__(self, *, keeps: bool = False) -> None:
        """`keeps`: what was stored is kept, so that forgotten matches can be loaded again."""
        head = Head(epoch=1, positions=None, version=None)
        self.partition = OwnedPartition(0, head, POOL, partitions=1, regions=REGIONS)
        self.loaded = 0
        """How often a match was loaded again."""
        self._stored: dict[str, bytes] | None = {} if keeps else None

    def take(self, read: Mapping[str, Sequence[Record]]) -> None:
        """Fold the next records of each stream and make the batch that would be sent. Before that, as a replica does,
        forget matches when there are too many, and load those of the records that were forgotten.
        """
        if self._stored is not None:
            held = self.partition.cache
            held.shrink(stored=self.partition.batches)
            states = [(name, self._stored[name]) for name in held.absent(read.values()) if name in self._stored]
            self.loaded += len(states)
            held.load(states)
        for region, records in read.items():
            fed = self.partition.feed(region, records)
            assert fed.records == len(records), "a stream was full"
            assert not fed.letters, fed.letters[0].reason
        batch = self.partition.make_batch(1)
        assert batch is not None, "a batch that was read changes something"
        packed(batch)
        if self._stored is not None:
            self._stored.update((change.match, change.state) for change in batch.changes)


def cost(folding: Folding, matches: int, waiting: int, place: str, count: int) -> float:
    """CPU microseconds per event of folding `count` events into `matches` live ones, while `waiting` wait: in `idle`
    matches, spread over the `active` ones, or all in `one` of those. With `forgotten` for a place half of the matches
    fit into memory, so that those of every batch are loaded again from their stored bytes.
    """
    writer = Writer()
    if place == FORGOTTEN:
        cache.MATCHES_MAX = matches // 2
    names = [f"m{number}" for number in range(matches)]
    for region in REGIONS:
        opening = (writer.record(match, NODES[region], *event) for match in names for event in _opening(region))
        for records in _in_batches(opening):
            folding.take({region: records})
    for records in _in_batches(_waiting(writer, waiting, place)):
        folding.take({"us": records})
    assert folding.partition.fold.waiting("us") == waiting, "what was to wait does not"
    batches = [
        {region: list(_changes(writer, active, NODES[region])) for region in REGIONS}
        for active in islice(_rotating(names), count // (ACTIVE * EVENTS_EACH))
    ]
    gc.collect()
    loaded, started = folding.loaded, time.process_time()
    for batch in batches:
        folding.take(batch)
    used_s = time.process_time() - started
    loaded = folding.loaded - loaded
    assert loaded > len(batches) * ACTIVE // 2 if place == FORGOTTEN else loaded == 0, f"{loaded} were loaded again"
    return used_s / (len(batches) * ACTIVE * EVENTS_EACH) * 1e6


def _opening(region: str) -> Iterator[Said]:
    """What a match has seen before the clock starts."""
    if region == "eu":
        rules = {"players": list(PLAYERS), "frames_to_play": 2, "break_rule": "alternate", "max_score": 10}
        yield "match_scheduled", rules
        for frame in FRAMES:
            yield "frame_started", {"frame": frame, "breaker": PLAYERS[0]}
            for player in PLAYERS:
                yield "points_awarded", {"frame": frame, "player": player, "points": 1}
    yield from _said_again()


def _said_again() -> Iterator[Said]:
    """What each region says of a match, once in the opening and then again and again."""
    for frame, player in zip(FRAMES, PLAYERS, strict=True):
        yield "frame_finished", {"frame": frame, "winner": player}
        yield "player_joined", {"player": player}


def _waiting(writer: Writer, count: int, place: str) -> Iterator[Given]:
    """Events that have seen one that never comes."""
    for number in range(count):
        match = {"idle": f"w{number // WAITING_EACH}", "active": f"m{number % ACTIVE}", "one": "m0"}[place]
        body = {"frame": 1, "player": "p3", "points": 1}
        yield writer.record(match, "us/gs-9#ffffffffffff", "points_awarded", body, seen={NODES["eu"]: NEVER})


def _rotating(names: list[str]) -> Iterator[list[str]]:
    """ACTIVE matches at a time, all in turn."""
    while True:
        for first in range(0, len(names), ACTIVE):
            yield names[first : first + ACTIVE]


def _changes(writer: Writer, active: list[str], node: str) -> Iterator[Given]:
    """One region's half of a batch."""
    for event in _said_again():
        for match in active:
            yield writer.record(match, node, *event)


def memory(how: str, copies: int) -> float:
    """Bytes that the fold holds per live match of the sample league, each played `copies` times under other names."""
    plans = read_league(SAMPLE)
    _play(plans[:1], "warm")  # what is made once is not counted
    gc.collect()
    if how == "traced":
        tracemalloc.start()
    before = _held(how)
    held = [_play(plans, f"{copy}") for copy in range(copies)]
    gc.collect()
    matches = sum(len(folding.partition.fold.matches) for folding in held)
    return (_held(how) - before) / matches


def _held(how: str) -> int:
    return tracemalloc.get_traced_memory()[0] if how == "traced" else psutil.Process().memory_info().rss


def _play(plans: Sequence[MatchPlan], suffix: str) -> Folding:
    writer, folding = Writer(), Folding()
    for plan in plans:
        read: dict[str, list[Record]] = {region: [] for region in REGIONS}
        for region, record in _of_match(writer, plan, f"{plan.match}-{suffix}"):
            read[region].append(record)
        folding.take({region: records for region, records in read.items() if records})
    return folding


def _of_match(writer: Writer, plan: MatchPlan, match: str) -> Iterator[tuple[str, Given]]:
    """The events of both scorekeepers, frame by frame; each looks at what the other has written before a frame."""
    lines = [*(("eu", event) for event in plan.home), *(("us", event) for event in plan.away)]
    looked = dict.fromkeys(REGIONS, 0.0)
    seen = dict.fromkeys(REGIONS, 0)
    for region, event in sorted(lines, key=lambda line: _frame(line[1])):
        other = REGIONS[1 - REGIONS.index(region)]
        context = None
        if _frame(event) != looked[region] and (count := writer.written(match, NODES[other])) > seen[region]:
            seen[region], context = count, {NODES[other]: count}
        looked[region] = _frame(event)
        kind = event_type(type(event).__name__)
        yield region, writer.record(match, NODES[region], kind, event.model_dump(mode="json"), seen=context)


def _frame(event: PoolEvent) -> float:
    """Where an event stands in its match."""
    return inf if isinstance(event, MatchFinished) else float(getattr(event, "frame", 0))


def _in_batches(records: Iterable[Given]) -> Iterator[list[Given]]:
    source = iter(records)
    while batch := list(islice(source, BATCH_RECORDS)):
        yield batch


if __name__ == "__main__":
    if sys.argv[1] == "cost":
        print(
            json.dumps(
                cost(
                    Folding(keeps=sys.argv[4] == FORGOTTEN),
                    int(sys.argv[2]),
                    int(sys.argv[3]),
                    sys.argv[4],
                    int(sys.argv[5]),
                )
            )
        )
    else:
        print(json.dumps(memory(sys.argv[2], int(sys.argv[3]))))
