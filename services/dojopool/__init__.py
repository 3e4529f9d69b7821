"""Game events from Kafka, folded into state that every region agrees on.

    async with dojopool.connect() as dojo:
        match = await dojo.match("m-1")
        receipt = await match.record(PointsAwarded(frame=1, player="ana", points=3))

These are the public names. They are imported on first use, so that `dojopool.core` and `dojopool.game` stay free of
Kafka, Redis and pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dojopool.client.dojo import Dojo as Dojo
    from dojopool.client.match import MatchHandle as MatchHandle
    from dojopool.client.receipts import Accepted as Accepted
    from dojopool.client.receipts import LogPosition as LogPosition
    from dojopool.client.receipts import Receipt as Receipt
    from dojopool.client.receipts import Rejected as Rejected
    from dojopool.client.receipts import Unknown as Unknown
    from dojopool.client.view import MatchView as MatchView
    from dojopool.client.violations import Alert as Alert
    from dojopool.client.wiring import connect as connect
    from dojopool.core.clock import VectorClock as VectorClock
    from dojopool.core.invariants.violation import Violation as Violation
    from dojopool.errors import CallerError as CallerError
    from dojopool.errors import ConfigError as ConfigError
    from dojopool.errors import CorruptState as CorruptState
    from dojopool.errors import DojoError as DojoError
    from dojopool.errors import GameError as GameError
    from dojopool.errors import Unavailable as Unavailable

_HOMES = {
    "Accepted": "dojopool.client.receipts",
    "Alert": "dojopool.client.violations",
    "CallerError": "dojopool.errors",
    "ConfigError": "dojopool.errors",
    "CorruptState": "dojopool.errors",
    "Dojo": "dojopool.client.dojo",
    "DojoError": "dojopool.errors",
    "GameError": "dojopool.errors",
    "LogPosition": "dojopool.client.receipts",
    "MatchHandle": "dojopool.client.match",
    "MatchView": "dojopool.client.view",
    "Receipt": "dojopool.client.receipts",
    "Rejected": "dojopool.client.receipts",
    "Unavailable": "dojopool.errors",
    "Unknown": "dojopool.client.receipts",
    "VectorClock": "dojopool.core.clock",
    "Violation": "dojopool.core.invariants.violation",
    "connect": "dojopool.client.wiring",
}

__all__ = [
    "Accepted",
    "Alert",
    "CallerError",
    "ConfigError",
    "CorruptState",
    "Dojo",
    "DojoError",
    "GameError",
    "LogPosition",
    "MatchHandle",
    "MatchView",
    "Receipt",
    "Rejected",
    "Unavailable",
    "Unknown",
    "VectorClock",
    "Violation",
    "connect",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home, on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dojopool' has no attribute {name!r}; its names are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__"]
