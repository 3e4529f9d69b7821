"""The oracle of the built-in game: what its events and records must give, from the contract alone.

Nothing here comes from `dojopool`: records are read from `schemas/event.avsc` by the official Avro package, and values
are worked out by `specification`, from explicit sets of dots.

    pool_state(events)     match -> plain state as JSON
    waiting(events)        the dots of one match that cannot be delivered yet
    decode_record(bytes)   an event in JSON form
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import avro.io
import avro.schema

from support.specification import Form, state_of, waiting

__all__ = ["decode_record", "pool_ops", "pool_state", "waiting"]

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "event.avsc"

# --- the built-in game

POOL: dict[str, Any] = {
    "phase": ("highest", ("scheduled", "live", "finished")),
    "players": ("add_wins",),
    "frames_to_play": ("lww",),
    "break_rule": ("lww",),
    "max_score": ("lww",),
    "frames": (
        "map",
        {
            "breaker": ("lww",),
            "points": ("map", ("counter",)),
            "fouls": ("map", ("counter",)),
            "winner": ("mv",),
        },
    ),
    "turn": ("turn",),
}


def pool_ops(event: Form) -> list[tuple[tuple[Any, ...], str, tuple[Any, ...]]]:
    """What an event of the pool game does. Zero points is no event: it is refused and does nothing."""
    body, kind = event["body"], event["type"]
    frame = ("frames", body.get("frame"))
    if kind == "match_scheduled":
        settings = ("frames_to_play", "break_rule", "max_score")
        return [
            (("phase",), "raise_to", ("scheduled",)),
            *((("players",), "add", (player,)) for player in dict.fromkeys(body["players"])),
            *(((name,), "set", (body[name],)) for name in settings),
        ]
    if kind == "frame_started":
        return [
            (("phase",), "raise_to", ("live",)),
            ((*frame, "breaker"), "set", (body["breaker"],)),
            (("turn",), "claim", (body["frame"], body["breaker"])),
        ]
    if kind == "points_awarded":
        return [((*frame, "points", body["player"]), "add", (body["points"],))] if body["points"] else []
    one: dict[str, Callable[[], tuple[tuple[Any, ...], str, tuple[Any, ...]]]] = {
        "player_joined": lambda: (("players",), "add", (body["player"],)),
        "player_left": lambda: (("players",), "remove", (body["player"],)),
        "foul_called": lambda: ((*frame, "fouls", body["player"]), "add", (1,)),
        "frame_finished": lambda: ((*frame, "winner"), "set", (body["winner"],)),
        "match_finished": lambda: (("phase",), "raise_to", ("finished",)),
    }
    return [one[kind]()]


def pool_state(events: Iterable[Form]) -> dict[str, Any]:
    """Match -> plain state as JSON of the built-in game, from events in JSON form in any order, repeats included."""
    matches: dict[str, list[Form]] = {}
    for event in events:
        matches.setdefault(event["match"], []).append(event)
    return {match: state_of(matches[match], POOL, pool_ops) for match in sorted(matches)}


# --- records


class _Named(avro.io.DatumReader):
    """Keeps the name of the record that a union holds; the official reader forgets it."""

    def read_union(
        self,
        writers_schema: avro.schema.UnionSchema,
        readers_schema: avro.schema.UnionSchema,
        decoder: avro.io.BinaryDecoder,
    ) -> Any:
        branch = writers_schema.schemas[decoder.read_long()]
        value = self.read_data(branch, branch, decoder)
        return (branch.name, value) if isinstance(branch, avro.schema.RecordSchema) else value


@cache
def _schema() -> avro.schema.Schema:
    return avro.schema.parse(SCHEMA.read_text())


@cache
def _header() -> bytes:
    return b"\xc3\x01" + _schema().fingerprint("CRC-64-AVRO")


def decode_record(data: bytes) -> dict[str, Any]:
    """The event of a record's value in JSON form. Raises ValueError for one that the current schema did not write."""
    if not data.startswith(_header()):
        raise ValueError(f"begins with {data[:10].hex()}, not {_header().hex()}")
    source = io.BytesIO(data[len(_header()) :])
    event: Any = _Named(_schema()).read(avro.io.BinaryDecoder(source))
    if rest := source.read():
        raise ValueError(f"{len(rest)} bytes are left over")
    name, body = event["body"]
    return {**event, "type": re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), "body": body}
