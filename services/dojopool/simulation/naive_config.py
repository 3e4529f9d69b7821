"""What a change makes of the members, written a second time and as plainly as can be, to judge the core by."""

from __future__ import annotations

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2, Transition, decode
from dojopool.core.raft.messages import ConfState, Entry


def after(config: ConfState, entry: Entry) -> ConfState:
    """The members after an entry that changes them."""
    change = decode(entry.type, entry.data)
    if isinstance(change, ConfChange):
        change = ConfChangeV2((change,))
    if not change.changes and change.transition is Transition.AUTO:
        learners = sorted({*config.learners, *config.learners_next})
        return ConfState(config.voters, tuple(learners))
    is_joint = change.transition is not Transition.AUTO or len(change.changes) > 1
    outgoing = config.voters if is_joint else ()
    voters, learners_, waiting = set(config.voters), set(config.learners), set[int]()
    for part in change.changes:
        for members in (voters, learners_, waiting):
            members.discard(part.node)
        if part.type is ChangeType.ADD_VOTER:
            voters.add(part.node)
        elif part.type is ChangeType.ADD_LEARNER:
            (waiting if part.node in outgoing else learners_).add(part.node)
    return ConfState(
        voters=tuple(sorted(voters)),
        learners=tuple(sorted(learners_)),
        voters_outgoing=outgoing,
        learners_next=tuple(sorted(waiting)),
        auto_leave=is_joint and change.transition is not Transition.EXPLICIT,
    )


def halves(config: ConfState) -> list[tuple[int, ...]]:
    """The sets of voters of which each must agree."""
    return [half for half in (config.voters, config.voters_outgoing) if half]
