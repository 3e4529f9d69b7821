"""`dojo certs`: certificates for the links between Raft members, for development."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Certificates for the links between members.", no_args_is_help=True)


@app.command()
def make(
    nodes: Annotated[list[str], typer.Argument(metavar="NODE...", help="Names of the members.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make an authority for development, and a certificate for each member.

    Writes `ca.pem`, `ca.key`, `NODE.pem` and `NODE.key`. Files that are there are kept, so a member can be added later.
    Whoever has `ca.key` can be any member: members need only `ca.pem` and their own two files.

    Example: dojo certs make --dir certs eu-1 us-1 ap-1
    """
    from dojopool.local.certificates import VALID_DAYS, make_certificates

    made = make_certificates(folder, nodes)
    if as_json:
        import json

        rows = [{"name": m.name, "certificate": str(m.certificate), "key": str(m.key), "new": m.is_new} for m in made]
        typer.echo(json.dumps(rows))
        return
    for one in made:
        state = f"valid for {VALID_DAYS} days" if one.is_new else "kept, it was there"
        typer.echo(f"{one.certificate}  {one.key}  {state}")
