"""A connection to one region: handles of matches, views, changes, and the settling of doubtful receipts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager

from dojopool.client.config import CLOSE_TIMEOUT_S, DEFAULT_LIMITS, TIMEOUT_S, ClientConfig, Limits
from dojopool.client.desk import Desk
from dojopool.client.feed import RETRY_S
from dojopool.client.match import MatchHandle
from dojopool.client.reader import AtLeast, Reader
from dojopool.client.receipts import Accepted, Mode, Receipt, Rejected, Unknown
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.client.stopping import stopped
from dojopool.client.view import MatchView
from dojopool.client.violations import Alert, StateName, follow
from dojopool.core.names import node_fault, region_of
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, ConfigError, DojoError, Unavailable
from dojopool.games.loading import LoadedGame
from dojopool.ports import Clock, EventLog, SendTracer, ViewReader


class Dojo:
    """A connection. Get it from `dojopool.connect()`; use it in the event loop that opened it."""

    def __init__(
        self, config: ClientConfig, *, log: EventLog, desk: Desk, reader: Reader, status: RegionStatus
    ) -> None:
        self._config, self._log, self._desk, self._reader, self._status = config, log, desk, reader, status

    @property
    def region(self) -> str:
        """The region that is read and written."""
        return self._config.region

    @property
    def node(self) -> str:
        """The name under which this connection writes: `region/instance#incarnation`."""
        return self._config.node

    @property
    def mode(self) -> Mode:
        """`local-only` while another region has not been heard of for seconds, in any partition, else `healthy`; from a
        status about a second old. A receipt has the mode of its match's partition, which may be cut off alone.
        """
        return self._status.mode

    async def match(self, match: str) -> MatchHandle:
        """A new handle of a match, whether or not anything was recorded of it yet. Reads the match: what is recorded
        through the handle has seen that view.

        Raises CallerError when `match` is no match id, Unavailable when the region's store does not answer.
        """
        view = await self._reader.read(match)
        return MatchHandle(self._desk.author(match), view, desk=self._desk, reader=self._reader)

    async def read(
        self, match: str, *, at_least: AtLeast | Rejected | None = None, timeout_s: float = TIMEOUT_S
    ) -> MatchView:
        """The match as the region shows it now, or as soon as it contains `at_least`: the event of a receipt, of this
        or another region, or everything that a clock names (`view.clock` of an earlier read, for one).

        A match of which nothing is known has an empty view. Views of one match only grow, unless the region's store
        lost its tail and is being filled again; with `at_least` they never go back. Raises Unavailable when the view
        does not get there within `timeout_s`, saying what it lacks, or when the store does not answer. With a timeout
        of 0 it looks once. Handles do not count this as read.
        """
        return await self._reader.read(match, at_least=at_least, timeout_s=timeout_s)

    def watch(self, match: str) -> AsyncIterator[MatchView]:
        """The match as it is, then again whenever it changes, for ever: `async for view in dojo.watch(id)`.

        Whoever is slower than the changes gets the latest, so states may be skipped, and the last one never is. While
        the region's store does not answer nothing comes; what was shown last is as old as it says. Raises Unavailable
        only when the first look fails. Ends when the connection is closed.
        """
        return self._reader.watch(match)

    def violations(
        self, *, since: str | None = None, states: Collection[StateName] | None = None
    ) -> AsyncGenerator[Alert, None]:
        """What the region's checkers publish, in order for each match: from now on, or from where `since` says.

        `since` is the `cursor` of an alert, kept where it survives this program once the alert is dealt with: then each
        is dealt with at least once. `"beginning"` is everything that the topic still holds. `states` picks some of
        suspected, cleared, confirmed and resolved. The same record may come again, with the same id, state and clock.
        While the log does not answer nothing comes. Raises CallerError for a cursor or a state that is none, OffsetGone
        when what comes next is no longer in the topic. Close it (`contextlib.aclosing`) when you stop early.
        """
        return follow(self._log, self._config, since=since, states=states)

    async def settle(self, receipt: Receipt, *, timeout_s: float = TIMEOUT_S) -> Receipt:
        """Wait for an Unknown receipt to be decided: by the log's acknowledgement, or by the event showing in the
        region's state. Other receipts are returned as they are.

        Returns Accepted, Rejected when it became certain that the event never got in, or the Unknown receipt again
        after `timeout_s`; all of them may be settled again. A receipt of an earlier connection is settled by sending
        its record once more; settle those in the order in which they were recorded, since the log delivers no event
        before those its writer wrote earlier. Raises CallerError for a receipt of another region.
        """
        if not isinstance(receipt, Unknown):
            return receipt
        if receipt.region != self.region:
            raise CallerError(
                f"event {receipt.dot} was written in {receipt.region}: settle it there, not {self.region}"
            )
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        shipment = await self._desk.sent(receipt, deadline_s=deadline_s)
        async with asyncio.TaskGroup() as tasks:
            shown = tasks.create_task(self._shown(receipt, deadline_s))
            waiting: set[asyncio.Future[Receipt]] = {shown}
            # That an earlier connection's record is in the log does not mean that those before it are.
            if shipment is not None and shipment.author is not None:
                waiting.add(shipment.answer)
            while waiting and not shown.done():
                decided, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for answer in decided:
                    if not isinstance(answer.result(), Unknown):
                        await stopped([shown])
                        return answer.result()
        return shown.result()

    async def _shown(self, receipt: Unknown, deadline_s: float) -> Receipt:
        """Wait for an event to show in the region's state; the receipt itself when it does not before the deadline."""
        now = asyncio.get_running_loop().time
        while True:
            try:
                left_s = max(0.0, deadline_s - now())
                await self._reader.read(receipt.match, at_least=receipt, timeout_s=left_s)
            except Unavailable:
                if now() >= deadline_s:
                    return receipt
                await asyncio.sleep(min(RETRY_S, deadline_s - now()))
            except DojoError:
                return receipt
            else:
                return Accepted(
                    match=receipt.match,
                    dot=receipt.dot,
                    clock=receipt.clock,
                    region=receipt.region,
                    mode=self._status.mode_of(partition_of(receipt.match, self._config.partitions)),
                    position=None,
                )

    def __repr__(self) -> str:
        return f"Dojo({self.node!r})"


