"""Golden vectors: events beside their exact bytes, so that a writer in another language can prove itself without Kafka.

`schemas/vectors.json` holds what is made here. A writer that produces `bytes` from `json`, and `partitions` from the
match, can write to our topics; a reader that gives the stated verdict on each refused record agrees with our replicas.
"""

from __future__ import annotations

import json
from typing import Any, Final

from dojopool.codec.event_codec import EventCodec
from dojopool.codec.json_form import event_to_json
from dojopool.core.cut import Mark
from dojopool.core.event import STAMP_MAX, Event, RefusedBody
from dojopool.core.names import COUNTER_MAX
from dojopool.core.partition import partition_of
from dojopool.errors import RefusedRecord

PARTITIONS: Final = (8, 64)
INT_MAX: Final = (1 << 31) - 1

_STAMP: Final = 1_500_000_000_000 << 16
_LEAN: Final[dict[str, Any]] = {
    "match": "m-1",
    "node": "eu/gs-7#k3f9a2",
    "seq": 1,
    "base": None,
    "context": None,
    "stamp": _STAMP,
    "type": "points_awarded",
    "body": {"frame": 1, "player": "ana", "points": 3},
}

_EVENTS: Final[dict[str, dict[str, Any]]] = {
    "the usual event: base and context null": {},
    "negative points take back what was awarded": {"seq": 2, "body": {"frame": 1, "player": "ana", "points": -3}},
    "a base below seq - 1": {"seq": 9, "base": 4},
    "base 0: nothing of the own node was read": {"seq": 2, "base": 0},
    "a context, its keys in order": {"seq": 3, "context": {"us/gs-1#b": 70, "ap/gs-2#a": 1, "us/gs-1#a": 300}},
    "an empty context is not a null one": {"seq": 4, "context": {}},
    "names as long as they may be": {
        "match": "M" * 128,
        "node": f"{'r' * 32}/{'i' * 64}#{'c' * 64}",
        "context": {"eu/-#_": 1},
    },
    "numbers as large as they may be": {
        "seq": COUNTER_MAX,
        "base": COUNTER_MAX - 1,
        "context": {"us/b#1": COUNTER_MAX},
        "stamp": STAMP_MAX,
        "body": {"frame": INT_MAX, "player": "ana", "points": -INT_MAX - 1},
    },
    "numbers as small as they may be": {"stamp": 0, "body": {"frame": 0, "player": "", "points": 0}},
    "numbers around one byte": {"seq": 64, "body": {"frame": 63, "player": "a" * 64, "points": -65}},
    "text of two, three and four bytes a character": {"body": {"frame": 1, "player": "Žofie 東 🎱", "points": 1}},
    "match_scheduled": {
        "type": "match_scheduled",
        "body": {"players": ["ana", "bo"], "frames_to_play": 3, "break_rule": "winner", "max_score": 10},
    },
    "match_scheduled without players": {
        "type": "match_scheduled",
        "body": {"players": [], "frames_to_play": 1, "break_rule": "alternate", "max_score": 8},
    },
    "player_joined": {"type": "player_joined", "body": {"player": "cy"}},
    "player_left": {"type": "player_left", "body": {"player": "cy"}},
    "frame_started": {"type": "frame_started", "body": {"frame": 1, "breaker": "bo"}},
    "foul_called": {"type": "foul_called", "body": {"frame": 1, "player": "bo"}},
    "frame_finished": {"type": "frame_finished", "body": {"frame": 1, "winner": "ana"}},
    "match_finished": {"type": "match_finished", "body": {}},
}

_MARKS: Final = {
    "the first mark of a stream": Mark(region="eu", tick=1, time_ms=1_500_000_000_000),
    "a mark with numbers as large as they may be": Mark(region="r" * 32, tick=COUNTER_MAX, time_ms=COUNTER_MAX),
}


def vectors_text(codec: EventCodec) -> str:
    """The file, ending in a line end. `codec` must be that of the pool game's current schema."""
    events = {name: {**_LEAN, **changes} for name, changes in _EVENTS.items()}
    form = {
        "about": "Events and marks beside their exact bytes (hex). Written by `dojo schema vectors`; see README.md.",
        "events": [_event(codec, name, event) for name, event in events.items()],
        "marks": [_mark(codec, name, mark) for name, mark in _MARKS.items()],
        "refused": [_refused(codec, name, data) for name, data in _damaged(codec).items()],
    }
    return json.dumps(form, indent=2, ensure_ascii=False) + "\n"


def _event(codec: EventCodec, name: str, event: dict[str, Any]) -> dict[str, Any]:
    data = codec.encode(**event)
    decoded = codec.decode(data)
    assert isinstance(decoded, Event)
    return {
        "name": name,
        "json": event_to_json(decoded),
        "fingerprint": data[2:10].hex(),
        "bytes": data.hex(),
        "partitions": {str(count): partition_of(event["match"], count) for count in PARTITIONS},
    }


def _mark(codec: EventCodec, name: str, mark: Mark) -> dict[str, Any]:
    data = codec.encode_mark(mark)
    form = {"region": mark.region, "tick": mark.tick, "time": mark.time_ms}
    return {"name": name, "json": form, "fingerprint": data[2:10].hex(), "bytes": data.hex()}


def _damaged(codec: EventCodec) -> dict[str, bytes]:
    """Records that a lenient reader might take. The good one ends in: index 4 (8), frame 1 (2), `ana`, points 3 (6)."""
    good = codec.encode(**_LEAN)
    body = len(good) - 7
    return {
        "cut inside the body": good[:-1],
        "a byte left over": good + b"\0",
        "a number padded with zeros": good[:-1] + b"\x86\x00",
        "points of more than 32 bits": good[:-1] + b"\x80\x80\x80\x80\x10",
        "a player that is not UTF-8": good[:-2] + b"\xff\x06",
        "an event type of -1": good[:body] + b"\x01" + good[body + 1 :],
        "an event type that is not there": good[:body] + b"\x10" + good[body + 1 :],
        "cut inside the envelope": good[: body - 1],
        "a match that is not a name": good.replace(b"m-1", b"m 1"),
        "seq 0": good.replace(b"k3f9a2\x02", b"k3f9a2\x00"),
        "an unknown schema": good[:2] + bytes(8) + good[10:],
        "not single-object encoding": good[10:],
    }


def _refused(codec: EventCodec, name: str, data: bytes) -> dict[str, Any]:
    try:
        decoded = codec.decode(data)
    except RefusedRecord as error:
        return {"name": name, "bytes": data.hex(), "refused": "record", "reason": str(error)}
    assert isinstance(decoded, Event)
    assert isinstance(decoded.body, RefusedBody)
    return {"name": name, "bytes": data.hex(), "refused": "body", "reason": decoded.body.reason}
