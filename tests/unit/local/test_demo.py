"""The demonstration, on the first matches of the season."""

from __future__ import annotations

import io

from dojopool.local.demo import DemoReport, run_demo
from dojopool.local.league import COLUMNS, SAMPLE, MatchPlan, plans, read_league, read_rows
from support.virtual_time import in_virtual_time

PLANS = read_league(SAMPLE)[:40]


async def played(plans: tuple[MatchPlan, ...], *, heals: bool, converge_timeout_s: float) -> DemoReport:
    """A demonstration at a pace that leaves the mirrors time."""
    return await run_demo(
        plans,
        progress=lambda done, total, is_cut: None,
        rate=1000,
        heals=heals,
        converge_timeout_s=converge_timeout_s,
    )


@in_virtual_time
async def test_both_regions_hold_the_same_after_the_heal() -> None:
    """Every event is accepted, the link was cut meanwhile, and the digests are equal."""
    report = await played(PLANS, heals=True, converge_timeout_s=20)

    assert (report.is_good, report.problems) == (True, [])
    assert [(found.region, found.rule, found.state) for found in report.appeared] == [
        (region, rule, state)
        for rule, state in (
            ("score-validity", "suspected"),
            ("score-validity", "cleared"),
            ("turn-order", "suspected"),
            ("single-winner", "suspected"),
            ("single-winner", "cleared"),
            ("equivocation", "confirmed"),
        )
        for region in ("eu", "us")
    ]
    assert all(found.delay_s is not None for found in report.appeared)
    assert report.played.accepted == sum(len(plan.home) + len(plan.away) for plan in PLANS)
    assert report.cut_s > 0
    assert len(set(report.digests.values())) == 1


@in_virtual_time
async def test_a_link_that_stays_cut_is_a_failure() -> None:
    """Without the heal the digests differ, each region is named for what it lacks, and the report is not good."""
    report = await played(PLANS, heals=False, converge_timeout_s=0.2)

    assert not report.is_good
    assert len(set(report.digests.values())) == 2
    assert len(report.problems) == 2


@in_virtual_time
async def test_a_mirror_that_comes_back_repeats_records_and_nothing_is_counted_twice() -> None:
    """The duplicates of the heal are met and dropped: the digests are equal all the same."""
    report = await played(PLANS, heals=True, converge_timeout_s=20)

    assert sum(report.duplicates.values()) > 0
    assert report.is_good


@in_virtual_time
async def test_matches_that_break_a_rule_are_counted() -> None:
    """A season in which somebody scores eleven shows the rule, and a match to look at."""
    wrong = read_league_text("m1,2017-01-01T20:00:00+08:00,v1,alternate,1,ana,bo,1,ana,11,3,")

    report = await played(wrong, heals=True, converge_timeout_s=20)

    assert report.broken_rules == {"score-validity": 1}
    assert report.example == "m1"


def read_league_text(*rows: str) -> tuple[MatchPlan, ...]:
    """The plans of a league file with these rows."""
    return plans(read_rows(io.StringIO("\n".join((",".join(COLUMNS), *rows)))))
