"""Log lines on stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from dojopool.adapters.logs import set_up_logging


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """The logging of the test run is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("aiokafka", "uvicorn")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)
    structlog.reset_defaults()


def test_json_lines_carry_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line: the event, its fields, level, logger and time."""
    set_up_logging("json")
    structlog.get_logger("dojopool.test").info("partition claimed", partition=3)
    line = json.loads(capsys.readouterr().err)

    assert (line["event"], line["partition"], line["level"]) == ("partition claimed", 3, "info")
    assert {"logger", "timestamp"} <= set(line)


def test_lines_of_libraries_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """What comes through the standard library's logging is JSON too, and their chatter stays out."""
    set_up_logging("json")
    logging.getLogger("aiokafka").info("chatter")
    logging.getLogger("aiokafka").warning("coordinator is gone")
    [line] = capsys.readouterr().err.splitlines()

    assert json.loads(line)["event"] == "coordinator is gone"


def test_without_a_terminal_auto_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """What runs in a container is read by machines."""
    set_up_logging("auto")
    structlog.get_logger("dojopool.test").info("hello")

    assert json.loads(capsys.readouterr().err)["event"] == "hello"


def test_pretty_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """No JSON, the fields as name=value."""
    set_up_logging("pretty")
    structlog.get_logger("dojopool.test").info("hello", partition=3)

    assert "partition=3" in capsys.readouterr().err
