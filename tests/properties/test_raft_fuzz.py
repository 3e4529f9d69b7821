"""A member's port takes anything that anybody sends: nothing crashes, nothing grows, everything is counted.

A few seconds run with every test. `RAFT_FUZZ_S=3600 pytest -s tests/properties/test_raft_fuzz.py` runs an hour,
`RAFT_FUZZ_SEED` repeats what was said, though not how the machine cut it into pieces.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from dojopool.adapters.raft_frames import Kind, frame
from dojopool.adapters.raft_link import Peer
from dojopool.adapters.raft_tls import Security
from dojopool.codec.raft_wire import encode_message
from dojopool.core.raft.messages import Message, MessageType
from support.raft_links import Node, address, listening, node, tls
from support.raft_stranger import hello, nonsense, stranger

SECONDS = float(os.environ.get("RAFT_FUZZ_S", "2"))
SEED = int(os.environ.get("RAFT_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
AT_ONCE = 8
GROWTH_BYTES_MAX = 4 * 1024 * 1024
"""Python's own caches move by less than that; a connection that is kept costs a tenth of a megabyte, and there are
hundreds a second."""


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("is_secured", [False, True], ids=["plain", "tls"])
async def test_anything_may_be_said(tmp_path: Path, is_secured: bool) -> None:
    """Whatever is sent, by strangers or by a member, the next sound message arrives and memory stays as it was."""
    print(f"RAFT_FUZZ_SEED={SEED}")  # noqa: T201 - for people to read
    one_s, two_s = (tls(tmp_path, "n1"), tls(tmp_path, "n2")) if is_secured else (None, None)
    with listening() as mine:
        async with node(tmp_path, 1, {1: mine}, security=one_s) as one:
            one.links.add_peer(Peer(2, "127.0.0.1", 9, "n2"))
            at, chance = address(mine), random.Random(SEED)
            await bother(at, chance, two_s, seconds=SECONDS / 4)  # caches fill
            tracemalloc.start()
            try:
                before = held_bytes(one)
                said = await bother(at, chance, two_s, seconds=SECONDS)
                grown = held_bytes(one) - before
            finally:
                tracemalloc.stop()
            print(f"{said} connections, {grown} bytes grown, refused: {dict(one.links.rejected)}")  # noqa: T201 - as above
            await sound(at, one, two_s)

            assert grown < GROWTH_BYTES_MAX
            assert sum(one.links.rejected.values()) >= said // 8


async def bother(at: tuple[str, int], chance: random.Random, security: Security | None, *, seconds: float) -> int:
    """Say nonsense over many connections; how many there were."""
    loop = asyncio.get_running_loop()
    until, said = loop.time() + seconds, 0

    async def one_after_another() -> None:
        nonlocal said
        while loop.time() < until:
            words, is_member = nonsense(chance), chance.random() < 0.7
            with suppress(OSError, EOFError, TimeoutError):
                async with stranger(at, tls=security.dialling() if security else None) as one:
                    said += 1
                    if is_member:
                        one.say(hello())
                        await one.answer()
                    one.say(words)
                    await one.drain()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_another())
    return said


def held_bytes(one: Node) -> int:
    """Memory in use, but for what the test itself has heard."""
    one.heard.messages.clear()
    one.heard.turns.clear()
    one.heard.unreachable.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def sound(at: tuple[str, int], one: Node, security: Security | None) -> None:
    """Shake hands and send a message that the core receives."""
    one.heard.messages.clear()
    last = Message(MessageType.HEARTBEAT, to=1, from_=2, term=99)
    async with stranger(at, tls=security.dialling() if security else None) as two:
        two.say(hello())
        assert (await two.answer())[0] is Kind.WELCOME
        two.say(frame(Kind.MESSAGE, encode_message(last)))
        await one.heard.until(lambda: last in one.heard.messages)
