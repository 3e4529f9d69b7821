"""What is allowed follows from the deployment; that it is enough, and no more, is shown in `tests/stack/`."""

from __future__ import annotations

from dojopool.local.acls import Grant, command_words, grants, user_of


def of(program: str, *, region: str = "eu", regions: tuple[str, ...] = ("eu", "us")) -> dict[str, tuple[str, ...]]:
    """The operations of a program by the name of the resource."""
    found = grants(region=region, regions=regions, prefix="dojo")
    return {grant.name: grant.operations for grant in found if grant.program == program}


def test_a_game_server_writes_its_own_regions_events_alone() -> None:
    """One topic, one operation; in the other region's Kafka, the other topic."""
    assert of("sdk") == {"dojo.events.eu": ("Write",)}
    assert of("sdk", region="us") == {"dojo.events.us": ("Write",)}


def test_a_replica_reads_all_regions_and_writes_its_own() -> None:
    """Other regions' events are the mirror's to write."""
    found = of("replica", regions=("eu", "us", "ap"))

    assert {name for name, operations in found.items() if "Write" in operations} == {
        "dojo.events.eu",
        "dojo.dead-letters",
    }
    assert {name for name, operations in found.items() if "Read" in operations} == {
        "dojo.events.eu",
        "dojo.events.us",
        "dojo.events.ap",
        "dojo.replica.eu",
    }


def test_a_checker_reads_all_regions_and_writes_violations_alone() -> None:
    """What it publishes it must be able to read again."""
    found = of("checker")

    assert {name for name, operations in found.items() if "Write" in operations} == {"dojo.violations"}
    assert {name for name, operations in found.items() if "Read" in operations} == {
        "dojo.events.eu",
        "dojo.events.us",
        "dojo.violations",
        "dojo.checker.eu",
    }


def test_a_mirror_never_writes_the_events_of_the_region_it_is_in() -> None:
    """It reads those here, and writes those of the others; its own books begin with mm2-."""
    found = of("mirror")

    assert {name for name, operations in found.items() if "Write" in operations} == {"mm2-", "dojo.events.us"}
    assert of("mirror", regions=("eu",)) == {}


def test_an_operator_neither_reads_nor_writes_events() -> None:
    """Making and describing topics needs no look into them."""
    operations = {operation for found in of("operator").values() for operation in found}

    assert operations == {"Create", "Describe", "DescribeConfigs"}


def test_nobody_may_trim_delete_or_change_rights() -> None:
    """No program of today needs to."""
    found = grants(region="eu", regions=("eu", "us"), prefix="dojo")

    assert not {"Delete", "Alter", "AlterConfigs", "All"} & {o for grant in found for o in grant.operations}


def test_a_grant_is_words_of_a_command() -> None:
    """Names, pattern and cluster are told as `kafka-acls.sh` takes them; users are named after the prefix."""
    prefixed = Grant("mirror", "topic", "mm2-", ("Read", "Write"), is_prefix=True)
    cluster = Grant("operator", "cluster", "", ("DescribeConfigs",))

    assert user_of(cluster, prefix="staging") == "staging-operator"
    assert " ".join(command_words(prefixed, prefix="dojo")) == (
        "--add --allow-principal User:dojo-mirror --operation Read --operation Write --topic mm2-"
        " --resource-pattern-type prefixed"
    )
    assert " ".join(command_words(cluster, prefix="dojo")) == (
        "--add --allow-principal User:dojo-operator --operation DescribeConfigs --cluster"
    )
