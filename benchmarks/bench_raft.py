"""A Raft group of three local processes, beside PySyncObj: commits a second, latency, failover, delay.

    python benchmarks/bench_raft.py [--rounds N] [--seconds S] [--kills N]

Commands of 200 bytes, proposed in the leader's process. dojopool flushes every batch to disk and speaks mutual TLS;
PySyncObj stores nothing and encrypts nothing, which is its fastest way. Rows take turns within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict

from raft_group import BATCHED, OURS, PEER_PYTHON, UNBATCHED, Group, Kind, group
from report import Table, middle_and_range, percentile, run_without_servers

OUTSTANDING = (256, 1)
DELAY_S = 0.05
PACED_PER_SECOND = 20
ELECTION_S = 1.0
"""T of dojopool as shipped: ten ticks of 0.1 s."""
SKIPPED = "SKIPPED: PySyncObj, its environment is not there: make .venv-bench/.ready"


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument("--kills", type=int, default=30)


async def measure(given: argparse.Namespace) -> list[Table]:
    """All tables."""
    kinds = [OURS, BATCHED, UNBATCHED] if PEER_PYTHON.exists() else [OURS]
    tables = [
        await throughput(kinds, rounds=given.rounds, seconds=given.seconds),
        await failover(kinds[:2], kills=given.kills),
        await delayed(seconds=given.seconds),
    ]
    if len(kinds) == 1:
        tables[0].notes.append(SKIPPED)
    return tables


async def throughput(kinds: list[Kind], *, rounds: int, seconds: float) -> Table:
    """Closed loops on the leader."""
    columns = ("", "fsync", "TLS", "outstanding", "commits/s", "p50 ms", "p99 ms", "leader's CPU ms per commit")
    table = Table(f"Three members, 200 B commands, {rounds} rounds of {seconds:g} s: median (range)", columns)
    found: dict[tuple[Kind, int], list[dict[str, float]]] = defaultdict(list)
    for _ in range(rounds):
        for kind in kinds:
            async with group(kind) as members:
                for outstanding in OUTSTANDING:
                    leader, _ = await members.leader()
                    await leader.ask("load", outstanding=outstanding, seconds=seconds / 5)
                    figures = await leader.ask("load", outstanding=outstanding, seconds=seconds)
                    found[kind, outstanding].append(figures)
                await check(kind, members, table)
    for (kind, outstanding), runs in sorted(found.items(), key=lambda item: (-item[0][1], kinds.index(item[0][0]))):
        row = [kind.name, kind.fsync, kind.tls, str(outstanding)]
        row += [middle_and_range([run["per_second"] for run in runs])]
        row += [middle_and_range([run[name] for run in runs], ".2f") for name in ("p50_ms", "p99_ms")]
        row += [middle_and_range([run["cpu_s"] / run["commits"] * 1000 for run in runs], ".3f")]
        table.rows.append(tuple(row))
    return table


async def check(kind: Kind, members: Group, table: Table) -> None:
    """Ask that all members have counted the same commands. A peer that has not is measured all the same, and named."""
    leader, _ = await members.leader()
    await leader.ask("load", outstanding=1, seconds=0.1)  # the last commit is told with the next
    try:
        await members.level()
    except TimeoutError:
        if kind is OURS:
            raise
        found = [(await one.ask("status"))["counted"] for one in members.members.values()]
        table.notes.append(
            f"{kind.name}: its members did not come to the same state, they counted"
            f" {', '.join(f'{counted:,}' for counted in found)} commands."
        )


async def failover(kinds: list[Kind], *, kills: int) -> Table:
    """From `kill -9` of the leader to another one, by the new leader's own clock, which all processes share."""
    table = Table(f"Failover, {kills} kills of the leader", ("", "p50 ms", "p99 ms", "largest ms", "bound ms"))
    for kind in kinds:
        times_ms = []
        async with group(kind) as members:
            for _ in range(kills):
                leader, _ = await members.leader()
                killed_s = time.monotonic()
                await leader.end()
                del members.members[leader.id]
                _, led_since_s = await members.leader(since_s=killed_s)
                times_ms.append((led_since_s - killed_s) * 1000)
                await members.start(leader.id)
                await members.level()
        bound = f"{2000 * ELECTION_S + 100:.0f}" if kind is OURS else ""
        figures = (percentile(times_ms, 50), percentile(times_ms, 99), max(times_ms))
        table.rows.append((kind.name, *(f"{figure:.0f}" for figure in figures), bound))
    table.notes.append(
        f"T of dojopool is {ELECTION_S:g} s as shipped, the bound 2T + 100 ms; PySyncObj's is 0.4 to 1.4 s."
    )
    return table


async def delayed(*, seconds: float) -> Table:
    """Proposals at even distances in a group whose members are far from each other."""
    title = f"{DELAY_S * 1000:.0f} ms added between members, each way, {PACED_PER_SECOND} proposals a second"
    table = Table(title, ("", "commits", "p50 ms", "p99 ms", "failed"))
    async with group(OURS, delay_s=DELAY_S) as members:
        leader, _ = await members.leader()
        await asyncio.sleep(1)  # links that came up late
        figures = await leader.ask("pace", per_second=PACED_PER_SECOND, seconds=2 * seconds)
    table.rows.append(
        (OURS.name, *(f"{figures[name]:.0f}" for name in ("commits", "p50_ms", "p99_ms", "failed"))),
    )
    table.notes.append(
        "The delay is made by proxies in the benchmark's own process, for every byte in both directions."
    )
    return table


if __name__ == "__main__":
    run_without_servers(__doc__, options, measure)
