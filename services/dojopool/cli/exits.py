"""Exit codes: part of the interface, so that scripts can tell whose fault a failure is."""

from __future__ import annotations

from typing import Final

from dojopool.errors import ConfigError, DojoError, EnvironmentFault

FAILED: Final = 1
"""A check failed, or something was refused."""
USAGE: Final = 2
"""The command line is wrong."""
MISCONFIGURED: Final = 3
"""A setting is missing, wrong or contradicts another."""
UNREACHABLE: Final = 4
"""A server is missing, does not answer, or no longer holds what was asked for."""
INTERRUPTED: Final = 130
"""Ctrl-C."""


def exit_code(error: DojoError) -> int:
    """The exit code of an error raised on purpose."""
    if isinstance(error, ConfigError):
        return MISCONFIGURED
    return UNREACHABLE if isinstance(error, EnvironmentFault) else FAILED
