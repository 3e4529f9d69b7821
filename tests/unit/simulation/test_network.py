"""Links that lose, repeat, delay and reorder."""

from __future__ import annotations

from dojopool.core.raft.messages import ConfState, Message, MessageType, Snapshot
from dojopool.simulation.network import DELAY_MAX, Network, between, ring
from dojopool.simulation.options import Plan
from dojopool.simulation.world import SECOND, World

COUNT = 400


class Ends:
    """Both ends of all links."""

    def __init__(self, *faults: str) -> None:
        self.world = World(3)
        self.arrived: list[tuple[int, int]] = []
        self.snapshots: list[tuple[int, int, bool]] = []
        self.unreachable: list[tuple[int, int]] = []
        self.network = Network(
            self.world,
            Plan(3, frozenset(faults)),
            deliver=lambda message: self.arrived.append((self.world.now, message.index)),
            snapshot=lambda sender, to, arrived: self.snapshots.append((sender, to, arrived)),
            unreachable=lambda sender, to, _: self.unreachable.append((sender, to)),
        )

    def send_many(self) -> list[int]:
        """Messages from 1 to 2; the indexes in the order in which they arrived."""
        for index in range(COUNT):
            self.network.send([Message(MessageType.APPEND, to=2, from_=1, index=index)])
        self.world.run(20 * SECOND)
        return [index for _, index in self.arrived]


def test_a_link_that_works_delivers_in_order() -> None:
    """Without faults every message arrives once, in order, and soon."""
    ends = Ends()

    assert ends.send_many() == list(range(COUNT))
    assert ends.arrived[-1][0] <= DELAY_MAX + COUNT


def test_each_fault_of_links_does_what_it_says() -> None:
    """Lost, repeated, out of order or late."""
    lost, twice, mixed, late = (Ends(name) for name in ("loss", "duplication", "reordering", "delay"))

    assert 0 < len(lost.send_many()) < COUNT
    found = twice.send_many()
    assert len(found) > COUNT
    assert set(found) == set(range(COUNT))
    found = mixed.send_many()
    assert found != sorted(found) == list(range(COUNT))
    late.send_many()
    assert late.arrived[-1][0] > 2 * DELAY_MAX


def test_calm_ends_all_but_cuts() -> None:
    """From then on links work, but for those that are cut."""
    ends = Ends("loss", "duplication", "reordering", "delay")
    ends.network.calm()

    assert ends.send_many() == list(range(COUNT))


def test_a_cut_takes_one_direction_and_what_is_under_way() -> None:
    """Nothing passes that way, the sender may hear that, and the other direction works."""
    ends = Ends()
    ends.network.send([Message(MessageType.APPEND, to=2, from_=1, index=1)])
    ends.network.cut.add((1, 2))
    ends.send_many()
    ends.network.send([Message(MessageType.APPEND, to=1, from_=2, index=77)])
    ends.world.run(40 * SECOND)

    assert [index for _, index in ends.arrived] == [77]
    assert (1, 2) in ends.unreachable


def test_the_end_of_a_snapshot_is_reported() -> None:
    """Its sender hears whether it arrived."""
    ends = Ends()
    snapshot = Snapshot(1, 1, ConfState(voters=(1,)))
    ends.network.cut.add((1, 3))
    for to in (2, 3):
        ends.network.send([Message(MessageType.SNAPSHOT, to=to, from_=1, snapshot=snapshot)])
    ends.world.run(SECOND)

    assert sorted(ends.snapshots) == [(1, 2, True), (1, 3, False)]


def test_shapes_of_cuts() -> None:
    """Between two sets both directions; a ring keeps neighbours."""
    assert between([1], [2, 1]) == {(1, 2), (2, 1)}
    assert ring([1, 2, 3]) == set()
    assert ring([1, 2, 3, 4]) == {(1, 3), (3, 1), (2, 4), (4, 2)}
