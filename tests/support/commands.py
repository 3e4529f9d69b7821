"""The command line as data: which commands there are, and which options each takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from dojopool.cli.main import app


def fault(words: Sequence[str]) -> str | None:
    """What is wrong with the words behind `dojo`, None when they name a command and options that exist.

    Only names are judged: the values of options and arguments are the reader's own.
    """
    node: Any = typer.main.get_command(app)
    for position, word in enumerate(words):
        if not hasattr(node, "get_command"):
            return _fault_of_rest(node, words[position:])
        group, node = node, node.get_command(None, word)
        if node is None:
            return f"there is no {word} in {', '.join(group.list_commands(None))}"
    return f"{words[-1]} needs one of {', '.join(node.list_commands(None))}" if hasattr(node, "get_command") else None


def _fault_of_rest(command: Any, words: Sequence[str]) -> str | None:
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("-")} | {"--help"}
    takes_arguments = any(parameter.param_type_name == "argument" for parameter in command.params)
    for before, word in zip(["", *words], words, strict=False):
        if word.startswith("--") and word not in options:
            return f"{word} is none of its options {', '.join(sorted(options))}"
        if not word.startswith("-") and not before.startswith("-") and not takes_arguments:
            return f"{word} is too much: it takes no arguments"
    return None
