"""`dojo replica`: the adapters a replica runs on, and its life as a process."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
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
from dojopool.replica.failpoints import Failpoints
from dojopool.replica.garbage import hold_collector
from dojopool.replica.health import health_app, serve
from dojopool.replica.logged import LoggingObserver
from dojopool.replica.service import Replica
from dojopool.settings import ReplicaSettings

log = structlog.get_logger("dojopool.replica")


async def run_replica(settings: ReplicaSettings) -> None:
    """Run a replica on Kafka and Redis until SIGTERM or SIGINT, then drain and return.

    Raises ConfigError when settings, topics or store do not fit, Unavailable when a server does not answer at start.
    """
    config = ReplicaConfig(
        region=settings.region,
        regions=settings.regions,
        partitions=settings.partitions,
        prefix=settings.prefix,
        owner=f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}",
        failpoints=Failpoints.parse(settings.failpoint),
    )
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
        if settings.metrics is not None:
            app = health_app(replica.report, metrics.expose)
            port = await stack.enter_async_context(serve(app, host=settings.metrics.host, port=settings.metrics.port))
            log.info("serving health and metrics", host=settings.metrics.host, port=port)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, replica.stop)
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
