"""What can be broken in a run, and how much of it a seed draws.

A run is a seed and the names of the faults that are on. Each fault draws from a source of its own, so switching one off
leaves the others as they were as far as the run allows; that is what makes a failing run shrink.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from dojopool.core.raft.options import Options, ReadMode
from dojopool.errors import ConfigError

TICK_MS: Final = 100
ELECTION_TICKS: Final = 10
T_MS: Final = TICK_MS * ELECTION_TICKS
LEASE_MS: Final = T_MS * 7 // 10

FAULTS: Final[dict[str, str]] = {
    "loss": "messages are lost",
    "duplication": "messages arrive twice, the second time late",
    "reordering": "messages of one link overtake each other",
    "delay": "some messages take up to three election timeouts",
    "cuts": "the group falls into two parts",
    "one-way": "a node can send and not receive, or receive and not send; or one direction of one link is cut",
    "shapes": "two parts that one node bridges, or a ring of neighbours",
    "clocks": "clocks run at 0.5 to 2 times the rate",
    "pauses": "a node stops between two steps, and goes on",
    "crashes": "a node dies between two steps, and a prefix of what it had not synced survives",
    "torn": "after a crash any subset of what was not synced survives, with holes, flipped bits and lost renames",
    "slow-disk": "a sync takes up to three election timeouts",
    "failing-disk": "a sync fails, which ends the process",
    "full-disk": "a write fails for lack of room, which ends the process",
    "wiped-disk": "a disk is lost for good, and its node is replaced by one with a new id that begins as a learner",
    "slow-apply": "what is committed is applied late",
    "snapshots": "snapshots are taken every few entries, and the log is cut behind them",
    "membership": "voters and learners are added, demoted and removed, in single and joint steps",
    "transfers": "the leader is asked to hand over",
    "small-limits": "windows, messages and batches shrink to what is barely allowed",
    "late-acks": "what was stored is acknowledged late",
    "bursts": "clients ask much faster for a while",
}
"""Name of a fault -> what it does."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    faults: frozenset[str]
    """Names out of FAULTS."""
    nodes: int = 5
    """Voters at the beginning."""
    clients: int = 3
    seconds: float = 20.0
    """How long there are faults, in virtual time."""
    read_mode: ReadMode = ReadMode.SAFE
    limits: dict[str, int] = field(default_factory=dict)
    """Options of the core that are not the usual ones."""

    def __post_init__(self) -> None:
        if unknown := sorted(self.faults - FAULTS.keys()):
            raise ConfigError(f"there is no fault {unknown[0]!r}; there are {', '.join(FAULTS)}")

    def options(self, node: int) -> Options:
        """Those of the core for one node."""
        leases = {"read_mode": ReadMode.LEASE, "lease_ms": LEASE_MS}
        given: dict[str, object] = {**self.limits, **(leases if self.read_mode is ReadMode.LEASE else {})}
        return Options(id=node, election_ticks=ELECTION_TICKS, **given)  # type: ignore[arg-type]  # each fits its field

    def command(self) -> str:
        """What repeats this run."""
        drawn = plan(self.seed)
        words = [f"dojo simulate raft --seed {self.seed}"]
        words += [f"--without {name}" for name in sorted(drawn.faults - self.faults)]
        words += [f"--with {name}" for name in sorted(self.faults - drawn.faults)]
        words += [f"--{name} {value:g}" for name, value in self._sizes().items() if value != drawn._sizes()[name]]
        return " ".join(words)

    def _sizes(self) -> dict[str, float]:
        return {"nodes": self.nodes, "clients": self.clients, "seconds": self.seconds}


def plan(
    seed: int,
    *,
    nodes: int | None = None,
    clients: int | None = None,
    seconds: float | None = None,
    with_: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Plan:
    """The run of a seed. What is given takes the place of what is drawn. Raises ConfigError when a fault is not known.

    Few faults are on in some runs and half of all in others: so each is met with and without each other, and a group
    that is broken in every way does nothing worth judging.
    """
    random = Random(f"{seed}/plan")  # noqa: S311 - to be repeated by its seed, not to be secret
    share = random.choice((0.15, 0.3, 0.5))
    faults = {name for name in FAULTS if random.random() < share}
    drawn_nodes = random.choice((1, 2, 3, 3, 3, 4, 5, 5, 5))
    drawn_clients = random.randint(2, 5)
    # A lease is a promise about clocks that agree; where they do not, only a quorum may be asked.
    leases = random.random() < 0.4
    limits = _limits(random)
    if unknown := sorted({*with_, *without} - FAULTS.keys()):
        raise ConfigError(f"there is no fault {unknown[0]!r}; there are {', '.join(FAULTS)}")
    faults = (faults | set(with_)) - set(without)
    return Plan(
        seed=seed,
        faults=frozenset(faults),
        nodes=nodes or drawn_nodes,
        clients=clients or drawn_clients,
        seconds=seconds or 20.0,
        read_mode=ReadMode.LEASE if leases and "clocks" not in faults else ReadMode.SAFE,
        limits=limits if "small-limits" in faults else {},
    )


def _limits(random: Random) -> dict[str, int]:
    """Each limit as it is, or barely above nothing."""
    small = {
        "inflight_max": random.choice((1, 2, 3)),
        "message_bytes_max": random.choice((1, 60, 200)),
        "inflight_bytes_max": random.choice((200, 400)),
        "uncommitted_bytes_max": random.choice((1, 100, 1000)),
        "committed_bytes_max": random.choice((1, 100)),
        "heartbeat_ticks": random.choice((2, 3, 5)),
    }
    return {name: value for name, value in small.items() if random.random() < 0.6}
