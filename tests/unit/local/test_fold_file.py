"""Folding a file: the set of events decides, whatever order, form or company its lines come in."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterable
from typing import Any

import pytest

from dojopool.codec.wire import RECORD_BYTES_MAX
from dojopool.core.event import Event
from dojopool.core.fold import Tally
from dojopool.core.match import digest
from dojopool.games.loading import load_game
from dojopool.local.event_lines import Finding
from dojopool.local.fold_file import FileFold

HOME, AWAY = "eu/home#1", "us/away#1"
POOL = load_game("pool")


def points(
    count: int, *, seq: int = 1, node: str = HOME, context: dict[str, int] | None = None, player: str = "ana"
) -> dict[str, Any]:
    """One event of the match m-1, in JSON form with every key."""
    body = {"frame": 1, "player": player, "points": count}
    envelope = {"match": "m-1", "node": node, "seq": seq, "base": None, "context": context, "stamp": seq}
    return {**envelope, "type": "points_awarded", "body": body}


def folded(lines: Iterable[dict[str, Any] | bytes]) -> tuple[list[dict[str, Any]], list[str]]:
    """Results and findings of a file of these lines."""
    findings: list[Finding] = []
    folding = FileFold(POOL, report=findings.append)
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    folding.read(io.BytesIO(b"\n".join(texts)))
    results = list(folding.results())
    return results, [str(finding) for finding in findings]


def sha256(event: dict[str, Any]) -> str:
    """Of an event's canonical JSON, written down independently."""
    return hashlib.sha256(json.dumps(event, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_the_digest_is_that_of_a_log() -> None:
    """Delivered and waiting events give the canonical bytes that the same events give a replica, read from a log."""
    events = [points(3), points(4, seq=2), points(1, seq=4), points(2, node=AWAY, context={HOME: 3})]
    fold, tally = POOL.new_fold(), Tally()
    for said in events:
        event = fold.read(POOL.codec.encode(**said))
        assert isinstance(event, Event)
        fold.deliver(event, tally)
    [result], _ = folded(reversed(events))

    assert result["pending"] == fold.matches["m-1"].pending == 2
    assert result["digest"] == digest(fold.matches["m-1"].encode(fold.kind))


def test_a_result_has_its_keys_in_one_order() -> None:
    """The keys of a line are those of the contract, in its order, and clocks are sorted."""
    [result], _ = folded([points(1, node=AWAY), points(2)])

    assert list(result) == ["match", "clock", "state", "pending", "digest", "violations"]
    assert list(result["clock"]) == [HOME, AWAY]


@pytest.mark.parametrize("order", list(itertools.permutations([3, 5, 8])))
def test_the_smallest_hash_is_kept(order: tuple[int, ...]) -> None:
    """Of three payloads under one dot the one with the smallest SHA-256 counts, and each line is named."""
    lines = [points(count) for count in order]
    kept = min(lines, key=sha256)
    [result], [finding] = folded(lines)

    assert result["state"]["frames"][1]["points"] == {"ana": kept["body"]["points"]}
    assert finding.startswith("lines 1, 2 and 3: 3 payloads under one dot, event eu/home#1:1 of match m-1")
    assert f"that of line {lines.index(kept) + 1} is kept" in finding


def test_a_refused_rival_may_be_kept() -> None:
    """A payload that nobody can use is a payload: when its hash is the smaller one, the dot writes nothing."""
    unusable = {**points(1), "type": "points_guessed"}
    usable = next(points(count) for count in itertools.count(1) if sha256(points(count)) > sha256(unusable))
    [result], findings = folded([usable, unusable])

    assert result["clock"] == {HOME: 1}
    assert result["state"]["frames"] == {}
    assert findings[0].startswith("line 2: event eu/home#1:1 of match m-1 counts but writes nothing: type")
    assert findings[1].startswith("lines 1 and 2: 2 payloads under one dot")


def test_another_form_is_no_rival() -> None:
    """Keys in another order, white space and absent nulls are the same payload."""
    said = points(3)
    shorter = {key: value for key, value in reversed(list(said.items())) if value is not None}
    results, findings = folded([said, shorter, json.dumps(said, indent=None, separators=(" ,  ", " : ")).encode()])

    assert findings == []
    assert results == folded([said])[0]


@pytest.mark.parametrize("seq", [1, 3])
def test_a_written_out_null_is_no_rival(seq: int) -> None:
    """A base of seq - 1, or an empty context on the first event, is the payload that null is, delivered or waiting."""
    lean = points(3, seq=seq)
    wordy = {**lean, "base": seq - 1, "context": {} if seq == 1 else None}
    results, findings = folded([wordy, lean])

    assert findings == []
    assert results == folded([lean, wordy, lean])[0] == folded([lean])[0]


def test_a_base_or_context_that_says_something_is_a_rival() -> None:
    """Having read less is another payload, and so is an empty context on a later event."""
    others: list[dict[str, Any]] = [{"base": 0}, {"context": {}}]
    for other in others:
        _, [finding] = folded([points(1), points(3, seq=2), {**points(3, seq=2), **other}])

        assert finding.startswith("lines 2 and 3: 2 payloads under one dot")


def test_what_waits_keeps_the_form_of_the_log() -> None:
    """The digest is that of a replica whose log holds the longer form."""
    wordy = {**points(3, seq=2), "base": 1}
    fold, event = POOL.new_fold(), POOL.new_fold().read(POOL.codec.encode(**wordy))
    assert isinstance(event, Event)
    fold.deliver(event, Tally())
    [result], _ = folded([wordy])

    assert result["pending"] == 1
    assert result["digest"] == digest(fold.matches["m-1"].encode(fold.kind))


def test_all_forms_of_a_payload_have_one_hash() -> None:
    """Which of two rivals is kept does not depend on whether a null of theirs was written out."""
    for count in range(1, 9):
        rivals = [points(count), points(count + 1)]
        wordy = [{**rival, "base": 0} for rival in rivals]

        assert folded(wordy)[0] == folded(rivals)[0]


def absent(player: str, *, stamp: int = 1, **more: bool) -> dict[str, Any]:
    """An event of darts, whose schema has a default for `absent`."""
    envelope = {"match": "m-1", "node": HOME, "seq": 1, "base": None, "context": None, "stamp": stamp}
    return {**envelope, "type": "player_absent", "body": {"player": player, **more}}


def test_forms_of_one_record_count_as_one() -> None:
    """A default left out is the same record. The smaller hash of its forms stands for it, whichever was read first."""
    darts = load_game("support.darts:darts")
    forms = sorted([absent("ana"), absent("ana", absent=True)], key=sha256)
    between = (absent("bo", stamp=stamp) for stamp in itertools.count())
    rival = next(event for event in between if sha256(forms[0]) < sha256(event) < sha256(forms[1]))
    kept, findings = [], list[Finding]()
    for order in itertools.permutations([*forms, rival]):
        folding = FileFold(darts, report=findings.append)
        folding.read(io.BytesIO(b"\n".join(json.dumps(line).encode() for line in order)))
        [result] = folding.results()
        kept.append(result["state"]["absent"])

    assert kept == [["ana"]] * 6
    assert ["2 payloads" in finding.text for finding in findings] == [True] * 6


def test_a_refused_event_does_not_block_its_node() -> None:
    """What follows a refused event is delivered, as the refused dot counts."""
    [result], findings = folded([points(0), points(4, seq=2)])

    assert result["clock"] == {HOME: 2}
    assert result["state"]["frames"][1]["points"] == {"ana": 4}
    assert len(findings) == 1
    assert findings[0].startswith("line 1: event eu/home#1:1 of match m-1 counts but writes nothing:")
    assert findings[0].endswith("0 points is no event")


def test_an_event_too_long_for_a_record_is_none() -> None:
    """What no log would take does not count, and its number and length are told."""
    [result], [finding] = folded([points(1, player="x" * RECORD_BYTES_MAX), points(2, seq=2)])

    assert result["clock"] == {}
    assert result["pending"] == 1
    assert finding.startswith("line 1: the event takes ")


@pytest.mark.parametrize("depth", [100, 900, 990, 1000, 100_000])
def test_nesting_cannot_crash_the_fold(depth: int) -> None:
    """However deep a line is nested, and wherever, it becomes a finding."""
    nested = b"[" * depth + b"]" * depth
    inside = json.dumps(points(1)).encode().replace(b'"ana"', nested)
    _, findings = folded([nested, inside])

    assert [finding.partition(":")[0] for finding in findings] == ["line 1", "line 2"]


def test_a_file_without_events_has_no_results() -> None:
    """Empty lines are nothing."""
    assert folded([b"", b"  \t", b"\r"]) == ([], [])


def test_several_files_are_one_set() -> None:
    """Events of a second file meet those of the first."""
    folding = FileFold(POOL, report=print)
    for event in (points(4, seq=2), points(3)):
        folding.read(io.BytesIO(json.dumps(event).encode()))
    [result] = folding.results()

    assert result["clock"] == {HOME: 2}
