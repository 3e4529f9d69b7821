"""The collector of a replica leaves long-lived state alone, and still frees what clients leave behind."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc, weakref
from dojopool.replica.garbage import YOUNG_MAX, hold_collector

class Node:
    pass

hold_collector()
assert gc.get_freeze_count() > 0, "what was there is not left out"
looks = []
gc.callbacks.append(lambda phase, info: looks.append(info["generation"]) if phase == "start" else None)
state = [[] for _ in range(YOUNG_MAX // 2)]
assert not looks, "young objects were looked at in small portions"
node = Node()
node.self = node
gone = weakref.ref(node)
del node
state += [[] for _ in range(2 * YOUNG_MAX)]
assert gone() is None, "a cycle was never freed"
assert set(looks) == {0}, looks
"""


def test_the_collector_is_held_and_not_off() -> None:
    """A few hundred thousand objects of state cost two looks at the young, and a cycle among them is freed."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
