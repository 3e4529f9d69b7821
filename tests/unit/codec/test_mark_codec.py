"""Marks as records."""

from __future__ import annotations

import pytest

from dojopool.codec.avro import parse
from dojopool.codec.mark_codec import MarkCodec
from dojopool.codec.wire import Malformed
from dojopool.core.cut import Mark
from dojopool.core.names import COUNTER_MAX
from dojopool.errors import InvalidEvent

CODEC = MarkCodec.load()
(FINGERPRINT,) = CODEC.known
MARK = Mark(region="eu", tick=1, time_ms=5)


@pytest.mark.parametrize("mark", [MARK, Mark(region="r" * 32, tick=COUNTER_MAX, time_ms=0)])
def test_a_mark_is_read_back(mark: Mark) -> None:
    """A mark at its limits comes back."""
    assert CODEC.decode(CODEC.encode(mark), FINGERPRINT) == mark


@pytest.mark.parametrize("mark", [Mark("EU", 1, 5), Mark("eu", 0, 5), Mark("eu", 1, -1)])
def test_a_mark_beyond_its_limits_is_not_written(mark: Mark) -> None:
    """The writer is told."""
    with pytest.raises(InvalidEvent):
        CODEC.encode(mark)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\x04eu\x02\x0a\x00", "left over"),
        (b"\x04eu\x02", "ends inside"),
        (b"\x04eu\x82\x00\x0a", "padded"),
        (b"\x04EU\x02\x0a", "region"),
        (b"\x04eu\x00\x0a", "tick"),
        (b"\x04eu\x02\x01", "time"),
    ],
)
def test_a_damaged_mark_is_refused(value: bytes, reason: str) -> None:
    """A mark has no envelope that could count on its own: all of it is good, or it is refused."""
    assert CODEC.decode(CODEC.encode(MARK)[:10] + b"\x04eu\x02\x0a", FINGERPRINT) == MARK
    with pytest.raises(Malformed, match=reason):
        CODEC.decode(CODEC.encode(MARK)[:10] + value, FINGERPRINT)


def test_an_older_mark_is_read() -> None:
    """A mark written with a released form is read as the current one."""
    fields = [{"name": "region", "type": "string"}, {"name": "tick", "type": "int"}, {"name": "time", "type": "long"}]
    older = parse({"type": "record", "name": "Mark", "namespace": "dojopool", "fields": fields})
    newer = parse({**older.parsed, "fields": [fields[0], {"name": "tick", "type": "long"}, fields[2]]})
    data = MarkCodec(older).encode(MARK)

    assert MarkCodec(newer, [older]).decode(data, older.fingerprint) == MARK
