"""`dojo replica`: the adapters a replica runs on, and its life as a process."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from dojopool.adapters.event_logs import event_log
from dojopool.adapters.prometheus import PrometheusObserver
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.system_clock import SystemClock
from dojopool.adapters.traces import traced_batches
from dojopool.errors import ConfigError
from dojopool.games.loading import load_game
from dojopool.ports import EventLog
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.garbage import hold_collector
from dojopool.replica.logged import LoggingObserver
from dojopool.replica.process import attended, config_of
from dojopool.replica.service import Replica
from dojopool.settings import ReplicaSettings

log = structlog.get_logger("dojopool.replica")


async def run_replica(settings: ReplicaSettings) -> None:
    """Run a replica on Kafka and Redis until SIGTERM or SIGINT, then drain and return.

    Raises ConfigError when settings, topics or store do not fit, Unavailable when a server does not answer at start.
    """
    config = config_of(ReplicaConfig, settings)
    kafka = event_log(
        settings,
        settings.region,
        client_id=f"dojo-replica-{settings.region}",
        session_timeout_ms=settings.session_timeout_ms,
    )
    metrics = PrometheusObserver(region=settings.region, regions=settings.regions, clock=SystemClock())
    async with AsyncExitStack() as stack:
        await check_topics(kafka, config, config.letters_topic)
        store = await stack.enter_async_context(
            RedisStore.open(settings.redis_for(settings.region), prefix=settings.prefix, ca=settings.redis_ca)
        )
        observer = await stack.enter_async_context(
            traced_batches(settings.otlp, metrics, region=config.region, prefix=config.prefix, group=config.group)
        )
        replica = Replica(
            config,
            log=kafka,
            store=store,
            loaded=load_game(settings.game),
            clock=SystemClock(),
            observer=LoggingObserver(observer),
        )
        await stack.enter_async_context(attended(replica, settings, expose=metrics.expose, log=log))
        log.info("replica started", region=config.region, owner=config.owner, partitions=config.partitions)
        hold_collector()
        await replica.run()
        log.info("replica stopped", region=config.region)


async def check_topics(kafka: EventLog, config: ReplicaConfig, *others: str) -> None:
    """Raise ConfigError unless the topics of events and these `others` are there, with the right number of partitions.

    A client assigned to a topic that is not there would ask for it for ever.
    """
    async with kafka.admin() as admin:
        for topic in (*map(config.topic_of, config.regions), *others):
            found = await admin.describe_topic(topic)
            if found is None:
                raise ConfigError(f"topic {topic} does not exist in region {config.region}: run `dojo topics create`")
            if found.partitions != config.partitions:
                raise ConfigError(
                    f"topic {topic} has {found.partitions} partitions, DOJO_PARTITIONS says {config.partitions}:"
                    " the number is fixed for the life of a deployment; set DOJO_PARTITIONS to it"
                )
