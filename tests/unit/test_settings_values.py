"""How values of settings are written."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from dojopool.settings_values import Address, ByRegion, ListenAddress, Regions, WebUrl, region_names


def parse(kind: Any, text: object) -> Any:
    """What a setting of this type makes of a text."""
    return TypeAdapter(kind).validate_python(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("host:9092", {"": "host:9092"}),
        ("a:1,b:2", {"": "a:1,b:2"}),
        ("eu=a:1,us=b:2", {"eu": "a:1", "us": "b:2"}),
        (" eu=a:1 , us-east-2=b:2 ", {"eu": "a:1", "us-east-2": "b:2"}),
        ("eu=a:1,b:2,us=c:3", {"eu": "a:1,b:2", "us": "c:3"}),
        ("redis://h?x=1", {"": "redis://h?x=1"}),
        ("eu=redis://:p%2Cq=r@h,us=redis://h", {"eu": "redis://:p%2Cq=r@h", "us": "redis://h"}),
    ],
)
def test_one_value_or_one_per_region(text: str, values: dict[str, str]) -> None:
    """A part that starts with `region=` opens a pair; everything else belongs to the value before it."""
    assert parse(ByRegion, text) == values


@pytest.mark.parametrize("text", ["a:1,eu=b:2", "eu=a,eu=b", "eu=,us=b", "eu=a,", ","])
def test_half_written_pairs_are_refused(text: str) -> None:
    """Mixed, repeated and empty values are mistakes."""
    with pytest.raises(ValidationError):
        parse(ByRegion, text)


def test_regions_are_distinct_names() -> None:
    """A list of regions is split at commas, spaces around them do not count, order is kept."""
    assert parse(Regions, "us, eu") == ("us", "eu")
    assert region_names(("us", "eu")) == ("us", "eu")
    for wrong in ("eu,eu", "", "eu,,us", "EU", ()):
        with pytest.raises(ValidationError):
            parse(Regions, wrong)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("7402", Address("127.0.0.1", 7402)),
        ("0", Address("127.0.0.1", 0)),
        (7402, Address("127.0.0.1", 7402)),
        ("kafka-1.example.org:7402", Address("kafka-1.example.org", 7402)),
        ("[::1]:7402", Address("::1", 7402)),
    ],
)
def test_addresses(text: object, address: Address) -> None:
    """A port alone is one of the loopback address."""
    assert parse(ListenAddress, text) == address


@pytest.mark.parametrize("text", ["65536", "http", "host:", "host:-1", "host"])
def test_wrong_addresses(text: str) -> None:
    """What has no port cannot be listened on."""
    with pytest.raises(ValidationError, match="port"):
        parse(ListenAddress, text)


@pytest.mark.parametrize("text", ["http://127.0.0.1:4318", "https://collector.example.org/otlp/", "http://[::1]:4318/"])
def test_web_addresses(text: str) -> None:
    """They stay as they are."""
    assert parse(WebUrl, text) == text


@pytest.mark.parametrize("text", ["127.0.0.1:4318", "grpc://x:4317", "http://", "http://x?y", "http://x y"])
def test_wrong_web_addresses(text: str) -> None:
    """What no request can be made to is refused with an example."""
    with pytest.raises(ValidationError, match=r"must be a URL such as http://127.0.0.1:4318"):
        parse(WebUrl, text)
