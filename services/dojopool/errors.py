"""Every exception this package raises on purpose, as one tree that says who is at fault.

    DojoError
    ├── CallerError             the code or person calling us: fix the call, retrying changes nothing
    │   ├── ConfigError         a setting is missing, unknown or contradicts another
    │   ├── GameError           a game declaration is wrong
    │   ├── InvalidEvent        an event breaks its schema or its game's rules
    │   └── ConfChangeRefused   a change of members that the present members do not allow
    ├── DataError               what came out of a log or a store is not what it must be
    │   ├── RefusedRecord       one record cannot be used; it becomes a dead letter
    │   │   ├── MisplacedRecord ... because its key, partition or stream is not its own
    │   │   └── UnknownSchema   ... because nobody here knows the schema it was written with; it is also held
    │   ├── StreamBroken        a stream of records has a gap, was replaced or lost its tail
    │   ├── LogConflict         a Raft leader contradicts what is committed here
    │   └── CorruptState        stored state does not decode, or is of another version
    └── EnvironmentFault        the world around us; trying again may help
        ├── Unavailable         a server or tool is missing or does not answer
        ├── ProposalDropped     this member of a Raft group cannot take it now; it is certainly not in the log
        ├── OffsetGone          the log no longer (or not yet) holds the wanted offset
        └── Refused             the store refused a write: another owner, or other offsets than expected
            └── StoreMoved      ... and nobody else claimed what was written: the store lost what it had

A message says what was tried, what was found and what the reader can do.
"""

from __future__ import annotations


class DojoError(Exception):
    """Base of every error raised on purpose."""


class CallerError(DojoError):
    """The caller is at fault; the same call fails again."""


class ConfigError(CallerError):
    """A setting is missing, unknown or contradicts another one."""


class GameError(CallerError):
    """A game module declares something that cannot work."""


class InvalidEvent(CallerError):
    """An event breaks its schema or the rules of its game; it was not sent."""


class ConfChangeRefused(CallerError):
    """A change of members is not allowed from the present ones; nothing was proposed."""


class DataError(DojoError):
    """Data read from a log or a store is not what it must be."""


class RefusedRecord(DataError):
    """One record of a stream cannot be used. The text is the reason written on its dead letter."""


class MisplacedRecord(RefusedRecord):
    """A record stands under a key, in a partition or in a stream that is not its own."""


class UnknownSchema(RefusedRecord):
    """A record names a writer schema that is not known here. It may be once more schemas are."""


class StreamBroken(DataError):
    """A stream lost records, was replaced or jumped; reading on would hide it."""


class LogConflict(DataError):
    """A leader contradicts what is committed in this node's log, or asks for what it must have. The node must stop."""


class CorruptState(DataError):
    """Stored state does not decode or belongs to another fold version."""


class EnvironmentFault(DojoError):
    """The world around the program is at fault; a retry may succeed."""


class Unavailable(EnvironmentFault):
    """A server or tool is missing or does not answer in time."""


class ProposalDropped(EnvironmentFault):
    """A member of a Raft group cannot take a proposal now, and did not.

    Attribute: leader (the member to ask instead, 0 when none is known).
    """

    def __init__(self, why: str, *, leader: int) -> None:
        super().__init__(f"the proposal was not taken: {why}; " + (f"ask member {leader}" if leader else "try again"))
        self.leader = leader


class OffsetGone(EnvironmentFault):
    """The wanted offset lies outside what the log holds.

    Attributes: topic, partition, wanted (the offset asked for), first and end (what the log holds, end exclusive).
    """

    def __init__(self, *, topic: str, partition: int, wanted: int, first: int, end: int) -> None:
        super().__init__(
            f"offset {wanted} of {topic}/{partition} was wanted, the log holds {first} to {end} (end exclusive):"
            " records were trimmed, or the topic was replaced"
        )
        self.topic, self.partition, self.wanted, self.first, self.end = topic, partition, wanted, first, end


class Refused(EnvironmentFault):
    """The state store refused a write and stored nothing of it."""


class StoreMoved(Refused):
    """The state store holds other offsets than expected, though nobody else claimed them: it lost writes."""


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The error that ended a group of tasks; the others followed from it."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
