"""Equal inputs give equal bytes, in this process and in one that hashes differently."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from random import Random

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2
from dojopool.core.raft.messages import Ready
from support.raft_net import group_of, newcomer

TESTS = Path(__file__).resolve().parents[3]


def story(seed: int) -> str:
    """A digest of every Ready of a group of eight in a story with losses, crashes, transfers and changes."""
    chance = Random(seed)
    digest = sha256()

    def watch(node: int, ready: Ready) -> None:
        digest.update(repr((node, ready)).encode())

    group = group_of(5, learners=[6, 7])
    group.add(newcomer(8))
    for peer in group.peers.values():
        peer.watch = watch
    group.loses = lambda _message: chance.random() < 0.1
    group.campaign(1)
    for turn in range(120):
        group.tick()
        for leader in group.leaders():
            node = group[leader].node
            if not group[leader].status.transferee:
                node.propose(b"%d" % turn)
                node.read_index(b"r%d" % turn)
            if turn == 20:
                parts = (ConfChange(ChangeType.ADD_VOTER, 6), ConfChange(ChangeType.ADD_LEARNER, 8))
                node.propose_conf_change(ConfChangeV2((*parts, ConfChange(ChangeType.REMOVE, 5))))
            if turn == 60:
                group[leader].compact(trailing=3)
            if turn == 80 and leader != 3:
                node.transfer_leader(3)
        if turn % 40 == 39:
            group[chance.randrange(1, 6)].crash()
    assert max(peer.status.commit for peer in group.peers.values()) > 50
    return digest.hexdigest()


def test_c9_equal_inputs_give_equal_bytes() -> None:
    """Twice in one process, and again in processes whose hashes of strings and bytes are others."""
    here = story(9)
    assert here == story(9)
    assert here != story(10)

    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_node_determinism as t; "
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(TESTS)}
        there = subprocess.run(
            [sys.executable, "-c", code + "print(t.story(9))"],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert here == there.stdout.strip()
