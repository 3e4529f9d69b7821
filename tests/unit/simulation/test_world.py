"""Virtual time."""

from __future__ import annotations

from functools import partial

from dojopool.simulation.world import World


def test_events_happen_in_the_order_of_time() -> None:
    """What is due first happens first, what was asked for first of one instant too, and nothing after the end."""
    world, told = World(1), list[tuple[int, str]]()

    def tell(name: str) -> None:
        told.append((world.now, name))

    for delay, name in ((30, "late"), (10, "a"), (10, "b"), (20, "middle")):
        world.after(delay, partial(tell, name))

    assert not world.run(20)
    assert told == [(10, "a"), (10, "b"), (20, "middle")]
    assert world.now == 20


def test_a_run_can_be_stopped() -> None:
    """It ends after the event that makes the condition true, at that event's time."""
    world, told = World(1), list[int]()
    for delay in (1, 2, 3):
        world.after(delay, partial(told.append, delay))

    assert world.run(10, stop=lambda: len(told) == 2)
    assert (told, world.now) == ([1, 2], 2)


def test_concerns_draw_for_themselves() -> None:
    """One concern's chance is the same whatever others draw, and another seed's is another."""
    one, same, other = World(1), World(1), World(2)
    one.chance("links").random()

    assert one.chance("disk").random() == same.chance("disk").random()
    assert one.chance("disk").random() != same.chance("links").random()
    assert one.chance("disk").random() != other.chance("disk").random()
