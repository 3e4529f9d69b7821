"""`connect()`: the SDK on real Kafka and Redis. The one module of the client that names them."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dojopool.adapters.event_logs import event_log
from dojopool.adapters.redis_views import RedisViews
from dojopool.adapters.system_clock import SystemClock
from dojopool.adapters.traces import traced_sends
from dojopool.client.config import CLOSE_TIMEOUT_S
from dojopool.client.dojo import Dojo, open_dojo
from dojopool.games.loading import load_game
from dojopool.settings import ClientSettings


@asynccontextmanager
async def connect(
    *, instance: str | None = None, close_timeout_s: float = CLOSE_TIMEOUT_S, **settings: Any
) -> AsyncIterator[Dojo]:
    """Connect to the Kafka and Redis of one region: `async with dojopool.connect() as dojo`.

    Settings come from the environment (`DOJO_REGION`, `DOJO_KAFKA`, `DOJO_REDIS` and so on); one given here by its
    field name, such as `region="eu"`, wins over it. `instance` names this program in its events and defaults to the
    machine's name. One connection is enough for a process: it is made to be shared by all tasks of one event loop.

    A process that records without pause makes so many short-lived objects that Python's cyclic garbage collector takes
    up to a third of its time. The connection leaves the collector alone, it is the program's: `gc.set_threshold(50_000,
    20, 100)` gives most of that back.

    With `DOJO_OTLP` each event recorded is a span, inside the caller's current one. Without it, an application that set
    a tracer provider of OpenTelemetry before has the context of its own spans travel with its events.

    Leaving the block takes no more events and waits for those not acknowledged yet, at most `close_timeout_s`; receipts
    that are still open then say Unknown. Closing the client takes up to five seconds more while Kafka does not answer.
    Raises ConfigError for a wrong setting, or when the region has another number
    of partitions; GameError when the game cannot be loaded; Unavailable when Kafka or Redis does not answer.
    """
    given = ClientSettings.load(**settings)
    loaded = load_game(given.game)
    region = given.region
    node = new_node(region, instance or socket.gethostname())
    log = event_log(given, region, client_id=f"{given.prefix}.client")
    async with (
        traced_sends(given.otlp, region=region, topic=f"{given.prefix}.events.{region}") as tracer,
        RedisViews.open(given.redis_for(region), prefix=given.prefix, ca=given.redis_ca) as views,
        open_dojo(
            log=log,
            views=views,
            clock=SystemClock(),
            loaded=loaded,
            region=region,
            regions=given.regions,
            partitions=given.partitions,
            prefix=given.prefix,
            node=node,
            close_timeout_s=close_timeout_s,
            tracer=tracer,
        ) as dojo,
    ):
        yield dojo


def new_node(region: str, instance: str) -> str:
    """A node name that no other connection has: what a name may not hold becomes `-`, and the incarnation is drawn."""
    return f"{region}/{re.sub(r'[^A-Za-z0-9_.-]', '-', instance)[:64]}#{secrets.token_hex(6)}"
