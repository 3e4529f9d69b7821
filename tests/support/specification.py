"""What a set of events must give, worked out the slow and plain way, from the specification alone.

Nothing here comes from `dojopool`. What an event had seen is an explicit set of dots. The value of a field is computed
from all operations of the match at once: an operation counts unless one that takes it back had seen it. There are no
cells, no clocks and no order of arrival.

An event is in JSON form: `{"match", "node", "seq", "base", "context", "stamp", "type", "body"}`. A declaration is a
dictionary of fields, each `("lww",)`, `("highest", labels)`, `("map", inner)` and so on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Form = Mapping[str, Any]
Dot = tuple[str, int]
Past = frozenset[Dot]

# --- what was seen, what is delivered


def distinct(events: Iterable[Form]) -> dict[Dot, Form]:
    """The events by dot. Raises ValueError when one dot has two payloads."""
    found: dict[Dot, Form] = {}
    for event in events:
        dot = (event["node"], event["seq"])
        if dict(found.setdefault(dot, event)) != dict(event):
            raise ValueError(f"two payloads under {dot}")
    return found


def pasts(events: Iterable[Form]) -> dict[Dot, Past]:
    """Every delivered event's dot -> the dots its writer had seen. Events of one match.

    An event is delivered when all earlier ones of its node and everything in its context are. A null context repeats
    that of the node's previous event; on the first one it is empty.
    """
    left = distinct(events)
    contexts: dict[Dot, Mapping[str, int]] = {}
    seen: dict[Dot, Past] = {}
    progress = True
    while progress:
        progress = False
        for (node, seq), event in sorted(left.items()):
            if seq > 1 and (node, seq - 1) not in seen:
                continue
            context = event.get("context")
            if context is None:
                context = contexts.get((node, seq - 1), {})
            others = {(other, number) for other, last in context.items() for number in range(1, last + 1)}
            if others <= seen.keys():
                base = event.get("base")
                own = {(node, number) for number in range(1, (seq - 1 if base is None else base) + 1)}
                contexts[node, seq], seen[node, seq] = context, frozenset(others | own)
                del left[node, seq]
                progress = True
    return seen


def waiting(events: Sequence[Form]) -> set[Dot]:
    """The dots that lack something they had seen, or an earlier event of their node."""
    return set(distinct(events)) - set(pasts(events))


# --- values


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of one delivered event. `rank` is the order that breaks ties."""

    dot: Dot
    seen: Past
    rank: tuple[int, str, int]
    path: tuple[Any, ...]
    verb: str
    arguments: tuple[Any, ...]


Ops = list[Op]
RawOps = Callable[[Form], Iterable[Sequence[Any]]]


def operations(events: Sequence[Form], raw_ops: RawOps) -> Ops:
    """All operations of the delivered events of one match. `raw_ops` lists an event's (path, verb, arguments)."""
    by_dot = distinct(events)
    return [
        Op(dot, seen, (by_dot[dot]["stamp"], *dot), tuple(path), verb, tuple(arguments))
        for dot, seen in pasts(events).items()
        for path, verb, arguments in raw_ops(by_dot[dot])
    ]


def standing(ops: Ops, against: Ops) -> Ops:
    """The operations that none of `against` had seen."""
    return [op for op in ops if not any(op.dot in other.seen for other in against)]


def last_of_each_event(ops: Ops) -> Ops:
    """An event that sets a register twice meant the last one."""
    return list({op.dot: op for op in ops}.values())


def removals(ops: Ops, path: tuple[Any, ...]) -> Ops:
    """The removals of map keys on the way to `path`, and clearings of the very thing there."""
    found = []
    for op in ops:
        is_above = op.verb == "remove" and (*op.path, *op.arguments) == path[: len(op.path) + 1]
        if is_above or (op.verb == "clear" and op.path == path):
            found.append(op)
    return found


def entries(kind: str, ops: Ops, path: tuple[Any, ...]) -> Ops:
    """The operations on the leaf at `path` that count."""
    here = [op for op in ops if op.path == path]
    gone = removals(ops, path)
    writes = {verb: [op for op in here if op.verb == verb] for verb in ("set", "add", "raise_to", "lower_to", "append")}
    on, off = [[op for op in here if op.verb == verb] for verb in ("enable", "disable")]
    if kind in ("lww", "mv"):
        return standing(last_of_each_event(writes["set"]), gone + writes["set"])
    if kind == "counter":
        return standing(writes["add"], gone + [op for op in here if op.verb == "reset"])
    if kind == "enable_wins":
        return standing(on, gone + off)
    if kind == "disable_wins":
        return standing(on + off, gone + on + off)
    return standing([op for op in here if op.verb in ("raise_to", "lower_to", "append", "claim")], gone)


