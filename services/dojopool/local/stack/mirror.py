"""MirrorMaker 2 between all regions, one process for every flow, at least once.

Each flow names its own region's topics exactly. With identity names that list is the only guard against a loop: a
pattern matching two regions' topics would send records round for ever.

At least once: after a crash the records since the last offset flush, about a second, come again. Readers drop them by
event id, which costs less than the 60 to 90 ms that exactly-once adds to every record.

Left out: heartbeats, checkpoints and the copying of group offsets and access rights. Nobody here reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path

from dojopool.local.stack.java import find_java
from dojopool.local.stack.process import ProcessId, Server

HEAP_MIB_MAX = 256
OFFSET_FLUSH_MS = 1_000
"""How much is sent again after a crash; Connect's own default is a minute."""

_COMMON = """\
replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
groups =
tasks.max = 2
refresh.topics.interval.seconds = 5
# One broker a region holds one replica.
replication.factor = 1
offset-syncs.topic.replication.factor = 1
checkpoints.topic.replication.factor = 1
heartbeats.topic.replication.factor = 1
config.storage.replication.factor = 1
offset.storage.replication.factor = 1
status.storage.replication.factor = 1
offset.storage.partitions = 1
status.storage.partitions = 1
# Records only.
emit.heartbeats.enabled = false
emit.checkpoints.enabled = false
sync.group.offsets.enabled = false
sync.topic.acls.enabled = false
sync.topic.configs.enabled = false
refresh.groups.enabled = false
"""


class MirrorMaker(Server):
    """The mirror between regions; it has no port of its own. A kill loses nothing: the next start repeats a second.

    `answers` says only that the process runs: a mirror works when a record comes out at the other end, which
    `readiness.record_arrives` asks.
    """

    def __init__(
        self,
        *,
        folder: Path,
        bootstraps: Mapping[str, str],
        prefixes: Sequence[str],
        process_id: ProcessId | None = None,
    ) -> None:
        super().__init__(name="mirror", folder=folder, port=None, process_id=process_id)
        self._bootstraps = dict(bootstraps)
        self._prefixes = tuple(prefixes)

    async def prepare(self) -> list[str]:
        """Write its properties and return its command."""
        java = await find_java()
        settings = self.folder / "mirror.properties"
        settings.write_text(mirror_properties(self._bootstraps, self._prefixes))
        return java.command("org.apache.kafka.connect.mirror.MirrorMaker", str(settings), heap_mib_max=HEAP_MIB_MAX)

    async def answers(self) -> bool:
        """Return whether the process runs."""
        return self.is_alive


def mirrored_topics(region: str, prefixes: Sequence[str]) -> list[str]:
    """Return the names of a region's own topics that every other region gets: events, and the stack's probe."""
    return [probe_topic(region), *(events_topic(prefix, region) for prefix in prefixes)]


def events_topic(prefix: str, region: str) -> str:
    """Return the name of the topic of a region's own events."""
    return f"{prefix}.events.{region}"


def probe_topic(region: str) -> str:
    """Return the name of the topic in which the stack proves that a region's records are mirrored."""
    return f"stack.probe.{region}"


def mirror_properties(bootstraps: Mapping[str, str], prefixes: Sequence[str]) -> str:
    """Return the text of MirrorMaker's properties file for these regions' brokers."""
    parts = [f"clusters = {', '.join(bootstraps)}", _COMMON]
    parts += [_cluster(region, bootstrap) for region, bootstrap in bootstraps.items()]
    parts += [_flow(origin, target, prefixes) for origin, target in permutations(bootstraps, 2)]
    return "\n".join(parts)


def _cluster(region: str, bootstrap: str) -> str:
    # MirrorMaker ignores worker settings at the top level, silently: they belong under the target cluster's name.
    return f"""\
{region}.bootstrap.servers = {bootstrap}
{region}.consumer.isolation.level = read_committed
{region}.producer.linger.ms = 0
{region}.producer.batch.size = 131072
{region}.offset.flush.interval.ms = {OFFSET_FLUSH_MS}
# After a kill the restarted worker takes its tasks back in seconds, not when Connect's five minutes are over.
{region}.scheduled.rebalance.max.delay.ms = 0
{region}.session.timeout.ms = 3000
{region}.heartbeat.interval.ms = 1000
"""


def _flow(origin: str, target: str, prefixes: Sequence[str]) -> str:
    # The list holds regular expressions, and a properties file eats one backslash of two.
    topics = ",".join(name.replace(".", r"\\.") for name in mirrored_topics(origin, prefixes))
    return f"{origin}->{target}.enabled = true\n{origin}->{target}.topics = {topics}\n"
