"""A checker at work: suspicion, relief, taking over, outages and storms."""

from __future__ import annotations

import pytest

from dojopool.core.invariants import register
from dojopool.core.invariants.rules import Rule
from dojopool.replica import intake
from support.checking import OWN_RULES, Region
from support.pipeline import NOW_MS, POOL, Scorer, passed, until

WON = "frame_finished"


def rivals(region: Region, match: str = "m-1") -> tuple[Scorer, Scorer]:
    """Two scorekeepers, one in each region, who name different winners of frame 1 of a match with both as players."""
    eu, us = Scorer(), Scorer("us/gs-2#b")
    region.append(eu.event(match, "player_joined", {"player": "ana"}))
    region.append(eu.event(match, "player_joined", {"player": "ben"}))
    region.append(eu.event(match, WON, {"frame": 1, "winner": "ana"}))
    region.append(us.event(match, WON, {"frame": 1, "winner": "ben"}, seen={eu.node: 2}), region="us")
    return eu, us


def decide(region: Region, eu: Scorer, us: Scorer, match: str = "m-1") -> None:
    """One of them has read both and decides."""
    region.append(eu.event(match, WON, {"frame": 1, "winner": "ana"}, seen={us.node: 1}))


async def test_what_looks_wrong_is_suspected_and_then_cleared() -> None:
    """The same id appears and goes, in order, keyed by the match, with values, evidence and clock of that moment."""
    region = Region()
    async with region.checking() as checking:
        eu, us = rivals(region)
        await until(lambda: len(region.published()) == 1, "it is suspected")
        decide(region, eu, us)
        await region.checked(checking)
    suspected, cleared = region.published()

    assert region.told() == [
        ("suspected", "single-winner", "frame=1"),
        ("cleared", "single-winner", "frame=1"),
    ]
    assert suspected.id == cleared.id
    assert suspected.values == {"frames.1.winner": '["ana","ben"]'}
    assert suspected.evidence == {eu.node: 3, us.node: 1}
    assert (suspected.clock, cleared.clock) == ({eu.node: 3, us.node: 1}, {eu.node: 4, us.node: 1})
    assert {record.key for record in region.published_records()} == {b"m-1"}
    assert checking.facts.failed == []


async def test_a_restart_publishes_nothing_twice_and_misses_nothing() -> None:
    """What is published is known, and what came meanwhile is judged."""
    region = Region()
    eu, us = rivals(region)
    await region.check_once()
    await region.check_once()
    before = region.told()
    decide(region, eu, us)
    rivals(region, "m-2")
    await region.check_once()

    assert before == [("suspected", "single-winner", "frame=1")]
    assert [(found.match, found.state.value) for found in region.published()] == [
        ("m-1", "suspected"),
        ("m-1", "cleared"),
        ("m-2", "suspected"),
    ]


async def test_another_checker_publishes_the_same_bytes() -> None:
    """A replay into an empty topic, and a checker of the other region, say the same of the same events."""
    first, second = Region(), Region()
    for region in (first, second):
        rivals(region)
    await first.check_once()
    async with second.checking() as checking:
        await second.checked(checking)

    assert [record.value for record in first.published_records()] == [
        record.value for record in second.published_records()
    ]


