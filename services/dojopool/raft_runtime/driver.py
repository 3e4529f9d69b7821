"""Carries between a member of a group and the world: ticks, messages, writes, results. It decides nothing.

One task turns the pump whenever something came in. What came in during one turn of the loop goes through the member
together, so many proposals become one write, one flush, and one send to each other member. The disk is waited for in
a task of its own: ticks and messages go on while it stalls, and the member is told when it stalls for too long (rule
D12). Snapshots are stored by a third task.

Duties of `core.raft` that are kept here: 2 and 3 (writes in order), 7 (a steady clock; what has arrived goes in before
ticks that were missed), 8 (what links report). The others are the member's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NoReturn, TypeVar

from dojopool.core.raft.confchange import AnyChange, Transition
from dojopool.core.raft.messages import Message, Snapshot, Stored
from dojopool.core.raft.sessions import Command
from dojopool.errors import Unavailable, first_of
from dojopool.raft_ports import PeerEvents, PeerLinks, RaftStorage
from dojopool.raft_runtime.config import Pace
from dojopool.raft_runtime.member import Member
from dojopool.raft_runtime.results import Done, Outcome, Result

T = TypeVar("T")

INBOX_MAX: Final = 20_000
"""Messages that wait for the pump; more are dropped, as a network may."""
DRAIN_ROUNDS_MAX: Final = 50
"""Turns of the loop to wait for what arrived during a stall."""
QUIET_ROUNDS: Final = 3
"""Turns without a message after which all is taken to have arrived: a link needs up to two from socket to message."""


async def recovered(storage: RaftStorage, first: Snapshot | None) -> Stored:
    """What a member starts from. On a disk that was never used that is `first`, the founding snapshot, durable on
    return; None for a member that joins a group, which starts with nothing. Raises as `RaftStorage.recover`.
    """
    stored = storage.recover()
    if first is None or stored != Stored():
        return stored
    await storage.compact(first, keep_from=first.index + 1)
    return Stored(snapshot=first)


class Driver:
    """One member at work. `run` it in a task; the rest may be called while it runs, from the same loop."""

    def __init__(
        self, member: Member, *, storage: RaftStorage, links: PeerLinks, pace: Pace, now_s: Callable[[], float]
    ) -> None:
        """`storage` has recovered what `member` was made of. `now_s` gives seconds that never go back."""
        self.member = member
        """For looking only: what moves it goes through the driver."""
        self.dropped = 0
        """Messages lost because too many waited."""
        self._storage, self._links, self._pace, self._now_s = storage, links, pace, now_s
        self._inbox: list[Message] = []
        self._outbox: list[Message] = []
        self._woken = asyncio.Event()
        self._ticked_s = now_s()
        self._snapshots: asyncio.Queue[Snapshot] = asyncio.Queue(maxsize=1)
        self._ended: str | None = None

    @property
    def events(self) -> PeerEvents:
        """What the links are to call."""
        return PeerEvents(self._received, self._unreachable, self._snapshot_sent)

    async def run(self) -> None:
        """Work until cancelled. Raises Unavailable when the disk failed, LogConflict or CorruptState when this member
        contradicts the group; then end the process. Everybody who waits is told.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump())
                tasks.create_task(self._await_disk())
                tasks.create_task(self._keep_snapshots())
        except ExceptionGroup as group:
            raise first_of(group) from group
        finally:
            self._ended = "this member has ended"
            self.member.stop(self._ended)

    # ---- what the application wants ------------------------------------------------------------------------------

    async def propose(self, command: Command) -> Result:
        """Get a command into the log; returns when its outcome is known here, or known to be unknown. When cancelled,
        the outcome is unknown.
        """
        return await self._ask(partial(self.member.propose, command))

    async def change_members(self, change: AnyChange, *, transition: Transition = Transition.AUTO) -> Result:
        """As `propose`, for a change of members."""
        return await self._ask(partial(self.member.change_members, change, transition=transition))

    async def _ask(self, proposing: Callable[[Done], None]) -> Result:
        if self._ended is not None:
            return Result(Outcome.REJECTED, why=self._ended)
        heard: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        proposing(lambda result: None if heard.done() else heard.set_result(result))  # done: whoever waited is gone
        self._woken.set()
        return await heard

    async def read(self, query: Callable[[], T]) -> T:
        """What `query` returns on a state that shows everything committed before this call; it may run more than once.

        Raises Unavailable when no leader confirms it within the election timeout: ask again, or another member; and
        what `query` raises.
        """
        if self._ended is not None:
            raise Unavailable(self._ended)
        heard: asyncio.Future[Callable[[], T]] = asyncio.get_running_loop().create_future()

        def refused(why: str) -> None:
            if not heard.done():
                heard.set_exception(Unavailable(f"the read was not answered: {why}; it may be asked again"))

        self.member.read(
            partial(_attempt, query), lambda outcome: None if heard.done() else heard.set_result(outcome), refused
        )
        self._woken.set()
        return (await heard)()

    def transfer_leader(self, node: int) -> None:
        """Hand the lead to `node`. Raises CallerError or ProposalDropped as the node does."""
        self.member.node.transfer_leader(node)
        self._woken.set()

    # ---- the pump --------------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        while True:
            self._turn()
            await self._wait_until_tick()
            missed = self._missed_ticks()
            if missed > 1:
                await self._drain()
            self._take_inbox()
            if missed:
                self.member.is_silent = self._storage.stalled_s() > self._pace.stall_s
                self.member.tick(missed)

    def _turn(self) -> None:
        """Everything that the member wants done now, with one send."""
        while (work := self.member.ready()) is not None:
            self._outbox += work.messages
            if work.write is not None:
                self._storage.submit(work.write)
            if work.snapshot is not None:
                self._snapshots.put_nowait(work.snapshot)
        if self._outbox:
            sending, self._outbox = self._outbox, []
            self._links.send(sending)

    async def _wait_until_tick(self) -> None:
        """Until somebody wakes the pump, or the next tick is due."""
        due = asyncio.get_running_loop().call_later(
            max(0.0, self._ticked_s + self._pace.tick_s - self._now_s()), self._woken.set
        )
        try:
            await self._woken.wait()
        finally:
            due.cancel()
        self._woken.clear()

    def _missed_ticks(self) -> int:
        """Ticks since the last call. The rest of a tick is kept for the next."""
        missed = int((self._now_s() - self._ticked_s) / self._pace.tick_s)
        self._ticked_s += missed * self._pace.tick_s
        return missed

    async def _drain(self) -> None:
        """After a stall, let everything arrive that others sent meanwhile (rule C6)."""
        quiet = 0
        for _ in range(DRAIN_ROUNDS_MAX):
            before = len(self._inbox)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._inbox) == before else 0
            if quiet == QUIET_ROUNDS:
                return

    def _take_inbox(self) -> None:
        if self._inbox:
            messages, self._inbox = self._inbox, []
            self.member.receive(messages)

    async def _await_disk(self) -> None:
        while True:
            number = await self._storage.durable()
            self._outbox += self.member.persisted(number)
            self._woken.set()

    async def _keep_snapshots(self) -> None:
        while True:
            snapshot = await self._snapshots.get()
            await self._storage.compact(snapshot, keep_from=snapshot.index + 1)
            self.member.compacted(snapshot)
            self._woken.set()

    # ---- what links report -----------------------------------------------------------------------------------------

    def _received(self, messages: Sequence[Message]) -> None:
        if len(self._inbox) + len(messages) > INBOX_MAX:
            self.dropped += len(messages)
            return
        self._inbox += messages
        self._woken.set()

    def _unreachable(self, member: int) -> None:
        self.member.node.report_unreachable(member)

    def _snapshot_sent(self, member: int, ok: bool) -> None:
        self.member.node.report_snapshot(member, ok)
        self._woken.set()


def _attempt(query: Callable[[], T]) -> Callable[[], T]:
    """Run `query` now; what it returned or raised comes when the result is called."""
    try:
        value = query()
    except Exception as error:  # noqa: BLE001 - it is the caller's, and must not end the member
        return partial(_raise, error)
    return lambda: value


def _raise(error: Exception) -> NoReturn:
    raise error
