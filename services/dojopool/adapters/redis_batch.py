"""A batch as the one packed argument of `dojo_write`, and a partition's positions as the bytes that are compared.

Redis spends about a microsecond on a hash field, a Python client several on packing it: so a batch is one argument,
made with a few calls that run in C whatever its size. Layout: number of strings and their lengths as little-endian
u32, then the strings themselves. `lua/dojo.lua` is the only reader; both files change together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from struct import pack

from dojopool.core.cut import Position
from dojopool.errors import CorruptState
from dojopool.ports import Batch, Head


def packed(batch: Batch) -> bytes:
    """The packed argument of a batch.

    Changes name their fields by the number of a *shape*, the list of names, which is written once: thousands of changes
    of a batch have a handful of shapes.
    """
    shapes: dict[tuple[str, ...], bytes] = {}
    changes: list[bytes] = []
    for change in batch.changes:
        shape = tuple(change.fields)
        number = shapes.get(shape)
        if number is None:
            number = shapes[shape] = b"%d" % (len(shapes) + 1)
        changes += (change.match.encode(), change.state, number)
        changes += change.fields.values()
    strings = [*_header(batch), b"%d" % len(shapes)]
    for shape in shapes:
        strings += (b"%d" % len(shape), *(name.encode() for name in shape))
    strings += changes
    return pack(f"<{len(strings) + 1}I", len(strings), *map(len, strings)) + b"".join(strings)


def _header(batch: Batch) -> list[bytes]:
    positions, marks = encode_positions(batch.positions)
    ids = json.dumps([change.match for change in batch.changes], separators=(",", ":"))
    return [
        b"%d" % batch.epoch,
        batch.version.encode(),
        b"" if batch.expected is None else encode_positions(batch.expected)[0],
        positions,
        marks,
        b"%d" % batch.at_ms,
        ids.encode(),
        b"%d" % len(batch.changes),
    ]


def encode_positions(positions: Mapping[str, Position]) -> tuple[bytes, bytes]:
    """What is compared, `{region: [next offset, tick]}`, and what is kept beside it, `{region: [mark offset, time]}`.

    Equal positions give equal bytes.
    """
    compared = {region: [position.next_offset, position.tick] for region, position in positions.items()}
    beside = {region: [position.mark_offset, position.mark_time_ms] for region, position in positions.items()}
    return _json(compared), _json(beside)


def head_of(stored: Sequence[bytes | None]) -> Head:
    """The head in a reply: epoch, positions, marks, version. Raises CorruptState when it is not what we write."""
    epoch, positions, marks, version = stored
    return Head(
        epoch=int(epoch or 0),
        positions=None if positions is None else _decode_positions(positions, marks or b"{}"),
        version=None if version is None else version.decode(),
    )


def _decode_positions(compared: bytes, beside: bytes) -> Mapping[str, Position]:
    try:
        marks = json.loads(beside)
        return {
            region: Position(next_offset, tick, *marks[region])
            for region, (next_offset, tick) in json.loads(compared).items()
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptState(f"stored positions {compared!r} with marks {beside!r} do not decode: {error}") from error


def _json(value: Mapping[str, list[int]]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