def set_entries(kind: str, ops: Ops, path: tuple[Any, ...]) -> dict[Any, Ops]:
    """Element -> the operations on it that count, for the set at `path`."""
    gone = removals(ops, path)
    found: dict[Any, Ops] = {}
    for element in {op.arguments[0] for op in ops if op.path == path and op.verb in ("add", "remove")}:
        on_it = [op for op in ops if op.path == path and op.arguments[:1] == (element,)]
        added, removed = [[op for op in on_it if op.verb == verb] for verb in ("add", "remove")]
        if kind == "add_wins":
            held = standing(added, gone + removed)
        else:
            held = standing(added + removed, gone + added + removed)
        if held:
            found[element] = held
    return found


def members(kind: str, held: dict[Any, Ops]) -> list[Any]:
    """The elements that are in, of the sets' entries."""
    return sorted(x for x, ops in held.items() if kind == "add_wins" or all(op.verb == "add" for op in ops))


def turn_value(claims: Ops) -> dict[str, Any]:
    """The first claim of the highest number holds it."""
    first: dict[int, str] = {}
    for op in sorted(claims, key=lambda op: op.rank):
        first.setdefault(op.arguments[0], op.arguments[1])
    numbers = [None, None, *sorted(first)]
    current, before = numbers[-1], numbers[-2]
    holder = None if current is None else first[current]
    rivals = {op.arguments[1] for op in claims if op.arguments[0] == current} - {holder}
    return {
        "number": current,
        "holder": holder,
        "previous": None if before is None else first[before],
        "rivals": sorted(rivals),
    }


def leaf_value(kind: str, labels: tuple[str, ...], ops: Ops) -> Any:
    """The value of a leaf from the operations that count."""
    values = [op.arguments[0] for op in ops if op.arguments]
    if kind == "lww":
        return max(ops, key=lambda op: op.rank).arguments[0] if ops else None
    if kind == "mv":
        return sorted(set(values))
    if kind == "counter":
        return sum(values)
    if kind in ("highest", "lowest"):
        pick: Callable[..., Any] = max if kind == "highest" else min
        return pick(values, key=labels.index if labels else None) if values else None
    if kind == "log":
        return [op.arguments[0] for op in sorted(ops, key=lambda op: op.rank)]
    if kind == "turn":
        return turn_value(ops)
    verbs = {op.verb for op in ops}
    return verbs == {"enable"}


def keys_under(ops: Ops, path: tuple[Any, ...]) -> set[Any]:
    """Every key that an operation below the map at `path` names."""
    depth = len(path)
    return {op.path[depth] for op in ops if len(op.path) > depth and op.path[:depth] == path}


def is_held(spec: Any, ops: Ops, path: tuple[Any, ...]) -> bool:
    """Whether anything at or below `path` counts."""
    if isinstance(spec, Mapping):
        return any(is_held(inner, ops, (*path, name)) for name, inner in spec.items())
    kind = spec[0]
    if kind == "map":
        return any(is_held(spec[1], ops, (*path, key)) for key in keys_under(ops, path))
    if kind in ("add_wins", "remove_wins"):
        return bool(set_entries(kind, ops, path))
    return bool(entries(kind, ops, path))


def value_of(spec: Any, ops: Ops, path: tuple[Any, ...] = ()) -> Any:
    """The plain value at `path`; map keys as JSON writes them."""
    if isinstance(spec, Mapping):
        return {name: value_of(inner, ops, (*path, name)) for name, inner in spec.items()}
    kind = spec[0]
    if kind == "map":
        present = [key for key in sorted(keys_under(ops, path)) if is_held(spec[1], ops, (*path, key))]
        return {_json_key(key): value_of(spec[1], ops, (*path, key)) for key in present}
    if kind in ("add_wins", "remove_wins"):
        return members(kind, set_entries(kind, ops, path))
    return leaf_value(kind, spec[1] if len(spec) > 1 else (), entries(kind, ops, path))


def state_of(events: Sequence[Form], spec: Any, raw_ops: RawOps) -> Any:
    """The plain state that the events of one match give."""
    return value_of(spec, operations(events, raw_ops))


def _json_key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)
