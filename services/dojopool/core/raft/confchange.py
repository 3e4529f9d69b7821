"""Changing who is a member, without a moment in which two majorities could decide apart.

Every change of more than one voter goes through a joint configuration: its first entry makes both the old and the new
voters decide, its second lets the old ones go. A single change is the joint one's short form: two majorities of sets
that differ in one voter meet anyway. A change counts from the moment it is *applied*, not appended, so that a log that
is cut back needs no configuration rolled back; what makes that safe stands in `node.py` (rules M2, M3, M8 and E15).

After P section 6 and etcd/raft, confchange/confchange.go.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

from dojopool.core.raft.messages import ConfState, EntryType
from dojopool.core.raft.progress import Inflights, Progress
from dojopool.core.raft.quorum import NO_VOTERS, JointConfig
from dojopool.errors import ConfChangeRefused, CorruptState


class ChangeType(IntEnum):
    """What becomes of a node. The values are stored: never renumber them."""

    ADD_VOTER = 0
    REMOVE = 1
    ADD_LEARNER = 2


class Transition(IntEnum):
    """When a joint configuration is used, and who leaves it. The values are stored."""

    AUTO = 0
    """Joint only when more than one voter changes; the leader leaves it."""
    IMPLICIT = 1
    """Joint; the leader leaves it as soon as it is applied."""
    EXPLICIT = 2
    """Joint until somebody proposes an empty change."""


@dataclass(frozen=True, slots=True)
class ConfChange:
    """One change of one node (v1)."""

    type: ChangeType
    node: int


@dataclass(frozen=True, slots=True)
class ConfChangeV2:
    """Changes that take effect together; none at all: leave the joint configuration."""

    changes: tuple[ConfChange, ...] = ()
    transition: Transition = Transition.AUTO

    @property
    def leaves_joint(self) -> bool:
        return not self.changes and self.transition is Transition.AUTO

    @property
    def enters_joint(self) -> bool:
        """Whether it needs a joint configuration; `auto_leave` is then whether it is left by itself."""
        return self.transition is not Transition.AUTO or len(self.changes) > 1

    @property
    def auto_leave(self) -> bool:
        return self.transition is not Transition.EXPLICIT


AnyChange: TypeAlias = ConfChange | ConfChangeV2

_ONE = struct.Struct("<BQ")


def encode(change: AnyChange) -> bytes:
    """The data of an entry that carries `change`."""
    if isinstance(change, ConfChange):
        return _ONE.pack(change.type, change.node)
    return bytes([change.transition]) + b"".join(_ONE.pack(one.type, one.node) for one in change.changes)


def decode(type_: EntryType, data: bytes) -> AnyChange:
    """Undo `encode` for an entry of `type_`. Raises CorruptState for anything that it cannot have made.

    Empty data of a v2 entry is the empty change.
    """
    if type_ is EntryType.CONF_CHANGE:
        changes = _decode_changes(data)
        if len(changes) != 1:
            raise CorruptState(f"a change of one member must be {_ONE.size} bytes, found {len(data)}")
        return changes[0]
    assert type_ is EntryType.CONF_CHANGE_V2, "only entries that change members are decoded"
    if not data:
        return ConfChangeV2()
    try:
        transition = Transition(data[0])
    except ValueError:
        raise CorruptState(f"a change of members has the unknown transition {data[0]}") from None
    return ConfChangeV2(_decode_changes(data[1:]), transition)


def entry_type(change: AnyChange) -> EntryType:
    """The type of the entry that carries `change`."""
    return EntryType.CONF_CHANGE if isinstance(change, ConfChange) else EntryType.CONF_CHANGE_V2


def as_v2(change: AnyChange) -> ConfChangeV2:
    """The same change in the form that covers all."""
    return change if isinstance(change, ConfChangeV2) else ConfChangeV2((change,))


def _decode_changes(data: bytes) -> tuple[ConfChange, ...]:
    try:
        return tuple(ConfChange(ChangeType(kind), node) for kind, node in _ONE.iter_unpack(data))
    except (struct.error, ValueError) as error:
        raise CorruptState(f"a change of members of {len(data)} bytes does not decode: {error}") from None


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who votes and who only listens, as a leader counts."""

    voters: JointConfig = NO_VOTERS
    learners: frozenset[int] = frozenset()
    learners_next: frozenset[int] = frozenset()
    """Voters of the outgoing half that become learners when it is left."""
    auto_leave: bool = False

    @property
    def is_joint(self) -> bool:
        return bool(self.voters.outgoing)

    def conf_state(self) -> ConfState:
        """The same as a value for snapshots."""
        return ConfState(
            voters=tuple(sorted(self.voters.incoming)),
            learners=tuple(sorted(self.learners)),
            voters_outgoing=tuple(sorted(self.voters.outgoing)),
            learners_next=tuple(sorted(self.learners_next)),
            auto_leave=self.auto_leave,
        )


