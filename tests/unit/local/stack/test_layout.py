from __future__ import annotations

import os
import socket
from dataclasses import astuple, replace
from pathlib import Path

import psutil
import pytest

from dojopool.errors import CallerError, Unavailable
from dojopool.local.stack.layout import Layout, StackState, new_layout, resumed
from dojopool.local.stack.process import ProcessId

FOLDER = Path("/stack")
RUNNING = {"kafka eu": ProcessId(pid=os.getpid(), started=psutil.Process().create_time())}


def layout(*regions: str, partitions: int = 4, prefix: str = "dojo") -> Layout:
    """A layout with ports of its own."""
    return new_layout(regions, partitions=partitions, prefixes=(prefix,))


def test_every_server_has_a_port_of_its_own() -> None:
    """Two regions use six different ports."""
    ports = [port for region in layout("eu", "us").regions.values() for port in astuple(region)]

    assert len(set(ports)) == 6


def test_a_stack_comes_back_on_its_old_ports() -> None:
    """Addresses pasted into a shell are good again after down and up."""
    saved = layout("eu", "us")

    assert resumed(StackState(layout=saved), layout("us", "eu"), FOLDER).layout.regions == saved.regions


def test_a_taken_port_is_named() -> None:
    """A stack does not move: who listens on one of its ports is in the way, and the port is named."""
    saved = layout("eu")
    port = saved.regions["eu"].redis
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(Unavailable, match=rf"/stack has the ports {port} of 127\.0\.0\.1"),
    ):
        resumed(StackState(layout=saved), layout("eu"), FOLDER)


def test_a_running_stack_keeps_its_layout_and_processes() -> None:
    """While a process of it runs, its ports are its own although they are taken."""
    saved = StackState(layout=layout("eu"), processes=RUNNING)

    assert resumed(saved, layout("eu"), FOLDER) == saved


def test_remembered_processes_that_ended_are_forgotten() -> None:
    """A pid of another process says nothing about this stack."""
    stale = {name: replace(process, started=1.0) for name, process in RUNNING.items()}

    assert resumed(StackState(layout=layout("eu"), processes=stale), layout("eu"), FOLDER).processes == {}


def test_other_prefixes_are_fine_while_it_is_down() -> None:
    """The mirror learns its prefixes when it starts, so they may change between runs, and only then."""
    saved = layout("eu")

    assert resumed(StackState(layout=saved), layout("eu", prefix="staging"), FOLDER).layout.prefixes == ("staging",)
    with pytest.raises(CallerError, match="up for the prefixes dojo, not staging"):
        resumed(StackState(layout=saved, processes=RUNNING), layout("eu", prefix="staging"), FOLDER)


@pytest.mark.parametrize("wanted", [layout("eu"), layout("eu", "us", "ap"), layout("eu", "us", partitions=8)])
def test_data_of_another_layout_are_not_touched(wanted: Layout) -> None:
    """Other regions or partitions are refused, with what is there and how to delete it."""
    saved = StackState(layout=layout("eu", "us"))
    with pytest.raises(CallerError, match=r"/stack has the regions eu, us with 4 partitions, not .*down --wipe"):
        resumed(saved, wanted, FOLDER)
