"""The benchmarks' arithmetic, and what keeps a row from looking better than it is. The figures are nobody's test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from bench_latency import delays
from bench_soak import slope_per_sample
from builds import INTERPRETED, Build, usable
from load import REGIONS, Totals, Written, events
from match_state import decode, merge, new_match, read_schema, view
from report import FAILED, Table, middle_and_range, percentile, print_tables
from run_fold import Folding, cost
from state_check import totals

from dojopool.codec import schema_files
from dojopool.core.cut import Mark
from dojopool.core.fold import Tally
from dojopool.games.loading import load_game
from dojopool.replica import cache
from dojopool.replica.rendering import render

ROOT = Path(__file__).resolve().parent.parent
COUNT = 45_000
"""More than a frame of every match: breaks, points, winners and contexts are all there."""


@pytest.fixture(scope="module")
def written() -> list[Written]:
    """The first events of the benchmark's topic."""
    return list(events(COUNT))


def expected(written: Iterable[Written]) -> Totals:
    """What is in a topic."""
    written = list(written)
    return Totals(len({event.match for event in written}), len(written), sum(event.points for event in written))


def by_replica(written: Iterable[Written]) -> Totals:
    """What is counted in the views of a replica that was given these events."""
    game = load_game("pool")
    fold = game.new_fold()
    for event in written:
        found = fold.read(event.value)
        assert not isinstance(found, Mark)
        fold.deliver(found, Tally())
    every = (1 << len(game.game.kind.names)) - 1
    shown = [
        render(match_id, match, game.game.kind, fields=every, at_ms=1).fields
        for match_id, match in fold.matches.items()
    ]
    return totals((json.loads(fields["@clock"]), json.loads(fields["frames"])) for fields in shown)


def by_loop(written: Iterable[Written]) -> Totals:
    """What is counted in the views of the hand-written loop, which the peers share."""
    schema = read_schema(str(schema_files.find("event.avsc")))
    matches: dict[str, dict[str, object]] = {}
    for event in written:
        merge(matches.setdefault(event.match, new_match()), decode(event.value, schema))
    shown = [json.loads(view(match)) for match in matches.values()]
    return totals((match["clock"], match["frames"]) for match in shown)


def test_replica_and_loop_leave_what_was_written(written: list[Written]) -> None:
    """Both ways of folding the benchmark's topic end with every event counted once, in every match."""
    assert expected(written) == by_replica(written) == by_loop(written)


def test_a_row_that_leaves_an_event_out_is_found(written: list[Written]) -> None:
    """Without the last points of the topic the totals differ, whoever folded it."""
    last = max(place for place, event in enumerate(written) if event.points)
    cut = [*written[:last], *written[last + 1 :]]

    assert expected(written) != by_replica(cut)
    assert expected(written) != by_loop(cut)


def test_a_row_that_counts_an_event_twice_is_found(written: list[Written]) -> None:
    """An event that came twice is added up twice by the loop, which the totals show, and once by the replica."""
    twice = [*written, next(event for event in written if event.points)]

    assert expected(written) == by_replica(twice)
    assert expected(written) != by_loop(twice)


def test_every_region_writes_half_of_the_topic(written: list[Written]) -> None:
    """Neither region has more to say than the other."""
    shares = [sum(event.region == region for event in written[:44_000]) for region in REGIONS]

    assert shares == [22_000, 22_000]


def test_a_build_that_is_not_there_is_skipped_loudly(tmp_path: Path) -> None:
    """What cannot be measured leaves a line with its reason, and the others stay."""
    absent = Build("absent", tmp_path / "bin" / "python")
    found, notes = usable((INTERPRETED, absent))

    assert found == [INTERPRETED]
    assert len(notes) == 1
    assert notes[0].startswith("SKIPPED, absent: there is no ")


