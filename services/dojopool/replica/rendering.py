"""What readers see of a match: JSON per changed field, and the `@` fields that every view carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pydantic_core

from dojopool.core.crdt import maps
from dojopool.core.crdt.maps import Map, Piece, RecordKind
from dojopool.core.match import Match
from dojopool.ports import MatchChange


def render(match_id: str, match: Match, kind: RecordKind, *, fields: int, at_ms: int) -> MatchChange:
    """The change to store for a match of which the top-level fields in the bit set `fields` were written."""
    shown = {kind.names[index]: _field(match, kind, index) for index in _bits(fields)}
    shown["@clock"] = to_json(match.inbox.delivered)
    shown["@stamp"] = b"%d" % match.stamp
    shown["@at"] = b"%d" % at_ms
    shown["@pending"] = b"%d" % match.pending
    return MatchChange(match=match_id, state=match.encode(kind), fields=shown)


def _field(match: Match, kind: RecordKind, index: int) -> bytes:
    """One field. Of a map, only the keys that have changed since it was last shown are rendered anew."""
    inner = kind.kinds[index]
    node = kind.child(match.root, index) or ()
    if type(inner) is not Map or len(node) < maps.PIECES_FROM:
        return to_json(kind.plain_field(match.root, index))
    if match.pieces is None:
        match.pieces = {}
    pieces = match.pieces.setdefault(index, {})
    shown = []
    for key in sorted(node):
        piece = pieces.setdefault(key, Piece())
        if piece.shown is None:
            piece.shown = to_json({key: inner.inner.plain(node[key])})[1:-1]
        shown.append(piece.shown)
    return b"{" + b",".join(shown) + b"}"


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8, keys in the order given.

    By pydantic's encoder: its bytes are those of the standard library's, which takes several times as long, and it
    knows integers of any size, which a sum may become.
    """
    return pydantic_core.to_json(value)


def _bits(fields: int) -> Iterator[int]:
    index = 0
    while fields:
        if fields & 1:
            yield index
        fields >>= 1
        index += 1
