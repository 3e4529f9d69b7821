"""`dojo demo` and `dojo dev`: the main job on the embedded default, to its end or kept running."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from dojopool.local.demo import DemoReport

IN_MEMORY = "embedded default: two regions in this process, log and state in memory, gone when this ends"
CUT_TIMEOUT_S = 2.0
"""How long events are waited for that cannot come because the link stays cut."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and all else on stderr.")]


def demo(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="A league file (CSV); the season in the package without it."),
    ] = None,
    keep_cut: Annotated[bool, typer.Option("--keep-cut", help="Never heal the link, to see a failure.")] = False,
    as_json: AsJson = False,
) -> None:
    """Play a season of real matches from two regions, cut their link in the middle, heal it, and compare.

    Then things are broken on purpose, and checkers of both regions must say so. Ends by itself. Exit code 1 when an
    event was lost, the regions' digests differ or a violation did not appear.

    Example: dojo demo
    """
    from rich.console import Console

    from dojopool.local.demo import CONVERGE_TIMEOUT_S, run_demo
    from dojopool.local.league import SAMPLE, read_league
    from dojopool.settings import Settings

    Settings.load()  # nothing of it is needed here, but a wrong or misspelt setting is refused wherever it is first met
    plans = read_league(file or SAMPLE)
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    console.print(IN_MEMORY)
    console.print(f"playing {len(plans)} matches: home scorekeepers in eu, away scorekeepers in us")
    with _Bar(Console(stderr=True)) as bar:
        report = asyncio.run(
            run_demo(
                plans,
                progress=bar.show,
                heals=not keep_cut,
                converge_timeout_s=CUT_TIMEOUT_S if keep_cut else CONVERGE_TIMEOUT_S,
            )
        )
    _show(console, report)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    raise typer.Exit(0 if report.is_good else 1)


def dev(
    port: Annotated[int, typer.Option(help="Port of the reads on the loopback address; 0 takes a free one.")] = 7400,
    as_json: AsJson = False,
) -> None:
    """Keep the embedded default running, with a season played in it, and serve reads for `dojo match`.

    Ctrl-C ends it. Example: dojo dev, then in another terminal: dojo match list
    """
    from rich.console import Console

    from dojopool.local.dev import dev as running
    from dojopool.local.league import SAMPLE, read_league
    from dojopool.settings import Settings

    console = Console(stderr=as_json, highlight=False)
    plans = read_league(SAMPLE)
    data_dir = Settings.load().data_dir

    async def run() -> None:
        async with running(plans, data_dir=data_dir, port=port) as url:
            console.print(IN_MEMORY)
            console.print(f"reads at {url}; try: dojo match list, or: dojo match watch {plans[0].match}")
            console.print("Ctrl-C ends")
            if as_json:
                typer.echo(json.dumps({"url": url, "matches": [plan.match for plan in plans]}))
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


class _Bar:
    """The progress bar, which says whether the link is up."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._progress.add_task("eu == us  linked", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: int, total: int, is_cut: bool) -> None:
        """Draw."""
        description = "eu || us  cut   " if is_cut else "eu == us  linked"
        self._progress.update(self._task, description=description, completed=done, total=total)


def _show(console: Console, report: DemoReport) -> None:
    from dojopool.local.convergence import p50_and_p99

    played = report.played
    console.print(f"events       {played.accepted:,} of {played.events:,} accepted, {played.per_second:,.0f} a second")
    console.print(f"link         cut for {report.cut_s:.1f} s in the middle of the season")
    for label, delays in (("while linked", report.delays.healthy), ("after the heal", report.delays.healed)):
        found = p50_and_p99(delays)
        text = "nothing measured" if found is None else f"p50 {found[0] * 1000:,.0f} ms, p99 {found[1] * 1000:,.0f} ms"
        console.print(f"convergence  {label}: {text} ({len(delays)} events sampled)")
    console.print(f"duplicates   {_per_region(report.duplicates)}, dropped by their dots")
    console.print(
        f"waiting      {_per_region(report.waited)} events came before what they depend on, and waited for it"
    )
    broken = ", ".join(f"{rule} in {count} matches" for rule, count in sorted(report.broken_rules.items()))
    console.print(f"rules broken {broken or 'none'}")
    for reason, count in played.reasons.items():
        console.print(f"problem      {count} times: {reason}")
    for problem in report.problems:
        console.print(f"problem      {problem}")
    console.print(
        "digest " + " ".join(f"{region}={digest}" for region, digest in report.digests.items()), soft_wrap=True
    )
    for told in report.appeared:
        delay = "DID NOT COME" if told.delay_s is None else f"after {told.delay_s * 1000:,.0f} ms"
        console.print(f"broken       {told.what}: {told.rule} {told.state} in {told.region} {delay}")
    if report.is_good:
        console.print(f"equal: both regions hold the same state of {report.matches} matches")
        console.print(f"look at a match: `dojo dev`, then `dojo match show {report.example}` in another terminal")
    else:
        console.print("NOT EQUAL or not complete: see the lines above")


def _per_region(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} in {region}" for region, count in counts.items())