@asynccontextmanager
async def open_dojo(  # noqa: PLR0913 - one keyword for each port and each fact of the deployment
    *,
    log: EventLog,
    views: ViewReader,
    clock: Clock,
    loaded: LoadedGame,
    region: str,
    regions: tuple[str, ...],
    partitions: int,
    prefix: str,
    node: str,
    limits: Limits = DEFAULT_LIMITS,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
    tracer: SendTracer | None = None,
) -> AsyncIterator[Dojo]:
    """Connect to a region whose log and views are given. `node` must never have written before.

    On exit nothing more is taken, and what is not acknowledged yet is waited for, `close_timeout_s` at most; then the
    receipts that are left say Unknown. Raises ConfigError when the region has another number of partitions, Unavailable
    when its log or store does not answer.
    """
    config = ClientConfig(
        region=region, regions=regions, partitions=partitions, prefix=prefix, node=node, limits=limits
    )
    _check_node(config)
    stamps = Stamps(clock)
    status = RegionStatus(config, views=views, clock=clock, stamps=stamps)
    await status.refresh()
    await _check_topic(log, config)
    failure: Exception | None = None
    async with log.writer() as writer, asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(status.keep())
        desk = Desk(config, writer=writer, codec=loaded.codec, stamps=stamps, status=status, tasks=tasks, tracer=tracer)
        reader = Reader(config, views=views, kind=loaded.game.kind, status=status, stamps=stamps, tasks=tasks)
        try:
            yield Dojo(config, log=log, desk=desk, reader=reader, status=status)
        except Exception as error:  # noqa: BLE001 - it is raised again below, as it came: a group would wrap it
            failure = error
        finally:
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(close_timeout_s):
                        await desk.drain()
            finally:
                reader.close()
                await stopped([keeping, *desk.senders, *reader.followers])
                desk.close()
    if failure is not None:
        raise failure


def _check_node(config: ClientConfig) -> None:
    if fault := node_fault(config.node):
        raise ConfigError(fault)
    if region_of(config.node) != config.region:
        raise ConfigError(f"node {config.node} does not belong to region {config.region}: its events would be refused")


async def _check_topic(log: EventLog, config: ClientConfig) -> None:
    """Raise ConfigError unless the event topic has as many partitions as the settings say."""
    try:
        async with log.admin() as admin:
            found = await admin.describe_topic(config.topic)
    except ConfigError:
        return  # who may only write is not told; a wrong number still shows in the status
    if found is None:
        raise ConfigError(f"region {config.region} has no topic {config.topic}: create it (`dojo topics create`)")
    if found.partitions != config.partitions:
        raise ConfigError(
            f"topic {config.topic} has {found.partitions} partitions, this connection was told {config.partitions}:"
            f" its events would land where nobody looks for them. Set DOJO_PARTITIONS={found.partitions}"
        )
