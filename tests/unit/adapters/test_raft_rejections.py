"""Refusals are counted one by one and logged in measure."""

from __future__ import annotations

from structlog.testing import capture_logs

from dojopool.adapters.raft_frames import Rejected
from dojopool.adapters.raft_rejections import Rejections
from dojopool.errors import RefusedRecord


async def test_a_flood_is_counted_and_logged_once() -> None:
    """Of many refusals of one kind in a second one line is logged; all are counted, each kind for itself."""
    rejections = Rejections()
    with capture_logs() as lines:
        for _ in range(500):
            rejections.count(Rejected("cluster", "it is another one"), other_side="host:1")
        rejections.count(RefusedRecord("message: its type is 99"), other_side="host:2")

    assert rejections.counts == {"cluster": 500, "message": 1}
    assert [(line["kind"], line["other_side"]) for line in lines] == [("cluster", "host:1"), ("message", "host:2")]
    assert lines[0]["why"] == "it is another one"
