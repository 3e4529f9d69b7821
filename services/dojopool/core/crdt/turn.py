"""Turn: whose turn it is, when two people may claim the same one.

A claim is `(number, holder)`. Merging cannot give mutual exclusion; what it gives is that every replica names the
same holder. The highest number claimed is current. Among all claims of one number, however late they arrive, the one
with the smallest `(stamp, node, seq)` holds it: the first by the stamps, and a later claim that had read the first
one never takes the turn away. So a turn keeps every claim; the others of the current number are shown as `rivals`,
and the holder of the highest lower number that was claimed as `previous`.
"""

from __future__ import annotations

from sys import intern
from typing import Any

from dojopool.core.crdt import cell as cells
from dojopool.core.crdt.cell import Cell, Entry, Origin, Payload
from dojopool.core.crdt.edit import Editor
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import Leaf, Node, check_scalar
from dojopool.core.crdt.registers import by_stamp
from dojopool.core.crdt.view import View
from dojopool.errors import GameError


def _claim(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.add(cell, origin, origin.stamp, payload)


def _refuse_two(earlier: Payload, later: Payload) -> Payload:
    raise GameError(f"one event claims two turns, {earlier!r} and {later!r}; make it two events")


def _claim_of(entry: Entry) -> tuple[int, str]:
    payload = entry[3]
    assert isinstance(payload, tuple), payload
    return payload


class TurnEditor(Editor):
    """Verb of a turn."""

    __slots__ = ()

    def claim(self, number: Any, holder: Any) -> None:
        """Claim turn `number` for `holder`; once per event."""
        number = check_scalar(number, int, field="a turn number")
        holder = check_scalar(holder, str, field="a turn holder")
        self._edit.put(self._route, _claim, (number, intern(holder)), _refuse_two)


class Turn(Leaf):
    """Turn claims. Read: `number`, `holder`, `previous` (each None when there is none) and the sorted `rivals`."""

    is_stamped = True
    editor_class = TurnEditor

    def plain(self, node: Node) -> dict[str, Any]:
        if not node:
            return {"number": None, "holder": None, "previous": None, "rivals": []}
        claims = sorted(cells.entries(node), key=by_stamp)
        number = max(_claim_of(entry)[0] for entry in claims)
        holders = [holder for claimed, holder in map(_claim_of, claims) if claimed == number]
        lower = [claim for claim in map(_claim_of, claims) if claim[0] < number]
        before = max(lower, key=lambda claim: claim[0])[1] if lower else None
        rivals = sorted({holder for holder in holders if holder != holders[0]})
        return {"number": number, "holder": holders[0], "previous": before, "rivals": rivals}

    def view(self, plain: Any) -> View:
        return View({**plain, "rivals": tuple(plain["rivals"])})

    def encode_payload(self, payload: Payload, out: Writer) -> None:
        assert isinstance(payload, tuple), payload
        out.signed(payload[0])
        out.text(payload[1])

    def decode_payload(self, source: Reader) -> tuple[int, str]:
        return source.signed(), source.text()

    def describe(self) -> str:
        return "turn()"
