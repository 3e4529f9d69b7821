from __future__ import annotations

import base64
from pathlib import Path

from dojopool.local.stack.broker import KafkaBroker, broker_properties, new_cluster_id


def settings_of(text: str) -> dict[str, str]:
    """The pairs of a properties file."""
    pairs = (line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs}


def test_a_broker_listens_on_loopback_only() -> None:
    """Both listeners and the advertised address are 127.0.0.1, on the ports given."""
    settings = settings_of(broker_properties(data=Path("/data"), port=1, controller_port=2))

    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:2"
    assert settings["log.dirs"] == "/data"


def test_topics_are_never_created_by_use() -> None:
    """A misspelt topic name is an error, and groups notice a dead member after a second if they ask for it."""
    settings = settings_of(broker_properties(data=Path("/data"), port=1, controller_port=2))

    assert settings["auto.create.topics.enable"] == "false"
    assert settings["group.min.session.timeout.ms"] == "1000"
    assert settings["group.initial.rebalance.delay.ms"] == "0"


def test_cluster_ids_are_fresh_and_in_kafkas_form() -> None:
    """A cluster id is 16 bytes in 22 characters, and no two are equal."""
    one, other = new_cluster_id(), new_cluster_id()

    assert one != other
    assert len(base64.urlsafe_b64decode(one + "==")) == 16


def test_clients_get_host_and_port(tmp_path: Path) -> None:
    """A broker's bootstrap address is its loopback address."""
    assert KafkaBroker(name="kafka", folder=tmp_path, port=29092, controller_port=2).bootstrap == "127.0.0.1:29092"
