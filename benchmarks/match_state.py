"""The job of the hand-written loop and of the peers, the same for all: bytes to event, event into match, match to JSON.

fastavro with a parsed schema, and a dictionary per match: points added up, breaker, winner, a clock per node. Imports
nothing of dojopool.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro

HEADER_BYTES = 10
"""Of Avro single-object encoding: a marker and the fingerprint of the schema."""

Match = dict[str, Any]
"""`{"clock": {node: counter}, "frames": {frame: {"points": {player: points}, "breaker": player, "winner": player}}}`"""


def read_schema(path: str) -> Any:
    """The schema of events, parsed once."""
    return fastavro.parse_schema(json.loads(Path(path).read_text()))


def decode(value: bytes, schema: Any) -> Any:
    """An event as a dictionary, its body as (name of the record, dictionary)."""
    return fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), schema, None, return_record_name=True)


def new_match() -> Match:
    """A match of which nothing is known."""
    return {"clock": {}, "frames": {}}


def merge(match: Match, event: Any) -> None:
    """Take one event into a match."""
    node = event["node"]
    match["clock"][node] = max(event["seq"], match["clock"].get(node, 0))
    kind, body = event["body"]
    if "frame" in body:
        frame = match["frames"].setdefault(str(body["frame"]), {"points": {}})
        if kind.endswith("PointsAwarded"):
            frame["points"][body["player"]] = frame["points"].get(body["player"], 0) + body["points"]
        elif kind.endswith("FrameStarted"):
            frame["breaker"] = body["breaker"]
        elif kind.endswith("FrameFinished"):
            frame["winner"] = body["winner"]


def view(match: Match) -> str:
    """What readers are shown."""
    return json.dumps(match)


def view_key(prefix: str, match_id: str) -> str:
    """Where in Redis."""
    return f"{prefix}:loop:{match_id}"
