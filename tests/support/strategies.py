"""Random causal histories: several sites, stale readers, restarts, few keys and many removals.

A `World` knows only clocks: what each site was given and what each client had read when it last looked. Every clock in
it is that of a closed state, because real contexts are. What events carry is free: stamps may be wrong, contexts old.
Hypothesis drives a World step by step; `seeded_world` drives it with a seed, for another process.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import Any, Final

from support.everything import At, Form, Op

Path = tuple[Any, ...]

PLACES: Final[tuple[Path, ...]] = (
    (),
    ("cells", 1),
    ("cells", 2),
    ("rooms", "r", "inner", 1),
    ("rooms", "s", "inner", 1),
)

VERBS: Final[dict[str, list[tuple[str, tuple[Any, ...]]]]] = {
    "title": [("set", ("x",)), ("set", ("y",))],
    "rivals": [("set", ("x",)), ("set", ("y",))],
    "total": [("add", (1,)), ("add", (10,)), ("add", (-3,))],
    "tally": [("add", (1,)), ("add", (10,)), ("reset", ()), ("reset", ())],
    "level": [("raise_to", ("low",)), ("raise_to", ("middle",)), ("raise_to", ("high",))],
    "floor": [("lower_to", (1,)), ("lower_to", (2,)), ("lower_to", (-5,))],
    "tags": [("add", ("x",)), ("add", ("y",)), ("remove", ("x",)), ("remove", ("y",)), ("clear", ())],
    "bans": [("add", (1,)), ("add", (2,)), ("remove", (1,)), ("remove", (2,)), ("clear", ())],
    "open": [("enable", ()), ("disable", ())],
    "shut": [("enable", ()), ("disable", ())],
    "notes": [("append", ("x",)), ("append", ("y",))],
    "turn": [("claim", (1, "x")), ("claim", (1, "y")), ("claim", (2, "x")), ("claim", (3, "y"))],
}
"""Field -> its verbs with the few arguments that are tried."""

REMOVALS: Final[list[Op]] = [
    At("cells").remove(1),
    At("cells").remove(2),
    At("rooms").remove("r"),
    At("rooms").remove("s"),
    At("rooms", "r", "inner").remove(1),
]

DIRECT: Final[dict[str, list[Op]]] = {
    "total": [
        *(At("counts", key).add(amount) for key, amount in product("ab", (1, 5))),
        At("counts").remove("a"),
        At("counts").remove("b"),
    ],
    "title": [*(At("words", key).set("x") for key in (True, False)), At("words").remove(True)],
}
"""Fields whose type also stands directly under a map."""


def ops_of(field: str) -> list[Op]:
    """Every operation that is tried on the type of `field`: at the top, in maps, and the removals of the keys there."""
    writes = [getattr(At(*place, field), verb)(*arguments) for place in PLACES for verb, arguments in VERBS[field]]
    return [*writes, *DIRECT.get(field, []), *(REMOVALS * (len(writes) // 8))]


def allowed_together(ops: Sequence[Op]) -> list[Op]:
    """The operations without those that one event may not combine with an earlier one."""
    kept: list[Op] = []
    verbs: dict[Path, str] = {}
    for path, verb, arguments in ops:
        on_element = path[-1] in ("tags", "bans") and verb in ("add", "remove")
        if verb != "clear" and (verb != "remove" or on_element):
            cell = (*path, *arguments) if on_element else tuple(path)
            if cell in verbs and (verbs[cell] != verb or verb in ("append", "claim")):
                continue
            verbs[cell] = verb
        kept.append([path, verb, arguments])
    return kept


class World:
    """Sites that write events of one match and pass them on. `events` are in the order of writing."""

    def __init__(self, *, sites: int = 3, clients: int = 2) -> None:
        self.events: list[Form] = []
        self.reads: list[dict[str, int]] = []
        """Per event, the clock its writer had read."""
        self.known: list[dict[str, int]] = [{} for _ in range(sites)]
        self._nodes = [f"r{site}/n#1" for site in range(sites)]
        self._looked: dict[tuple[int, int], dict[str, int]] = {
            (site, client): {} for site in range(sites) for client in range(clients)
        }
        self._contexts: dict[str, dict[str, int]] = {}

    def look(self, site: int, client: int) -> dict[str, int]:
        """The client reads what its site has now; returns the clock."""
        self._looked[site, client] = dict(self.known[site])
        return self.looked(site, client)

    def looked(self, site: int, client: int) -> dict[str, int]:
        """The clock of what the client last read."""
        return dict(self._looked[site, client])

    def write(self, site: int, client: int, ops: Sequence[Op], *, stamp: int, lean: bool = True) -> Form:
        """The client writes with what it last read. `lean` leaves out the context and base where that is allowed."""
        node, read = self._nodes[site], self._looked[site, client]
        seq, base = self.known[site].get(node, 0) + 1, read.get(node, 0)
        context = {other: counter for other, counter in read.items() if other != node}
        form: Form = {
            "match": "m",
            "node": node,
            "seq": seq,
            "base": None if lean and base == seq - 1 else base,
            "context": None if lean and context == self._contexts.get(node, {}) else context,
            "stamp": stamp,
            "type": "ops",
            "body": allowed_together(ops),
        }
        self.events.append(form)
        self.reads.append(dict(read))
        self._contexts[node] = context
        self.known[site][node] = seq
        if base == seq - 1:
            read[node] = seq  # its own event, with nobody else's between: the client has seen it
        return form

    def sync(self, giver: int, taker: int, count: int) -> None:
        """Give `taker` up to `count` events that `giver` has, in causal order."""
        theirs, mine = self.known[giver], self.known[taker]
        for form, read in zip(self.events, self.reads, strict=True):
            node, seq = form["node"], form["seq"]
            is_new = mine.get(node, 0) == seq - 1 and seq <= theirs.get(node, 0)
            if count and is_new and all(counter <= mine.get(other, 0) for other, counter in read.items()):
                mine[node] = seq
                count -= 1

    def restart(self, site: int) -> None:
        """The site's writer becomes a new incarnation."""
        name, _, number = self._nodes[site].partition("#")
        self._nodes[site] = f"{name}#{int(number) + 1}"

    def events_of(self, site: int) -> list[Form]:
        """What the site was given, in the order of writing."""
        return [form for form in self.events if form["seq"] <= self.known[site].get(form["node"], 0)]


def seeded_world(seed: int, *, steps: int = 60) -> World:
    """A World after `steps` steps over all types, the same for the same seed in every process."""
    chance = Random(seed)
    every_op = [op for field in VERBS for op in ops_of(field)]
    world = World()
    for _ in range(steps):
        site, client = chance.randrange(3), chance.randrange(2)
        if chance.random() < 0.4:
            world.look(site, client)
        world.sync(chance.randrange(3), site, chance.randrange(4))
        world.write(site, client, chance.choices(every_op, k=chance.randint(1, 4)), stamp=chance.randrange(5))
        if chance.random() < 0.05:
            world.restart(site)
    return world
