"""What every test can ask for by name."""

from __future__ import annotations

import os
import signal

import pytest

from support.profiles import load_profile
from support.servers import kafka, missing_line, real_stack, redis_url, stack_prefix, unique_prefix

load_profile()

__all__ = ["kafka", "real_stack", "redis_url", "stack_prefix", "unique_prefix"]


def pytest_configure() -> None:
    """Let a polite kill of the run end its servers too, as an interrupt from the keyboard does; and let no setting of
    the shell that runs the tests reach them.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("DOJO_")]:
        del os.environ[name]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one loud line when tests were skipped because a real server is missing."""
    skipped = terminalreporter.stats.get("skipped", [])
    line = missing_line([report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)])
    if line is not None:
        terminalreporter.write_line(line, red=True, bold=True)
