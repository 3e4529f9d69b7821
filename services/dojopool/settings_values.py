"""How the values of settings are written: names, lists, one value per region, addresses, files.

Each type checks its text and says in a ValueError what is wrong with it; `settings.py` makes it an error that names the
variable. What is not text is left to the check of its type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from dojopool.core.names import REGION_PATTERN, region_fault

LOOPBACK: Final = "127.0.0.1"
PORT_MAX: Final = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """Where a program listens."""

    host: str
    port: int
    """0 takes a free one."""


@dataclass(frozen=True, slots=True)
class MemberAddress:
    """A member of a Raft group, and where the others reach it."""

    id: int
    host: str
    port: int


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", text):
        raise ValueError("must be 1 to 32 of a-z, 0-9, _ and -, not starting with _ or -")
    return text


def _region(text: str) -> str:
    if (fault := region_fault(text)) is not None:
        raise ValueError(fault)
    return text


def region_names(text: object) -> object:
    """`eu, us` as a tuple; what is not a string is left to the type check."""
    return tuple(part.strip() for part in text.split(",")) if isinstance(text, str) else text


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names) or not names:
        raise ValueError("must name every region once, at least one")
    return names


def _by_region(text: object) -> object:
    """`value` or `eu=value,us=value` as a mapping, a value for no region in particular under "".

    A value may itself be a comma separated list (bootstrap servers), so only a part that starts with `region=` opens a
    new pair.
    """
    if not isinstance(text, str):
        return text
    values: dict[str, str] = {}
    region = ""
    for part in text.split(","):
        if opening := re.match(rf"\s*({REGION_PATTERN.pattern})=(.*)", part):
            region = opening[1]
            if region in values:
                raise ValueError(f"names region {region} twice")
            values[region] = opening[2].strip()
        else:
            values[region] = f"{values[region]},{part.strip()}" if region in values else part.strip()
    if "" in values and len(values) > 1:
        raise ValueError("must be one value, or a region=value pair for every region")
    if not all(piece for value in values.values() for piece in value.split(",")):
        raise ValueError("must not hold an empty value")
    return values


def _address(text: object) -> object:
    """`port`, on loopback, or `host:port`."""
    if not isinstance(text, str | int):
        return text
    host, _, port = str(text).rpartition(":")
    if not re.fullmatch(r"\d{1,5}", port) or int(port) > PORT_MAX:
        raise ValueError(f"must be a port (0 to {PORT_MAX}) or host:port")
    return Address(host.strip("[]") or LOOPBACK, int(port))


def _members(text: object) -> object:
    """`eu-1=1@host:port,us-1=2@host:port` as name -> address."""
    if not isinstance(text, str):
        return text
    members: dict[str, MemberAddress] = {}
    for part in text.split(","):
        found = re.fullmatch(r"\s*([A-Za-z0-9][A-Za-z0-9._-]{0,62})=(\d{1,20})@(.+):(\d{1,5})\s*", part)
        if found is None or not 0 < int(found[2]) < 1 << 64 or not 0 < int(found[4]) <= PORT_MAX:
            raise ValueError("must be name=id@host:port for every member, ids from 1, such as eu-1=1@10.0.0.1:7420")
        if found[1] in members:
            raise ValueError(f"names member {found[1]} twice")
        members[found[1]] = MemberAddress(int(found[2]), found[3].strip("[]"), int(found[4]))
    if len({member.id for member in members.values()}) < len(members):
        raise ValueError("gives two members one id")
    return members


def _names(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _web_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", text):
        raise ValueError("must be a URL such as http://127.0.0.1:4318")
    return text


Prefix = Annotated[str, AfterValidator(_prefix)]
Region = Annotated[str, AfterValidator(_region)]
Regions = Annotated[tuple[Region, ...], NoDecode, BeforeValidator(region_names), AfterValidator(_distinct)]
ByRegion = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_by_region)]
FilePath = Annotated[Path, AfterValidator(Path.expanduser)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
ListenAddress = Annotated[Address | None, NoDecode, BeforeValidator(_address)]
Members = Annotated[Mapping[str, MemberAddress], NoDecode, BeforeValidator(_members)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
