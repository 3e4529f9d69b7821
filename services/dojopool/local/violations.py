"""Violations for the command line: those of a region's topic, and what is around one of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from dojopool.adapters.event_logs import event_log
from dojopool.checker.known import read_history
from dojopool.client.violations import Alert, StateName, follow
from dojopool.codec.violation_codec import ViolationCodec, as_fields
from dojopool.core.event import Event
from dojopool.core.invariants.history import Standing
from dojopool.errors import ConfigError, Unavailable
from dojopool.games.loading import load_game
from dojopool.local.matches import open_matches
from dojopool.local.replay import event_json, events_of
from dojopool.local.servers import event_topics, reading_config
from dojopool.settings import ClientSettings


async def alerts(
    settings: ClientSettings, *, since: str | None, states: Collection[StateName] | None
) -> AsyncGenerator[Alert, None]:
    """The region's violations as they are published; see `Dojo.violations`."""
    config = reading_config(settings, settings.region)
    async with aclosing(follow(event_log(settings, settings.region), config, since=since, states=states)) as following:
        async for alert in following:
            yield alert


async def standings(settings: ClientSettings) -> list[Standing]:
    """Where each violation of the region stands, the latest first. Raises Unavailable."""
    config = reading_config(settings, settings.region)
    partitions = [(config.violations_topic, number) for number in range(config.partitions)]
    async with event_log(settings, settings.region).reader() as reader:
        history = await read_history(reader, partitions, ViolationCodec())
    return sorted(history.standings.values(), key=lambda standing: (-standing.latest.at_ms, standing.latest.id))


async def read_events(settings: ClientSettings, match: str) -> list[Event]:
    """The events of a match in the region's log, in the order of their stamps. Raises as `events_of` does."""
    async with event_log(settings, settings.region).reader() as reader:
        return await events_of(
            match,
            reader=reader,
            topics=event_topics(settings),
            partitions=settings.partitions,
            loaded=load_game(settings.game),
        )


async def detail(settings: ClientSettings, violation_id: str) -> dict[str, Any] | None:
    """All there is to know about a violation, as JSON values; None when the topic does not hold it. `violation_id` may
    be the beginning of one, when it fits only one.
    """
    found = [each for each in await standings(settings) if each.latest.id.startswith(violation_id)]
    if len(found) != 1:
        return None
    standing = found[0]
    match, evidence = standing.breach.match, standing.breach.evidence
    events: Sequence[Event] = () if match is None else await read_events(settings, match)
    shown = {event.dot: event_json(event) for event in events if evidence.get(event.node) == event.seq}
    return standing_json(standing) | {
        "evidence_events": list(shown.values()),
        "views": {} if match is None else await _views(settings, match),
    }


def standing_json(standing: Standing) -> dict[str, Any]:
    """A violation as its last record has it, with the grounds of the last that had any, and its history."""
    grounds = {name: dict(getattr(standing.breach, name)) for name in ("values", "evidence")}
    return as_fields(standing.latest) | grounds | {"first_at": standing.first_ms, "records": standing.records}


async def _views(settings: ClientSettings, match: str) -> Mapping[str, Any]:
    """What each region whose Redis is set and answers shows of the match now; None for one that does not."""
    views: dict[str, Any] = {}
    for region in settings.regions:
        with contextlib.suppress(ConfigError):
            settings.redis_for(region)
            views[region] = None
            with contextlib.suppress(Unavailable):
                async with open_matches(region) as matches:
                    views[region] = await matches.show(match)
    return views
