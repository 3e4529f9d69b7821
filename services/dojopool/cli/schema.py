"""`dojo schema`: the schemas of events and marks, and what is made of them.

`generate` and `vectors` write files that are checked in. With `--check` they write nothing and fail when a file is not
what they would write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dojopool.cli.exits import FAILED

app = typer.Typer(help="Schemas: list and release them, generate decoders and golden vectors.", no_args_is_help=True)

OUR_EVENTS = "event.avsc"
"""The built-in game's schema; its decoder lies beside the game."""

Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail when the file is out of date.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
SchemaFile = Annotated[str, typer.Option("--schema", help="A schema file, or the name of a built-in one.")]


@app.command()
def generate(
    schema: SchemaFile = OUR_EVENTS,
    out: Annotated[Path | None, typer.Option("--out", help="The Python file to write.")] = None,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Write the decoder of an event schema as a Python module; without --schema, that of the built-in game.

    Example: dojo schema generate --schema my.avsc --out my_decoder.py
    """
    from dojopool.codec import schema_files
    from dojopool.codec.generate import generate as generated

    path = schema_files.find(schema)
    if out is None:
        out = _pool_decoder(schema)
    _write(out, generated(schema_files.load(path), name=path.name), check=check, as_json=as_json)


@app.command()
def vectors(
    out: Annotated[Path | None, typer.Option("--out", help="Default: vectors.json beside the schemas.")] = None,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Write golden vectors: events beside their exact bytes, for writers in other languages.

    Example: dojo schema vectors --check
    """
    from dojopool.codec import schema_files
    from dojopool.codec.event_codec import codec_for
    from dojopool.codec.vectors import vectors_text

    path = schema_files.find(OUR_EVENTS)
    _write(out or path.with_name("vectors.json"), vectors_text(codec_for(path)), check=check, as_json=as_json)


@app.command()
def release(
    schema: Annotated[str, typer.Argument(help="A schema file, or the name of a built-in one.")],
    as_json: AsJson = False,
) -> None:
    """Keep a schema under the name of its fingerprint, so that its records can be read for ever.

    Example: dojo schema release event.avsc
    """
    from dojopool.codec import schema_files
    from dojopool.codec.release import release as release_schema

    released = release_schema(schema_files.find(schema))
    typer.echo(json.dumps({"file": str(released)}) if as_json else f"released as {released}")


@app.command(name="list")
def list_schemas(
    schema: Annotated[
        list[str] | None, typer.Option("--schema", help="Only these. Default: the built-in ones.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List schemas and their released forms by fingerprint, as it stands in a record's header.

    Example: dojo schema list --json
    """
    from dojopool.codec import schema_files
    from dojopool.codec.release import releases

    paths = [schema_files.find(name) for name in schema or (OUR_EVENTS, "mark.avsc", "violation.avsc")]
    found = [
        {"fingerprint": form.fingerprint, "released": form.is_released, "file": str(form.path)}
        for path in paths
        for form in releases(path)
    ]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for form in found:
        typer.echo(f"{form['fingerprint']}  {'released' if form['released'] else 'not released'}  {form['file']}")


def _pool_decoder(schema: str) -> Path:
    if schema != OUR_EVENTS:
        raise typer.BadParameter(f"name the Python file to write for {schema} with --out")
    from dojopool import games

    return Path(games.__path__[0]) / "pool_decoder.py"


def _write(path: Path, text: str, *, check: bool, as_json: bool) -> None:
    """Write a generated file, or compare it."""
    is_current = path.is_file() and path.read_text(encoding="utf-8") == text
    if not check:
        path.write_text(text, encoding="utf-8")
    if as_json:
        typer.echo(json.dumps({"file": str(path), "written": not check, "current": is_current or not check}))
    elif not check:
        typer.echo(f"wrote {path}")
    elif is_current:
        typer.echo(f"{path} is up to date")
    if check and not is_current:
        typer.echo(f"{path} is out of date: run the same command without --check, and check the file in", err=True)
        raise typer.Exit(FAILED)