async def test_what_was_wrong_on_the_way_concerns_nobody_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is read from its beginning is judged when it was read, not for each state it went through."""
    monkeypatch.setattr(intake, "BATCH_RECORDS_MAX", 1)
    region = Region()
    decide(region, *rivals(region))
    await region.check_once()

    assert region.told() == []


async def test_while_the_topic_is_away_nothing_is_skipped() -> None:
    """The checker waits, says why, and publishes everything in order when the topic answers again."""
    region = Region()
    async with region.checking() as checking:
        await region.checked(checking)
        region.log.fail_next_append(stored=False, topic="dojo.violations", times=4)
        eu, us = rivals(region)
        await until(lambda: not checking.checker.report().is_ready, "it says that it waits")
        problems = checking.checker.report().problems
        decide(region, eu, us)
        await region.checked(checking)

    assert problems[0].startswith("partition 0: ")
    assert region.told() == [("suspected", "single-winner", "frame=1"), ("cleared", "single-winner", "frame=1")]


async def test_what_is_found_later_waits_for_what_was_found_before() -> None:
    """An append that is tried again does not let the next one pass."""
    region = Region()
    async with region.checking() as checking:
        await region.checked(checking)
        region.log.fail_next_append(stored=False, topic="dojo.violations")
        eu, us = rivals(region)
        await until(lambda: not checking.checker.report().is_ready, "the first append has failed")
        decide(region, eu, us)
        await region.checked(checking)

    assert [state for state, _, _ in region.told()] == ["suspected", "cleared"]


async def test_who_takes_over_knows_what_is_open() -> None:
    """The second checker clears what the first one had suspected."""
    region = Region()
    async with region.checking() as first:
        eu, us = rivals(region)
        await region.checked(first)
    async with region.checking("checker-2") as second:
        decide(region, eu, us)
        await region.checked(second)

    assert [state for state, _, _ in region.told()] == ["suspected", "cleared"]


async def test_a_rule_that_raises_is_told_and_hides_no_other() -> None:
    """What the rule had found stays open, and its fault is a violation of its own that is cleared in its turn."""
    region = Region()

    def frail(match: object) -> bool:
        return len(match.frames[1].winner) == 1  # type: ignore[attr-defined]  # as a careless rule would

    async with region.checking(rules=(Rule("frail", frail), *OWN_RULES)) as checking:
        eu = Scorer()
        region.append(eu.event("m-1", "player_joined", {"player": "ana"}))
        await region.checked(checking)
        region.append(eu.event("m-1", WON, {"frame": 1, "winner": "zoe"}))
        await region.checked(checking)

    assert region.told() == [
        ("suspected", "rule-fault", "frail"),
        ("cleared", "rule-fault", "frail"),
        ("suspected", "known-player", "frame=1 player=zoe"),
    ]
    assert region.published()[0].values == {"error": '"KeyError: 1"'}


async def test_what_records_prove_is_confirmed_once() -> None:
    """Equivocation, an invalid record, an unknown schema and a clock ahead are facts, also after a restart."""
    region = Region()
    eu, twin = Scorer(), Scorer()
    region.append_mark(1)
    region.append(eu.points("m-1", 1))
    region.append(twin.points("m-1", 2))
    region.append_raw((b"m-1", b"garbage"))
    region.append_raw((b"m-1", b"more garbage"))
    region.append_raw((b"m-1", b"\xc3\x01abcdefgh"))
    fast = Scorer("eu/fast#1")
    fast.seqs["m-1"] = 0
    region.append(stamped(fast, NOW_MS + 3_600_000))
    region.append_mark(2, time_ms=NOW_MS + 1000)
    await region.check_once()
    await region.check_once()

    assert sorted(region.told()) == [
        ("confirmed", "clock-ahead", "eu/fast#1"),
        ("confirmed", "equivocation", "eu/gs-1#a:1"),
        ("confirmed", "invalid-record", "region=eu partition=0 kind=undecodable"),
        ("confirmed", "unknown-schema", "region=eu partition=0 schema=6162636465666768"),
        ("suspected", "known-player", "frame=1 player=ana"),
    ]


def stamped(scorer: Scorer, at_ms: int) -> bytes:
    """An event whose writer's clock says `at_ms`."""
    return POOL.codec.encode(
        match="m-1",
        node=scorer.node,
        seq=1,
        base=None,
        context=None,
        stamp=at_ms << 16,
        type="player_joined",
        body={"player": "zoe"},
    )


async def test_late_marks_do_not_make_clocks_wrong() -> None:
    """When nobody wrote marks for an hour, the next one tells that the events were on time."""
    region = Region()
    region.append_mark(1)
    region.append(stamped(Scorer("eu/fast#1"), NOW_MS + 3_600_000))
    region.append_mark(2, time_ms=NOW_MS + 3_600_001)
    await region.check_once()

    assert region.told() == []


async def test_a_storm_is_put_off_and_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its rate a rule's findings wait, counted, and are published later; none is lost and none comes twice."""
    monkeypatch.setattr(register, "BURST_MAX", 10)
    monkeypatch.setattr(register, "RATE_PER_S", 5.0)
    region, scorer = Region(), Scorer()
    matches = [f"m-{number}" for number in range(40)]
    region.append(*(scorer.points(match) for match in matches))
    async with region.checking() as checking:
        await region.checked(checking)
        at_once = len(region.published())
        for tick in range(1, 20):
            region.append_mark(tick, time_ms=NOW_MS)
            await passed(1.0)
        await region.checked(checking)

    assert at_once == 10
    assert sorted(found.match or "" for found in region.published()) == sorted(matches)
    assert sum(facts.suppressed.get("known-player", 0) for facts in checking.facts.batches) >= 30
    assert any(name == "dojo-suppressed" for record in region.published_records() for name, _ in record.headers)


async def test_what_was_put_off_does_not_delay_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is judged again once a second, not with every batch."""
    monkeypatch.setattr(register, "BURST_MAX", 1)
    monkeypatch.setattr(register, "RATE_PER_S", 0.0)
    region, scorer = Region(), Scorer()
    region.append(*(scorer.points(f"m-{number}") for number in range(100)))
    async with region.checking() as checking:
        await region.checked(checking)
        for _ in range(20):
            region.append(scorer.event("calm", "player_joined", {"player": "ana"}))
            await region.checked(checking)
        judged = sum(facts.matches for facts in checking.facts.batches)

    assert len(checking.facts.batches) > 20
    assert judged <= 100 + 100 + 20


async def test_a_log_without_its_beginning_is_not_checked() -> None:
    """A checker has no store: it would judge states that lack what was trimmed."""
    region = Region()
    region.append(Scorer().points("m-1"))
    async with region.log.admin() as admin:
        await admin.trim(("dojo.events.eu", 0), before=1)
    async with region.checking() as checking:
        await until(lambda: checking.facts.failed != [], "the partition fails")

    assert "offset 0 of dojo.events.eu/0 was wanted" in checking.facts.failed[0]
    assert region.told() == []
