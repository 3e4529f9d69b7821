"""What the contract suites share. A module that runs a suite defines only the thing under test: `log`, or `store` and
`views`.
"""

from __future__ import annotations

import pytest

from dojopool.ports import EventLog

# The suites are no test modules, and their claims should be shown with values all the same. The list comes before any
# of them is imported.
pytest.register_assert_rewrite(
    *(
        f"contracts.{suite}"
        for suite in ("log_admin", "log_reader", "log_writer", "membership", "raft_storage", "state_store", "views")
    )
)


@pytest.fixture
async def topic(log: EventLog, unique_prefix: str) -> str:
    """A new topic of four partitions in the log under test."""
    name = f"{unique_prefix}.events.eu"
    async with log.admin() as admin:
        assert await admin.create_topic(name, partitions=4, config={})
    return name
