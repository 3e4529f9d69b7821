"""Which servers the settings name."""

from __future__ import annotations

import pytest

from dojopool.adapters.event_logs import event_log
from dojopool.errors import ConfigError
from dojopool.local.servers import deployment, event_topics, reached_regions, reading_config
from dojopool.settings import ClusterSettings


def test_pairs_reach_every_region() -> None:
    """With an address for each region, a command works on all of them."""
    settings = ClusterSettings.load(regions="eu,us", kafka="eu=a:1,us=b:2")

    assert reached_regions(settings) == ("eu", "us")


def test_one_address_reaches_one_region() -> None:
    """A single address stands for the own region, and a command works there only."""
    settings = ClusterSettings.load(regions="eu,us", region="us", kafka="b:2")

    assert reached_regions(settings) == ("us",)


def test_a_region_without_an_address_is_refused() -> None:
    """A command that has to reach a region nobody gave the address of says so, instead of doing half of its work."""
    settings = ClusterSettings.load(regions="eu,us", kafka="eu=a:1")

    assert reached_regions(settings) == ("eu", "us")
    with pytest.raises(ConfigError, match="region us needs one too"):
        event_log(settings, "us")


def test_chosen_regions_are_part_of_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of a deployment's regions may be chosen, in any order; it stays the deployment that DOJO_REGIONS names."""
    monkeypatch.setenv("DOJO_REGIONS", "eu,us,ap")
    settings, chosen = deployment("ap, eu")

    assert settings.regions == ("eu", "us", "ap")
    assert chosen == ("ap", "eu")
    assert deployment(None)[1] == ("eu", "us", "ap")
    with pytest.raises(ConfigError, match="'mars', not one of DOJO_REGIONS"):
        deployment("eu,mars")


def test_chosen_regions_may_be_the_deployment() -> None:
    """Where DOJO_REGIONS is not set, the regions named on the command line are all there are."""
    settings, chosen = deployment("eu,us")

    assert settings.regions == chosen == ("eu", "us")


def test_who_reads_works_in_the_deployment_of_the_settings() -> None:
    """Regions, partitions and prefix are everybody's; the node is nobody's who writes."""
    settings = ClusterSettings.load(regions="eu,us", partitions=4, prefix="staging")
    config = reading_config(settings, "us")

    assert (config.region, config.regions, config.partitions, config.prefix) == ("us", ("eu", "us"), 4, "staging")
    assert config.node == "us/reader#0"
    assert event_topics(settings) == {"eu": "staging.events.eu", "us": "staging.events.us"}
