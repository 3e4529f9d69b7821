"""The public surface is a promise: whoever changes it changes this file, and a line in the changelog."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

import dojopool
from dojopool import client

NAMES = [
    "Accepted",
    "Alert",
    "CallerError",
    "ConfigError",
    "CorruptState",
    "Dojo",
    "DojoError",
    "GameError",
    "LogPosition",
    "MatchHandle",
    "MatchView",
    "Receipt",
    "Rejected",
    "Unavailable",
    "Unknown",
    "VectorClock",
    "Violation",
    "connect",
]

FIELDS = {
    dojopool.Alert: ["violation", "cursor"],
    dojopool.Violation: [
        "id",
        "state",
        "severity",
        "rule",
        "match",
        "key",
        "clock",
        "values",
        "evidence",
        "at_ms",
        "description",
        "runbook",
    ],
    dojopool.Accepted: ["match", "dot", "clock", "region", "mode", "position"],
    dojopool.Rejected: ["reason"],
    dojopool.Unknown: ["match", "dot", "clock", "region", "mode", "reason", "record"],
    dojopool.MatchView: [
        "match",
        "region",
        "exists",
        "state",
        "clock",
        "stamp",
        "pending",
        "at_ms",
        "staleness_ms",
    ],
}

VERBS = {
    dojopool.Dojo: {
        "match": ["match"],
        "mode": None,
        "node": None,
        "read": ["match", "at_least", "timeout_s"],
        "region": None,
        "settle": ["receipt", "timeout_s"],
        "violations": ["since", "states"],
        "watch": ["match"],
    },
    dojopool.MatchHandle: {
        "id": None,
        "read": ["at_least", "timeout_s"],
        "record": ["event", "timeout_s"],
        "record_body": ["kind", "body", "timeout_s"],
        "view": None,
    },
}


def verbs_of(cls: type) -> dict[str, list[str] | None]:
    """Public attributes of a class: parameters of methods, None for properties."""
    found: dict[str, list[str] | None] = {}
    for name, value in vars(cls).items():
        if not name.startswith("_") and isinstance(value, property):
            found[name] = None
        elif not name.startswith("_") and callable(value):
            found[name] = [each for each in inspect.signature(value).parameters if each != "self"]
    return found


def test_the_names_are_these() -> None:
    """No public name appears or disappears by accident."""
    assert dojopool.__all__ == NAMES


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
def test_values_have_these_fields(cls: type) -> None:
    """Fields of receipts and views are read by other people's programs."""
    assert [field.name for field in fields(cls)] == FIELDS[cls]


@pytest.mark.parametrize("cls", VERBS, ids=lambda cls: cls.__name__)
def test_classes_have_these_verbs(cls: type) -> None:
    """Methods, their parameters and properties stay."""
    assert verbs_of(cls) == VERBS[cls]


def test_a_receipt_is_one_of_three() -> None:
    """A program that handles these has handled everything."""
    assert set(get_args(dojopool.Receipt)) == {dojopool.Accepted, dojopool.Rejected, dojopool.Unknown}


def test_connecting_takes_settings_by_name() -> None:
    """And what is no setting: the instance and the time to close."""
    assert list(inspect.signature(dojopool.connect).parameters) == ["instance", "close_timeout_s", "settings"]


@pytest.mark.parametrize("name", [*NAMES, *client.__all__])
def test_every_public_name_says_what_it_is(name: str) -> None:
    """Classes and functions have a docstring of their own."""
    value = getattr(dojopool, name, None) or getattr(client, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip()


def test_type_checkers_see_the_same_names() -> None:
    """The names for type checkers are the names there are: two lists that must not part."""
    tree = ast.parse(Path(dojopool.__file__).read_text())
    [guarded] = [node for node in tree.body if isinstance(node, ast.If)]
    named = [alias.asname for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names]

    assert sorted(filter(None, named)) == NAMES