ProgressMap: TypeAlias = Mapping[int, Progress]
Changed: TypeAlias = tuple[Configuration, dict[int, Progress]]


class Changer:
    """Computes the configuration and progress after a change; never touches those given.

    Every method raises ConfChangeRefused naming the change and the rule when it is illegal (rule M4).
    """

    def __init__(
        self,
        config: Configuration,
        progress: ProgressMap,
        *,
        last_index: int,
        inflight_max: int = 256,
        inflight_bytes_max: int = 0,
    ) -> None:
        """A new member is probed from `last_index` on, within a window of `inflight_max` appends."""
        self._config, self._progress = config, progress
        self._last_index = last_index
        self._inflight_max, self._inflight_bytes_max = inflight_max, inflight_bytes_max

    def simple(self, changes: Iterable[ConfChange]) -> Changed:
        """Apply changes that alter one voter at most."""
        if self._config.is_joint:
            raise ConfChangeRefused("a simple change was asked for in a joint configuration: leave it first")
        config, progress = self._apply(self._config, dict(self._progress), changes)
        altered = self._config.voters.incoming ^ config.voters.incoming
        if len(altered) > 1:
            raise ConfChangeRefused(
                f"a simple change may alter one voter, this one alters {sorted(altered)}: make it joint"
            )
        return _checked(config, progress)

    def enter_joint(self, auto_leave: bool, changes: Iterable[ConfChange]) -> Changed:
        """Make the present voters the outgoing half and apply `changes` to the incoming one."""
        if self._config.is_joint:
            raise ConfChangeRefused("a joint configuration was asked for in a joint configuration: leave it first")
        voters = self._config.voters.incoming
        if not voters:
            raise ConfChangeRefused("a joint configuration was asked for in a group without voters")
        joint = replace(self._config, voters=JointConfig(voters, voters), auto_leave=auto_leave)
        return _checked(*self._apply(joint, dict(self._progress), changes))

    def leave_joint(self) -> Changed:
        """Let the outgoing half go; who waited to become a learner becomes one, with its progress."""
        old = self._config
        if not old.is_joint:
            raise ConfChangeRefused("asked to leave a joint configuration, but this one is not joint")
        learners = old.learners | old.learners_next
        kept = old.voters.incoming | learners
        progress = {node: one for node, one in self._progress.items() if node in kept}
        for node in old.learners_next:
            progress[node] = progress[node].copy(is_learner=True)
        return _checked(Configuration(JointConfig(old.voters.incoming), learners), progress)

    def _apply(self, config: Configuration, progress: dict[int, Progress], changes: Iterable[ConfChange]) -> Changed:
        for change in changes:
            if change.node == 0:
                continue  # a change that was withdrawn after it was proposed
            config = _STEPS[change.type](self, config, progress, change.node)
        if not config.voters.incoming:
            raise ConfChangeRefused("the change removes the last voter: a group needs one")
        return config, progress

    def _add_voter(self, config: Configuration, progress: dict[int, Progress], node: int) -> Configuration:
        self._keep_or_make(progress, node, is_learner=False)
        return replace(
            config,
            voters=replace(config.voters, incoming=config.voters.incoming | {node}),
            learners=config.learners - {node},
            learners_next=config.learners_next - {node},
        )

    def _add_learner(self, config: Configuration, progress: dict[int, Progress], node: int) -> Configuration:
        if node in config.learners or node in config.learners_next:
            return config
        stays_voter = node in config.voters.outgoing  # it may not become both at once: it waits for the leave (M5)
        self._keep_or_make(progress, node, is_learner=not stays_voter)
        voters = replace(config.voters, incoming=config.voters.incoming - {node})
        if stays_voter:
            return replace(config, voters=voters, learners_next=config.learners_next | {node})
        return replace(config, voters=voters, learners=config.learners | {node})

    def _remove(self, config: Configuration, progress: dict[int, Progress], node: int) -> Configuration:
        if node not in config.voters.outgoing:
            progress.pop(node, None)
        return replace(
            config,
            voters=replace(config.voters, incoming=config.voters.incoming - {node}),
            learners=config.learners - {node},
            learners_next=config.learners_next - {node},
        )

    def _keep_or_make(self, progress: dict[int, Progress], node: int, *, is_learner: bool) -> None:
        known = progress.get(node)
        progress[node] = self._make(is_learner=is_learner) if known is None else known.copy(is_learner=is_learner)

    def _make(self, *, is_learner: bool) -> Progress:
        """A member that is new counts as heard of, so that the next check for a quorum does not depose the leader."""
        made = Progress(
            next_index=max(self._last_index, 1),
            inflights=Inflights(count_max=self._inflight_max, bytes_max=self._inflight_bytes_max),
            is_learner=is_learner,
            session=self._last_index.to_bytes(8, "big"),
        )
        made.recently_active = True
        return made


