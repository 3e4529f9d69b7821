"""`dojo checker`."""

from __future__ import annotations

import asyncio


def checker() -> None:
    """Judge every match of a region by the game's rules and those of DOJO_RULES, and publish violations, until stopped.

    Everything is set through the environment (`dojo settings` lists it). It reads Kafka from the beginning and needs no
    Redis. SIGTERM and Ctrl-C drain.

    Example: DOJO_REGION=eu DOJO_REGIONS=eu,us DOJO_KAFKA=127.0.0.1:9092 DOJO_RULES=rules.toml dojo checker
    """
    from dojopool.adapters.logs import set_up_logging
    from dojopool.checker.wiring import run_checker
    from dojopool.settings import CheckerSettings

    settings = CheckerSettings.load()
    set_up_logging(settings.log)
    asyncio.run(run_checker(settings))
