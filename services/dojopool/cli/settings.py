"""`dojo settings`: every setting there is, from the sentences in `settings.py`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

HIDDEN: Final = "***"

SECTIONS: Final = {
    "Settings": "Every command",
    "ClusterSettings": "Commands that reach Kafka or Redis",
    "ClientSettings": "The SDK and commands that work in one region",
    "ProgramSettings": "`dojo replica` and `dojo checker`",
    "CheckerSettings": "`dojo checker` alone",
    "RaftSettings": "Members of a Raft group",
}
"""Settings class -> what is told by it, in the words of the reference."""

HEAD: Final = """\
# Settings

Written by `dojo settings --markdown`; do not edit. Every setting is an environment variable, read once when a program
starts. An empty one counts as not set. A `DOJO_` name that is not here is refused, with the nearest one that is.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as the reference shows it."""

    name: str
    section: str
    default: str
    """As it would be written; empty when there is none."""
    is_required: bool
    meaning: str


def settings(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/settings.md.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """List every setting with its default, its meaning and what the environment says now; secrets are not shown.

    Example: DOJO_REGION=eu dojo settings
    """
    if as_markdown and as_json:
        raise typer.BadParameter("--markdown and --json exclude each other")
    if as_markdown:
        typer.echo(markdown(), nl=False)
    elif as_json:
        found = [{**asdict(setting), "value": value_now(setting.name)} for setting in reference()]
        typer.echo(json.dumps({"settings": found}))
    else:
        _print_list()


def reference() -> list[Setting]:
    """All settings, in the order of their declaration."""
    from dojopool.settings import PREFIX, description, variable_names

    found = []
    for name, program in variable_names().items():
        field = name.removeprefix(PREFIX).lower()
        info = program.model_fields[field]
        meaning = description(program, field)
        found.append(Setting(name, SECTIONS[program.__name__], _default(info), info.is_required(), meaning))
    return found


def markdown() -> str:
    """The reference as a page."""
    lines = [HEAD]
    for section in SECTIONS.values():
        rows = [setting for setting in reference() if setting.section == section]
        if rows:
            lines += [f"## {section}", "", "| variable | default | meaning |", "|---|---|---|"]
            lines += [f"| `{row.name}` | {_shown_default(row)} | {_cell(row.meaning)} |" for row in rows]
            lines.append("")
    return "\n".join(lines)


def value_now(name: str) -> str | None:
    """What the environment says, None when it says nothing; a secret, or a URL that may hold one, is hidden."""
    value = os.environ.get(name) or None
    is_secret = name == "DOJO_KAFKA_PASSWORD" or (name == "DOJO_REDIS" and "@" in (value or ""))
    return HIDDEN if value and is_secret else value


def _default(info: FieldInfo) -> str:
    value: Any = info.default
    if info.is_required() or info.default_factory is not None or value in (None, {}):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown_default(setting: Setting) -> str:
    if setting.is_required:
        return "required"
    return f"`{setting.default}`" if setting.default else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _print_list() -> None:
    width = get_terminal_size().columns
    for setting in reference():
        now, default = value_now(setting.name), f"default {setting.default}" if setting.default else ""
        beside = f"= {now}" if now else f"({'required' if setting.is_required else default or 'not set'})"
        typer.echo(f"{typer.style(setting.name, bold=True)} {beside}")
        typer.echo(fill(setting.meaning, width=width, initial_indent="    ", subsequent_indent="    "))
