"""`dojo replica`."""

from __future__ import annotations

import asyncio


def replica() -> None:
    """Keep a region's Redis up to date with its Kafka, until stopped.

    Everything is set through the environment (`dojo settings` lists it). SIGTERM and Ctrl-C drain: what is on its way
    is settled, and the group is left so that the partitions move on at once.

    Example: DOJO_REGION=eu DOJO_REGIONS=eu,us DOJO_KAFKA=127.0.0.1:9092 DOJO_REDIS=redis://127.0.0.1 dojo replica
    """
    from dojopool.adapters.logs import set_up_logging
    from dojopool.replica.wiring import run_replica
    from dojopool.settings import ReplicaSettings

    settings = ReplicaSettings.load()
    set_up_logging(settings.log)
    asyncio.run(run_replica(settings))
