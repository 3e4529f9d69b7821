from __future__ import annotations

import re

from dojopool.local.stack.mirror import mirror_properties, mirrored_topics


def settings_of(text: str) -> dict[str, str]:
    """The pairs of a properties file, read as Java reads it: a backslash takes the next character as it is."""
    pairs = (line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name.strip(): re.sub(r"\\(.)", r"\1", value.strip()) for name, value in pairs}


THREE = settings_of(mirror_properties({"eu": "h:1", "us": "h:2", "ap": "h:3"}, ("dojo", "staging")))


def test_every_pair_of_regions_has_a_flow_each_way() -> None:
    """Three regions have six flows, and none to themselves."""
    flows = {name.removesuffix(".enabled") for name, value in THREE.items() if "->" in name and value == "true"}

    assert flows == {"eu->us", "eu->ap", "us->eu", "us->ap", "ap->eu", "ap->us"}


def test_a_flow_names_its_origins_topics_and_no_others() -> None:
    """The patterns of a flow match exactly the origin's topics: nothing can come back to where it was written."""
    patterns = THREE["eu->us.topics"].split(",")
    matched = [
        name
        for region in ("eu", "us", "ap", "eux")
        for name in mirrored_topics(region, ("dojo", "staging", "xdojo", "dojoxevents"))
        if any(re.fullmatch(pattern, name) for pattern in patterns)
    ]

    assert matched == ["stack.probe.eu", "dojo.events.eu", "staging.events.eu"]
    assert not any(re.fullmatch(pattern, "dojo-events-eu") for pattern in patterns)


def test_worker_settings_stand_under_each_cluster() -> None:
    """MirrorMaker ignores the offset flush at the top level, so every target cluster has its own."""
    assert "offset.flush.interval.ms" not in THREE
    assert {THREE[f"{region}.offset.flush.interval.ms"] for region in ("eu", "us", "ap")} == {"1000"}
    assert {THREE[f"{region}.consumer.isolation.level"] for region in ("eu", "us", "ap")} == {"read_committed"}


def test_names_are_kept_and_one_replica_is_enough() -> None:
    """Identity names, and no internal topic that wants more brokers than a region has."""
    factors = {name: value for name, value in THREE.items() if name.endswith("replication.factor")}

    assert THREE["replication.policy.class"].endswith(".IdentityReplicationPolicy")
    assert len(factors) == 7
    assert set(factors.values()) == {"1"}
