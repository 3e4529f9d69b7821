"""What every log keeps of the promises of the log's ports, whatever product is behind it.

A module that runs this suite defines the fixture `log`, an EventLog in which topics of any name may be made, and a
class of its own:

    class TestThisLog(EventLogContract): ...

The suite knows nothing of a log but its ports: offsets are asked for, never guessed, and what takes time is awaited
under a deadline. Left out is what only an implementation can provoke, such as a server that does not answer.
"""

from __future__ import annotations

from contracts.log_admin import LogAdminContract
from contracts.log_reader import LogReaderContract
from contracts.log_writer import LogWriterContract
from contracts.membership import MembershipContract


class EventLogContract(LogWriterContract, LogReaderContract, MembershipContract, LogAdminContract):
    """Every promise of LogWriter, LogReader, Membership and LogAdmin."""
