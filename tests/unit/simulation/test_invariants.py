"""Each rule of the judge is broken once, and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, encode
from dojopool.core.raft.messages import (
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Ready,
    Role,
    Snapshot,
    SoftState,
    Stored,
)
from dojopool.raft_ports import DiskWrite
from dojopool.simulation.invariants import Judge, Violation, is_quorum

FIRST = Snapshot(1, 1, ConfState(voters=(1, 2, 3)))
NOTHING = Ready(0, None, None, (), None, (), (), (), (), must_sync=False)
LEADS = SoftState(1, Role.LEADER)
TWO = Entry(2, 2, data=b"two")


def judge() -> Judge:
    """One of a group of three, started."""
    found = Judge()
    found.begin(FIRST)
    for node in FIRST.config.voters:
        found.started(node, Stored(HardState(1, 0, 1), FIRST))
    return found


def told(found: Judge, node: int, **what: object) -> None:
    """A member says what it wants done, and its disk does it at once."""
    ready = replace(NOTHING, **what)  # type: ignore[arg-type]  # fields of Ready
    found.told(node, ready)
    found.given(node, DiskWrite(1, ready.hard_state, ready.entries, ready.snapshot))
    found.durable(node, 1)


def led() -> Judge:
    """Node 1 leads term 2, and its first entry is on all disks."""
    found = judge()
    told(found, 1, soft_state=LEADS, hard_state=HardState(2, 1, 1), entries=(TWO,))
    for node in (2, 3):
        told(found, node, hard_state=HardState(2, 1, 1), entries=(TWO,))
    return found


def committed() -> Judge:
    """... and committed by its leader."""
    found = led()
    found.counted(1, 2, FIRST.config)
    told(found, 1, hard_state=HardState(2, 1, 2), committed=(TWO,))
    return found


def message(type_: MessageType, **what: object) -> Message:
    """One from node 2."""
    return replace(Message(type_, to=1, from_=2, term=2), **what)  # type: ignore[arg-type]  # fields of Message


def test_a_sound_history_passes() -> None:
    """An election, an entry, its commit everywhere, and a restart."""
    found = committed()
    for node in (2, 3):
        told(found, node, hard_state=HardState(2, 1, 2), committed=(TWO,))
    found.applied(1, TWO, b"answer")
    found.applied(2, TWO, b"answer")
    found.crashed(1)
    found.started(1, Stored(HardState(2, 1, 2), FIRST, (TWO,)))

    assert (found.commit, found.leaders) == (2, {2: 1})


def steps(*acts: Callable[[Judge], None]) -> Callable[[Judge], None]:
    """One after the other."""

    def take(found: Judge) -> None:
        for act in acts:
            act(found)

    return take


def count_2(found: Judge) -> None:
    """Node 1 commits entry 2, by counting in the first members."""
    found.counted(1, 2, FIRST.config)


def elect_3(found: Judge) -> None:
    """Node 3, without entry 2, is elected in term 3."""
    told(found, 3, hard_state=HardState(3, 3, 1), entries=(Entry(3, 2),))
    told(found, 3, soft_state=SoftState(3, Role.LEADER))


def votes_for_3(found: Judge) -> None:
    """Node 2 voted for node 3 in term 2, as was heard before."""
    found.votes[2, 2] = 3


BREACHES: list[tuple[str, Callable[[], Judge], Callable[[Judge], None]]] = [
    ("durable", led, lambda j: j.started(1, Stored(HardState(2, 1, 1), FIRST))),
    ("durable", led, lambda j: j.started(1, Stored(HardState(1, 0, 1), FIRST, (TWO,)))),
    ("commit", led, lambda j: j.started(1, Stored(HardState(2, 1, 2), FIRST, (TWO,)))),
    ("election-safety", led, lambda j: told(j, 2, soft_state=LEADS, hard_state=HardState(2, 1, 1))),
    ("vote-once", led, lambda j: told(j, 2, hard_state=HardState(2, 3, 1))),
    ("vote-once", led, steps(votes_for_3, lambda j: j.sends(2, [message(MessageType.VOTE_RESPONSE)]))),
    ("vote-durable", judge, lambda j: j.sends(2, [message(MessageType.VOTE_RESPONSE)])),
    ("term-durable", judge, lambda j: j.sends(2, [message(MessageType.APPEND_RESPONSE, index=1)])),
    ("ack-durable", led, lambda j: j.sends(2, [message(MessageType.APPEND_RESPONSE, index=3)])),
    ("monotonic", led, lambda j: told(j, 1, hard_state=HardState(1, 1, 1))),
    ("monotonic", committed, lambda j: told(j, 1, hard_state=HardState(2, 1, 1))),
    ("monotonic", committed, lambda j: told(j, 1, snapshot=FIRST)),
    ("monotonic", committed, lambda j: told(j, 2, hard_state=HardState(2, 1, 2), committed=(Entry(2, 3),))),
    ("commit", led, lambda j: told(j, 2, hard_state=HardState(2, 1, 2))),
    ("commit", led, lambda j: told(j, 2, hard_state=HardState(2, 1, 3))),
    ("commit", committed, lambda j: told(j, 2, committed=(TWO,))),
    ("contiguous", led, lambda j: told(j, 1, entries=(Entry(2, 4),))),
    ("contiguous", led, lambda j: told(j, 1, entries=(Entry(2, 3), Entry(2, 5)))),
    ("leader-append-only", led, lambda j: told(j, 1, entries=(TWO,))),
    ("log-matching", led, lambda j: told(j, 2, entries=(Entry(2, 2, data=b"other"),))),
    ("committed", committed, lambda j: told(j, 1, entries=(TWO,))),
    ("committed", judge, lambda j: told(j, 2, snapshot=replace(FIRST, index=5))),
    ("state-machine", committed, lambda j: told(j, 2, hard_state=HardState(2, 1, 2), committed=(Entry(1, 2),))),
    ("state-machine", committed, steps(lambda j: j.applied(1, TWO, b"a"), lambda j: j.applied(2, TWO, b"b"))),
    ("state-machine", committed, steps(lambda j: j.snapshotted(1, 2, b"a"), lambda j: j.snapshotted(2, 2, b"b"))),
    (
        "durable-quorum",
        judge,
        steps(lambda j: told(j, 1, soft_state=LEADS, entries=(Entry(1, 2),)), count_2),
    ),
    (
        "own-term",
        led,
        steps(lambda j: told(j, 1, hard_state=HardState(3, 1, 1)), count_2),
    ),
    ("own-term", led, lambda j: j.counted(1, 9, FIRST.config)),
    ("leader-completeness", committed, elect_3),
]


@pytest.mark.parametrize(("rule", "before", "breach"), BREACHES)
def test_a_breach_is_named(rule: str, before: Callable[[], Judge], breach: Callable[[Judge], None]) -> None:
    """The judge says which rule a step broke."""
    found = before()
    with pytest.raises(Violation) as caught:
        breach(found)

    assert caught.value.rule == rule
    assert str(caught.value).startswith(f"{rule}: ")


def change(index: int, node: int) -> Entry:
    """A change that adds a learner."""
    data = encode(ConfChange(ChangeType.ADD_LEARNER, node))
    return Entry(2, index, EntryType.CONF_CHANGE, data)


def test_a_second_change_that_waits_is_named() -> None:
    """A leader appends a change of members only when none before it waits."""
    found = committed()
    told(found, 1, entries=(change(3, 4),))
    with pytest.raises(Violation, match="one-change"):
        told(found, 1, entries=(change(4, 5),))


def test_the_members_are_those_of_the_log() -> None:
    """Whoever makes something else of a change, or installs a snapshot with others, is named."""
    found = committed()
    told(found, 1, entries=(change(3, 4),))
    told(found, 2, entries=(change(3, 4),))
    found.counted(1, 3, FIRST.config)
    expected = ConfState(voters=(1, 2, 3), learners=(4,))

    found.configured(1, 3, expected)
    assert found.config == expected
    with pytest.raises(Violation, match="membership"):
        found.configured(2, 3, FIRST.config)
    with pytest.raises(Violation, match="membership"):
        told(found, 3, snapshot=Snapshot(3, 2, FIRST.config))


def test_a_message_that_a_later_term_overtook_is_no_breach() -> None:
    """What was true when it was said may leave late: the disk has gone on to a later term since."""
    found = led()
    told(found, 2, hard_state=HardState(5, 0, 1))

    found.sends(2, [message(MessageType.VOTE_RESPONSE), message(MessageType.APPEND_RESPONSE, index=2)])


def test_a_wiped_disk_counts_for_what_it_held() -> None:
    """Its member is as good as down for ever, and what it acknowledged stays acknowledged."""
    found = led()
    found.wiped(2)

    found.counted(1, 2, FIRST.config)
    assert found.commit == 2


def test_a_quorum_is_a_majority_of_both_halves() -> None:
    """Counted by hand, for plain and joint configurations; nobody is no quorum."""
    joint = ConfState(voters=(1, 2, 3), voters_outgoing=(3, 4))

    assert is_quorum({1, 2}, FIRST.config)
    assert not is_quorum({1, 4}, FIRST.config)
    assert is_quorum({1, 3, 4}, joint)
    assert not is_quorum({1, 2, 3}, joint)
    assert not is_quorum({1}, ConfState())
