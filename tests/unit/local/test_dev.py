"""`dojo dev`: reads over HTTP on a loopback address."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from dojopool.errors import Unavailable
from dojopool.local.dev import dev
from dojopool.local.league import SAMPLE, read_league
from dojopool.local.matches import ADDRESS_FILE

PLANS = read_league(SAMPLE)[:3]
FIRST = PLANS[0].match


async def shown(client: httpx.AsyncClient, match: str) -> dict[str, object]:
    """The first line of a watch in which the match exists."""
    async with client.stream("GET", f"/matches/{match}/watch") as stream:
        async for line in stream.aiter_lines():
            view: dict[str, object] = json.loads(line)
            if view["clock"]:
                return view
    raise AssertionError("the watch ended")


async def test_matches_are_shown_listed_and_watched(tmp_path: Path) -> None:
    """A match that is being played can be watched, shown in any region and found in the list."""
    async with dev(PLANS, data_dir=tmp_path, port=0) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        view = await shown(client, FIRST)
        listed = (await client.get("/matches", params={"limit": "10"})).json()
        other = await client.get(f"/matches/{FIRST}", params={"region": "us"})

    assert view["match"] == FIRST
    assert FIRST in [entry["match"] for entry in listed]
    assert other.json()["region"] == "us"


async def test_an_unknown_match_is_not_found(tmp_path: Path) -> None:
    """404, and no view."""
    async with dev(PLANS, data_dir=tmp_path, port=0) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        answer = await client.get("/matches/nobody-plays-this")

    assert (answer.status_code, answer.json()) == (404, None)


async def test_what_cannot_be_asked_is_refused_with_a_reason(tmp_path: Path) -> None:
    """A region that is not there, a limit that is no number, a name that is no match id."""
    async with dev(PLANS, data_dir=tmp_path, port=0) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        answers = [
            await client.get("/matches", params={"region": "mars"}),
            await client.get("/matches", params={"limit": "many"}),
            await client.get("/matches/what%20is%20this"),
        ]

    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert "mars" in answers[0].json()["error"]


async def test_the_address_stands_in_a_file_while_it_runs(tmp_path: Path) -> None:
    """The file is there with the address, and gone afterwards."""
    file = tmp_path / ADDRESS_FILE
    async with dev(PLANS, data_dir=tmp_path, port=0) as url:
        assert json.loads(file.read_text())["url"] == url

    assert not file.exists()


async def test_a_port_that_is_taken_is_said_in_one_error(tmp_path: Path) -> None:
    """The second one on a port learns why, as an error of ours and not wrapped in another."""
    async with dev(PLANS, data_dir=tmp_path, port=0) as url:
        with pytest.raises(Unavailable, match="cannot listen on"):
            async with dev(PLANS, data_dir=tmp_path / "other", port=int(url.rpartition(":")[2])):
                pass
