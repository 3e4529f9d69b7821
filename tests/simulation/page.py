"""The table of seeded bugs in docs/raft.md: run this file after changing the bank."""

from __future__ import annotations

import re
from pathlib import Path

from simulation.bank import BUGS, SECONDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "raft.md"
BEGIN, END = "<!-- bugs: begin -->", "<!-- bugs: end -->"

HEADING = f"""{BEGIN}

## Bugs that the simulator finds

`dojo simulate raft` plays whole groups on a virtual clock, whose network, disks, clocks and processes fail by seed, and
judges every step. A simulator that never found anything is a hope, so each bug below was put into the core or the disk
(`tests/simulation/bank.py` has the words that were changed) and searched for from seed 1 on, in runs of {SECONDS:g}
virtual seconds with the faults named. The tests play the seed that caught it once with the bug and once without.

*Written by `PYTHONPATH=tests python tests/simulation/page.py`; a test keeps it current.*

| rule | bug | caught by seed | faults |
|---|---|---|---|
"""


def section() -> str:
    """The section, between its two marks."""
    rows = [f"| {bug.rule} | {bug.told} | {bug.seeds} | {', '.join(bug.faults) or 'none'} |" for bug in BUGS]
    return HEADING + "\n".join([*rows, "", END])


def with_section(page: str) -> str:
    """The page with its section as it must be; at its end when it has none."""
    if BEGIN not in page:
        return page.rstrip("\n") + "\n\n" + section() + "\n"
    return re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _match: section(), page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(with_section(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Raft\n"), encoding="utf-8")
