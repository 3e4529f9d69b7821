"""The judge of foreign schemas walks over what is strictly encoded and over nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.codec.strict import walker
from dojopool.codec.wire import Malformed

ENUM = {"type": "enum", "name": "E", "symbols": ["a", "b"]}
RECORD = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "string"}]}
MAP = {"type": "map", "values": "boolean"}


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ("null", ""),
        ("boolean", "01"),
        ("int", "ffffffff0f"),
        ("long", "8080808010"),
        ("string", "046161"),
        ("bytes", "02ff"),
        ({"type": "string"}, "0261"),
        (["null", "long"], "00"),
        (["null", "long"], "0206"),
        (ENUM, "02"),
        (RECORD, "060261"),
        ({"type": "array", "items": "int"}, "04020400"),
        ({"type": "array", "items": "int"}, "0202020400"),
        ({"type": "array", "items": RECORD}, "02060261" + "00"),
        (MAP, "02026101" + "0106026200" + "00"),
    ],
)
def test_a_value_is_walked_over_to_its_end(schema: Any, data: str) -> None:
    """The position behind a value is found for every kind of type."""
    raw = bytes.fromhex(data)

    assert walker(schema)(b"\xaa" + raw + b"\xaa", 1) == 1 + len(raw)


@pytest.mark.parametrize(
    ("schema", "data", "reason"),
    [
        ("boolean", "02", "boolean"),
        ("int", "8080808010", "32 bits"),
        ("string", "02ff", "UTF-8"),
        (["null", "long"], "01", "no such member"),
        (["null", "long"], "04", "no such member"),
        (ENUM, "01", "no such member"),
        (ENUM, "04", "no such member"),
        (RECORD, "0602", "ends inside"),
        ({"type": "array", "items": "int"}, "040280", "ends inside"),
        ({"type": "array", "items": "int"}, "0104020200", "not as long"),
        (MAP, "04026101026100" + "00", "twice"),
        (MAP, "0202610102026100" + "00", "twice"),
    ],
)
def test_a_value_that_is_not_strictly_encoded_stops_the_walk(schema: Any, data: str, reason: str) -> None:
    """What fastavro would take, or would not notice, is refused."""
    with pytest.raises(Malformed, match=reason):
        walker(schema)(bytes.fromhex(data), 0)
