"""What records prove by themselves; whole streams are read in `tests/unit/checker`."""

from __future__ import annotations

from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.stream_findings import proven_by
from dojopool.core.streams import Fed, Letter, LetterKind
from support.pipeline import POOL, Scorer, records


def test_one_writers_faults_of_a_kind_have_one_id() -> None:
    """A thousand bad records are one thing to look at; another kind, region or schema is another."""
    bad, other = records(7, b"bad", b"worse")
    same = [Letter(record, LetterKind.UNDECODABLE, "no header") for record in (bad, other)]
    misplaced = Letter(bad, LetterKind.MISPLACED, "wrong key")
    ids = [found.id for found in proven_by(Fed(letters=[*same, misplaced]), region="eu", partition=0)]
    elsewhere = [found.id for found in proven_by(Fed(letters=same), region="us", partition=0)]

    assert ids[0] == ids[1]
    assert len({*ids, *elsewhere}) == 3


def test_a_refused_body_concerns_the_match() -> None:
    """Its envelope is sound, so its key is the match; what the record says is shown as text in ASCII."""
    [record] = records(0, b"x")
    letter = Letter(record, LetterKind.REFUSED_BODY, "points\x1b of \u202e0")
    [found] = proven_by(Fed(letters=[letter]), region="eu", partition=0)

    assert (found.match, found.state, found.rule) == ("m-1", State.CONFIRMED, "invalid-record")
    assert found.values == {"reason": '"points\\u001b of \\u202e0"'}
    assert found.at_ms == record.timestamp


def test_equivocation_names_the_event() -> None:
    """Its clock and its evidence are the event, so every region tells it in the same bytes."""
    event = POOL.codec.decode(Scorer().points("m-1"))
    [found] = proven_by(Fed(equivocations=[event]), region="eu", partition=0)  # type: ignore[list-item]  # an event, not a mark

    assert (found.key, found.clock, found.evidence) == ("eu/gs-1#a:1", {"eu/gs-1#a": 1}, {"eu/gs-1#a": 1})
