"""One member of a PySyncObj group, for bench_raft.py: `run_pysyncobj.py SETTING PORT OTHER_PORT...`.

Nothing is stored and nothing is encrypted: its fastest way. `batched` is as shipped, `unbatched` its setting for short
latencies.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pysyncobj import FAIL_REASON, SyncObj, SyncObjConf, replicated
from raft_child import COMMAND, Load, answer, figures

LEADER = 2  # of SyncObj's states, told to onStateChanged


class Counter(SyncObj):  # type: ignore[misc]  # the library has no types
    """Counts commands."""

    def __init__(self, port: int, others: list[int], **settings: Any) -> None:
        self._counted = 0
        self.led_since_s = 0.0
        conf = SyncObjConf(onStateChanged=self._changed, dynamicMembershipChange=False, **settings)
        super().__init__(f"127.0.0.1:{port}", [f"127.0.0.1:{other}" for other in others], conf)

    @replicated  # type: ignore[untyped-decorator]  # as above
    def count(self, command: bytes) -> int:
        """What is replicated."""
        self._counted += len(command) > 0
        return self._counted

    def counted(self) -> int:
        """Commands that were applied."""
        return self._counted

    def _changed(self, _old: int, new: int) -> None:
        if new == LEADER:
            self.led_since_s = time.monotonic()


def status(member: Counter) -> dict[str, Any]:
    """See raft_child."""
    found = member.getStatus()
    return {
        "leads": member._isLeader(),
        "led_since_s": member.led_since_s,
        "applied": found["last_applied"],
        "has_leader": found["leader"] is not None,
        "counted": member.counted(),
    }


def load(member: Counter, *, outstanding: int, seconds: float) -> dict[str, float]:
    """Keep proposals under way; its callbacks come from its own thread."""
    ended = threading.Event()
    one = Load(lambda committed: propose(member, committed), outstanding=outstanding, seconds=seconds)
    one.ended = ended.set
    one.start()
    ended.wait()
    return one.figures()


def pace(member: Counter, *, per_second: float, seconds: float) -> dict[str, float]:
    """Propose at even distances."""
    latencies, failed = list[float](), list[float]()
    begun = time.monotonic()
    count = int(per_second * seconds)
    done = threading.Semaphore(0)

    def one() -> None:
        at = time.monotonic()

        def committed(is_so: bool) -> None:
            (latencies if is_so else failed).append(time.monotonic() - at)
            done.release()

        propose(member, committed)

    for number in range(count):
        threading.Event().wait(max(0.0, begun + number / per_second - time.monotonic()))
        one()
    for _ in range(count):
        done.acquire()
    return figures(latencies, len(failed), seconds=time.monotonic() - begun)


def propose(member: Counter, committed: Callable[[bool], None]) -> None:
    """Propose one command."""
    member.count(COMMAND, callback=lambda _result, failure: committed(failure == FAIL_REASON.SUCCESS))


def main() -> None:
    """Do what the parent says until it closes the input."""
    setting, port, *others = sys.argv[1:]
    batched = {"appendEntriesUseBatch": setting == "batched"}
    member = Counter(int(port), [int(other) for other in others], connectionRetryTime=0.2, **batched)
    for line in sys.stdin:
        order = json.loads(line)
        match order.pop("do"):
            case "status":
                answer(status(member))
            case "load":
                answer(load(member, **order))
            case "pace":
                answer(pace(member, **order))
            case other:
                raise SystemExit(f"nobody can {other!r}")
    member.destroy()


if __name__ == "__main__":
    main()