def test_a_build_is_measured_only_as_what_it_is() -> None:
    """A dojopool that is not compiled is not measured under the name of one that is, nor one whose settings it does not
    know.
    """
    pretender = Build("compiled", INTERPRETED.python, is_compiled=True)
    stranger = Build("stranger", INTERPRETED.python, environment={"DOJO_KAFKA_CLIENT_OF_MY_OWN": "yes"})
    without = Build("without", INTERPRETED.python, modules=("dojopool", "no_such_module"))
    _, notes = usable((pretender, stranger, without))

    assert "is not compiled" in notes[0]
    assert "DOJO_KAFKA_CLIENT_OF_MY_OWN" in notes[1]
    assert "no_such_module" in notes[2]


def test_percentiles_are_values_that_were_measured() -> None:
    """A percentile is the smallest value that so many do not exceed."""
    assert [percentile(range(1, 101), percent) for percent in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7.0], 50) == 7.0
    assert percentile([2.0, 1.0], 50) == 1.0
    assert percentile([2.0, 1.0], 51) == 2.0


def test_a_delay_ends_with_the_first_read_that_holds_the_event() -> None:
    """An event is readable when a clock that contains it was read, whoever else's events came with it."""
    sent = [("m1", 1, 0), ("m1", 2, 1_000_000), ("m2", 1, 0)]
    seen = [("m1", 2, 5_000_000), ("m2", 1, 6_000_000), ("m1", 9, 7_000_000)]

    assert delays(sent, seen) == [(0, 5.0), (1_000_000, 4.0), (0, 6.0)]
    with pytest.raises(SystemExit, match="never seen"):
        delays([("m1", 10, 0)], seen)


def test_a_slope_is_that_of_the_best_line() -> None:
    """Steady growth is found exactly, and what goes up and down alike is flat."""
    assert slope_per_sample([5.0, 7.0, 9.0, 11.0]) == pytest.approx(2.0)
    assert slope_per_sample([1.0, 2.0, 2.0, 1.0]) == pytest.approx(0.0)


def test_a_table_is_markdown_with_its_notes() -> None:
    """What is printed can be pasted: a heading, the rows, and below them what was skipped."""
    table = Table("Title", ("", "events/s"), [("a", middle_and_range([3.0, 1.0, 2000.0]))], ["SKIPPED, b: why"])

    assert table.markdown().splitlines() == [
        "### Title",
        "",
        "|  | events/s |",
        "| --- | --: |",
        "| a | 3 (1 to 2,000) |",
        "",
        "- SKIPPED, b: why",
    ]


def test_a_part_that_failed_is_shown_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    """All tables are printed when a part failed, and the exit code says so."""
    whole, failed = Table("Whole", ("",)), Table("Part", ("",), notes=[f"{FAILED}: why"])
    print_tables("a machine", [whole])
    with pytest.raises(SystemExit, match="1"):
        print_tables("a machine", [failed, whole])
    shown = capsys.readouterr().out

    assert shown.count("### Whole") == 2
    assert "- FAILED: why" in shown


def test_the_fold_is_measured_while_events_wait() -> None:
    """A case of the fold's benchmark takes CPU time, and finds what it let wait still waiting."""
    assert cost(Folding(), 1_000, 50, "active", 8_000) > 0


def test_the_fold_is_measured_while_matches_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case of the fold's benchmark whose matches do not fit into memory is folded all the same."""
    monkeypatch.setattr(cache, "MATCHES_MAX", cache.MATCHES_MAX)  # `cost` lowers it: put back afterwards

    assert cost(Folding(keeps=True), 2_000, 0, "forgotten", 16_000) > 0
    assert cache.MATCHES_MAX == 1_000


def test_peers_have_the_clients_that_the_replica_has() -> None:
    """The environment of the peers pins the same Avro and Redis clients as the lock file: no row wins by a version."""
    pins = {
        name: dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ \n\\]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "benchmarks/requirements.txt")
    }
    shared = ("fastavro", "redis", "hiredis")

    assert [pins["requirements.lock"][name] for name in shared] == [
        pins["benchmarks/requirements.txt"][name] for name in shared
    ]
