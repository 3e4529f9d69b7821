"""The tree of errors: who is at fault can be told from the type."""

from __future__ import annotations

import inspect

import pytest

from dojopool import errors
from dojopool.errors import CallerError, DataError, DojoError, EnvironmentFault, OffsetGone

EVERY_ERROR = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, DojoError)]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.__name__)
def test_every_error_is_drawn_in_the_tree(error: type[DojoError]) -> None:
    """The picture in the module's docstring names each class."""
    assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    "error", [error for error in EVERY_ERROR if error is not DojoError], ids=lambda error: error.__name__
)
def test_every_error_says_who_is_at_fault(error: type[DojoError]) -> None:
    """It is the caller, the data or the environment, and only one of them."""
    assert sum(issubclass(error, side) for side in (CallerError, DataError, EnvironmentFault)) == 1


def test_an_offset_that_is_gone_says_what_was_wanted_and_what_is_there() -> None:
    """Topic, partition, wanted offset and what the log holds are in the text and on the error."""
    error = OffsetGone(topic="dojo.events.eu", partition=3, wanted=7, first=20, end=50)

    assert all(word in str(error) for word in ("7", "dojo.events.eu/3", "20 to 50"))
    assert (error.topic, error.partition, error.wanted, error.first, error.end) == ("dojo.events.eu", 3, 7, 20, 50)