_STEPS: dict[ChangeType, Callable[[Changer, Configuration, dict[int, Progress], int], Configuration]] = {
    ChangeType.ADD_VOTER: Changer._add_voter,
    ChangeType.REMOVE: Changer._remove,
    ChangeType.ADD_LEARNER: Changer._add_learner,
}


def restore(
    state: ConfState, *, last_index: int, inflight_max: int = 256, inflight_bytes_max: int = 0
) -> tuple[Configuration, dict[int, Progress]]:
    """The configuration that `state` describes, with fresh progress. Raises CorruptState when no group can have it."""
    config = Configuration(
        JointConfig(frozenset(state.voters), frozenset(state.voters_outgoing)),
        frozenset(state.learners),
        frozenset(state.learners_next),
        state.auto_leave,
    )
    changer = Changer(
        config, {}, last_index=last_index, inflight_max=inflight_max, inflight_bytes_max=inflight_bytes_max
    )
    progress = {
        node: changer._make(is_learner=node in config.learners)
        for node in sorted(config.voters.ids() | config.learners | config.learners_next)
    }
    for one in progress.values():
        one.session = b""
    try:
        return _checked(config, progress)
    except AssertionError as error:
        raise CorruptState(f"no group can have the members {state}: {error}") from None


def _checked(config: Configuration, progress: dict[int, Progress]) -> Changed:
    """The laws of every configuration: roles are disjoint, and progress is kept of members and of nobody else."""
    voters = config.voters
    assert not config.learners & voters.ids(), f"{sorted(config.learners & voters.ids())} are learners and voters"
    assert config.learners_next <= voters.outgoing, "only voters of the outgoing half wait to become learners"
    assert not config.learners_next & voters.incoming, "a voter of the incoming half cannot wait to become a learner"
    assert config.is_joint or not (config.learners_next or config.auto_leave), "only a joint configuration is left"
    assert progress.keys() == voters.ids() | config.learners, "progress is kept of members and of nobody else"
    return config, dict(sorted(progress.items()))
