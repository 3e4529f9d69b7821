"""`dojo simulate`: whole groups on a virtual clock, broken by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import typer

from dojopool.cli.exits import FAILED

if TYPE_CHECKING:
    from rich.console import Console

    from dojopool.simulation.campaign import Total
    from dojopool.simulation.run import Outcome

app = typer.Typer(no_args_is_help=True, help="Whole groups on a virtual clock, broken by seed.")


@app.callback()
def simulate() -> None:
    """Break whole groups on a virtual clock, by seed, and check that they keep their promises."""


@app.command()
def raft(  # noqa: PLR0913 - one parameter for each option of the command line
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to play.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="Play this one alone: what repeats a failure.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so long, whatever is left.")] = None,
    with_: Annotated[list[str] | None, typer.Option("--with", help="A fault to switch on in every run.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="A fault to switch off in every run.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, max=7, help="Voters at the beginning.")] = None,
    clients: Annotated[int | None, typer.Option(min=1, max=20, help="Clients.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Virtual seconds with faults.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes to share the work.")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="With --seed: print every step as a line of JSON.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Play Raft groups whose network, disks, clocks and processes fail, and judge every step.

    A failing seed is made smaller, and the command that repeats it is printed. Exit code 1 when there was one.

    Faults: loss, duplication, reordering, delay, cuts, one-way, shapes, clocks, pauses, crashes, torn, slow-disk,
    failing-disk, full-disk, wiped-disk, slow-apply, snapshots, membership, transfers, small-limits, late-acks, bursts.

    Example: dojo simulate raft --seeds 200 --workers 2
    """
    from functools import partial

    from rich.console import Console

    from dojopool.simulation.campaign import campaign
    from dojopool.simulation.options import plan
    from dojopool.simulation.shrink import shrink
    from dojopool.simulation.trace import print_trace

    plan_of = partial(
        plan, nodes=nodes, clients=clients, seconds=seconds, with_=tuple(with_ or ()), without=tuple(without or ())
    )
    plan_of(0)  # a fault that is not known is refused before anything runs
    if trace and seed is not None:
        raise typer.Exit(FAILED if print_trace(plan_of(seed), typer.echo).rule else 0)
    with _Bar(Console(stderr=True), seeds=1 if seed is not None else seeds) as bar:
        total = campaign(
            plan_of,
            first=first if seed is None else seed,
            seeds=seeds if seed is None else 1,
            minutes=minutes,
            workers=workers,
            progress=bar.show,
        )
        small = [shrink(failure) for failure in total.failures[:1]]
    if json:
        typer.echo(_as_json(total, small))
    else:
        _show(Console(highlight=False), total, small)
    raise typer.Exit(FAILED if total.failures else 0)


class _Bar:
    """Seeds done, and how many failed."""

    def __init__(self, console: Console, *, seeds: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._progress.add_task("seeds", total=seeds)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, total: Total) -> None:
        """Draw."""
        failed = f", {len(total.failures)} failed" if total.failures else ""
        self._progress.update(self._task, description=f"seeds{failed}", completed=total.seeds)


def _figures(total: Total) -> dict[str, float]:
    return {
        "seeds": total.seeds,
        "failed": len(total.failures),
        "excused from progress": total.excused,
        "simulated seconds": round(total.simulated_s),
        "simulated per processor second": round(total.simulated_s / total.cpu_s) if total.cpu_s else 0,
        "steps judged": total.checked,
        "messages": total.messages,
        "entries committed": total.committed,
        "terms led": total.terms,
        "operations": total.operations,
        "answered": total.answered,
    }


def _as_json(total: Total, small: list[Outcome]) -> str:
    from json import dumps

    failures = [
        {"seed": one.plan.seed, "rule": one.rule, "found": one.found, "command": one.plan.command()}
        for one in total.failures
    ]
    found = {name.replace(" ", "_"): value for name, value in _figures(total).items()}
    smallest = [one.plan.command() for one in small]
    return dumps({**found, "faults": dict(sorted(total.faults.items())), "failures": failures, "smallest": smallest})


def _show(console: Console, total: Total, small: list[Outcome]) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False)
    for name, value in _figures(total).items():
        table.add_row(name, f"{value:,.0f}")
    table.add_row("faults", ", ".join(f"{name} {times:,}" for name, times in sorted(total.faults.items())))
    console.print(table)
    for one in total.failures:
        console.print(f"FAILED seed {one.plan.seed} after {one.at / 1e6:.3f} s: {one.rule}: {one.found}", markup=False)
        console.print(f"  repeat: {one.plan.command()}", markup=False, soft_wrap=True)
    for one in small:
        console.print(f"smallest: {one.plan.command()}", markup=False, soft_wrap=True)
