"""Taking a partition over: claim it, see what is stored, and decide where to read on.

Three cases. State is stored, of this fold version: load it and read on. Nothing is stored that can be trusted (empty
store, half loaded, another fold version): start from nothing, which is only right when every log still has its
beginning. Else stop: going on would serve a state that silently lacks what was trimmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dojopool.errors import OffsetGone, Refused
from dojopool.games.loading import LoadedGame
from dojopool.ports import Head, LogReader, StateStore, TopicPartition
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.failpoints import Failpoints
from dojopool.replica.partition import OwnedPartition


async def take_over(
    number: int,
    *,
    store: StateStore,
    reader: LogReader,
    loaded: LoadedGame,
    config: ReplicaConfig,
) -> OwnedPartition:
    """Claim partition `number` and load what is stored of it.

    Raises OffsetGone when the logs cannot continue the stored state or lack their beginning, Refused when another owner
    claimed the partition meanwhile, CorruptState when stored bytes do not decode.
    """
    topics, failpoints = config.topics, config.failpoints
    head = await store.claim(number, owner=config.owner)
    failpoints.reach("claimed")
    if head.positions is not None and head.version != loaded.version:
        head = Head(epoch=head.epoch, positions=None, version=None)
    partition = OwnedPartition(number, head, loaded, partitions=config.partitions, regions=tuple(topics))
    # Before anything is forgotten: where the logs lack their beginning, a state of another version is all there is.
    await _check_log_continues(partition, reader, topics)
    if head.positions is not None:
        await _load(partition, store, failpoints)
    elif not await store.reset(number, epoch=head.epoch):
        raise Refused(f"partition {number} was claimed by another while it was being reset")
    else:
        failpoints.reach("reset")
    return partition


async def _check_log_continues(partition: OwnedPartition, reader: LogReader, topics: Mapping[str, str]) -> None:
    """Raise OffsetGone unless every log holds where its stream is to be read on."""
    wanted: dict[TopicPartition, Sequence[int]] = {}
    for region, topic in topics.items():
        stored = (partition.expected or {}).get(region)
        offset = partition.next_offset(region)
        wanted[topic, partition.number] = (offset, offset if stored is None else stored.next_offset)
    for (topic, number), (first, end) in (await reader.bounds(list(wanted))).items():
        for offset in wanted[topic, number]:
            if not first <= offset <= end:
                raise OffsetGone(topic=topic, partition=number, wanted=offset, first=first, end=end)


async def _load(partition: OwnedPartition, store: StateStore, failpoints: Failpoints) -> None:
    async for chunk in store.states(partition.number):
        partition.cache.load(chunk)
        partition.cache.shrink(stored=0)
        failpoints.reach("loading")
