"""`dojo checker`: the adapters a checker runs on, and its life as a process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog

from dojopool.adapters.cel import compile_expression
from dojopool.adapters.event_logs import event_log
from dojopool.adapters.prometheus_checker import PrometheusCheckObserver
from dojopool.adapters.system_clock import SystemClock
from dojopool.adapters.traces import traced_checks
from dojopool.checker.config import CheckerConfig
from dojopool.checker.logged import LoggingCheckObserver
from dojopool.checker.rule_file import all_rules
from dojopool.checker.service import Checker
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.rules import Rule
from dojopool.game import Game
from dojopool.games.loading import load_game
from dojopool.replica.garbage import hold_collector
from dojopool.replica.process import attended, config_of
from dojopool.replica.wiring import check_topics
from dojopool.settings import CheckerSettings

log = structlog.get_logger("dojopool.checker")


def rules_of(settings: CheckerSettings, game: Game) -> Sequence[Rule]:
    """The rules that a checker with these settings judges by. Raises ConfigError when DOJO_RULES is wrong."""
    return all_rules(game, settings.rules, compile_expression)


async def run_checker(settings: CheckerSettings) -> None:
    """Run a checker on Kafka until SIGTERM or SIGINT, then drain and return.

    Raises ConfigError when settings, rules or topics do not fit, Unavailable when Kafka does not answer at start.
    """
    loaded = load_game(settings.game)
    rules = rules_of(settings, loaded.game)
    config = config_of(CheckerConfig, settings)
    kafka = event_log(
        settings,
        settings.region,
        client_id=f"dojo-checker-{settings.region}",
        session_timeout_ms=settings.session_timeout_ms,
    )
    metrics = PrometheusCheckObserver(region=settings.region, clock=SystemClock())
    async with AsyncExitStack() as stack:
        await check_topics(kafka, config, config.violations_topic)
        observer = await stack.enter_async_context(traced_checks(settings.otlp, metrics, region=config.region))
        checker = Checker(
            config,
            log=kafka,
            loaded=loaded,
            rules=rules,
            codec=ViolationCodec(settings.violations_format),
            clock=SystemClock(),
            observer=LoggingCheckObserver(observer),
        )
        await stack.enter_async_context(attended(checker, settings, expose=metrics.expose, log=log))
        log.info("checker started", region=config.region, owner=config.owner, rules=[rule.name for rule in rules])
        hold_collector()
        await checker.run()
        log.info("checker stopped", region=config.region)
