"""`dojo doctor`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Final

import typer

from dojopool.cli.exits import FAILED

COLOURS: Final = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False) -> None:
    """Look for what is wrong with this machine and with the servers of each region; change nothing.

    Looks with the settings and the rights that a program started here would have. With one address in DOJO_KAFKA, only
    at DOJO_REGION. A line for each check: ok, warning or problem, what was found, and what to do. The exit code is 1
    when there is a problem.

    Example: dojo doctor
    """
    from dojopool.local.doctor import examine

    findings = asyncio.run(examine())
    is_good = all(finding.level != "problem" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": is_good, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            place = f"{finding.region}: " if finding.region else ""
            level = typer.style(f"{finding.level:<8}", fg=COLOURS[finding.level])
            typer.echo(f"{level} {place}{finding.check}: {finding.found}")
            if finding.fix:
                typer.echo(f"         {finding.fix}")
    if not is_good:
        raise typer.Exit(FAILED)
