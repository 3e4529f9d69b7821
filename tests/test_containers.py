"""The container files agree with each other, with the command line and with the settings.

No container runs here: this is what can be known without an engine. Each rule is a function over the parsed file, and
is shown a broken one.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
import yaml

from dojopool.errors import ConfigError
from dojopool.local.stack.mirror import mirror_properties
from dojopool.settings import ClusterSettings, ReplicaSettings, variable_names
from support.commands import fault
from support.tidy_tree import ROOT

Compose: TypeAlias = dict[str, Any]


def compose() -> Compose:
    """docker-compose.yml, anchors resolved."""
    loaded: Compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def images(file: Compose) -> Iterator[str]:
    """Every service says where its image comes from; a foreign image has a version."""
    for name, service in file["services"].items():
        tag = service.get("image", "").rpartition(":")[2]
        if "build" in service:
            build = service["build"]
            if not (ROOT / build["context"] / build["dockerfile"]).is_file():
                yield f"{name}: is built from {build['dockerfile']}, which does not exist"
        elif not re.match(r"\d+\.\d+\.\d+", tag):
            yield f"{name}: needs an image with a whole version, or a build"


def dependencies(file: Compose) -> Iterator[str]:
    """Who waits for a service waits for one that exists and can meet the condition."""
    services = file["services"]
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            if other not in services:
                yield f"{name}: depends on {other}, which does not exist"
            elif wait["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                yield f"{name}: waits for {other} to be healthy, which nothing checks"
            elif wait["condition"] == "service_completed_successfully" and "restart" in services[other]:
                yield f"{name}: waits for the end of {other}, which is restarted for ever"


def commands(file: Compose) -> Iterator[str]:
    """A service of our own runs a command that `dojo` has."""
    for name, service in file["services"].items():
        if "build" in service and (wrong := fault(service["command"])):
            yield f"{name}: runs `dojo {' '.join(service['command'])}`: {wrong}"


def settings(file: Compose) -> Iterator[str]:
    """A service of our own sets variables that exist, to values that its program takes."""
    for name, service in file["services"].items():
        given = {key: value for key, value in service.get("environment", {}).items() if key.startswith("DOJO_")}
        unknown = sorted(given.keys() - variable_names().keys())
        if unknown:
            yield f"{name}: sets {unknown[0]}, which no program reads"
        elif "build" in service:
            program = ReplicaSettings if service["command"] == ["replica"] else ClusterSettings
            yield from loading(name, program, given)


def loading(name: str, program: type[ClusterSettings], given: dict[str, str]) -> Iterator[str]:
    """What the program would say at its start in an environment of just these variables."""
    with pytest.MonkeyPatch.context() as environment:
        for key in [key for key in os.environ if key.startswith("DOJO_")]:
            environment.delenv(key)
        for key, value in given.items():
            environment.setenv(key, value)
        try:
            program.load()
        except ConfigError as error:
            yield f"{name}: {error}"


def addresses(file: Compose) -> Iterator[str]:
    """Kafka and Redis are looked for where a service of this file listens."""
    for name, service in file["services"].items():
        given = service.get("environment", {})
        for address in re.findall(r"(?:^|[=,])([a-z0-9-]+:\d+)", given.get("DOJO_KAFKA", "")):
            if address not in advertised(file):
                yield f"{name}: looks for Kafka at {address}, advertised are {sorted(advertised(file))}"
        url = urlsplit(given.get("DOJO_REDIS", "redis://redis-eu:6379"))
        if url.hostname not in file["services"] or url.port != 6379:
            yield f"{name}: looks for Redis at {url.netloc}, where none listens"


def advertised(file: Compose) -> set[str]:
    """Where the brokers tell the other services to find them."""
    listeners = (
        service.get("environment", {}).get("KAFKA_ADVERTISED_LISTENERS", "") for service in file["services"].values()
    )
    return {address for text in listeners for address in re.findall(r"INSIDE://([^,]+)", text)}


def volumes(file: Compose) -> Iterator[str]:
    """What is mounted exists or is declared, and no two services share a volume or a port of the host."""
    services = file["services"]
    mounts = [(name, mount.split(":")[0]) for name, service in services.items() for mount in service.get("volumes", ())]
    ports = [port.rpartition(":")[0] for service in services.values() for port in service.get("ports", ())]
    for name, source in mounts:
        if source.startswith("."):
            if not (ROOT / source).is_file():
                yield f"{name}: mounts {source}, which does not exist"
        elif source not in file["volumes"] or [other for _, other in mounts].count(source) > 1:
            yield f"{name}: its volume {source} is not declared, or not its own"
    yield from (f"port {port} of the host is published twice" for port in sorted(set(ports)) if ports.count(port) > 1)


RULES = (images, dependencies, commands, settings, addresses, volumes)

BREACHES: list[tuple[Callable[[Compose], Iterator[str]], str, dict[str, Any]]] = [
    (images, "redis-eu", {"image": "redis:latest"}),
    (images, "mirror", {"image": ""}),
    (images, "topics", {"build": {"context": ".", "dockerfile": "deploy/Nowhere"}}),
    (dependencies, "mirror", {"depends_on": {"nobody": {"condition": "service_started"}}}),
    (dependencies, "mirror", {"depends_on": {"topics": {"condition": "service_healthy"}}}),
    (dependencies, "mirror", {"depends_on": {"kafka-eu": {"condition": "service_completed_successfully"}}}),
    (commands, "topics", {"command": ["topics", "invent"]}),
    (commands, "topics", {"command": ["replica", "create"]}),
    (settings, "topics", {"environment": {"DOJO_REGOINS": "eu"}}),
    (settings, "topics", {"environment": {"DOJO_REGIONS": "eu", "DOJO_PARTITIONS": "0"}}),
    (settings, "replica-eu", {"environment": {"DOJO_REGIONS": "eu,us", "DOJO_REGION": "eu"}}),
    (addresses, "topics", {"environment": {"DOJO_KAFKA": "eu=kafka-eu:9092"}}),
    (addresses, "replica-eu", {"environment": {"DOJO_REDIS": "redis://redis-asia:6379"}}),
    (volumes, "redis-eu", {"volumes": ["redis-asia:/data"]}),
    (volumes, "mirror", {"volumes": ["./deploy/none.properties:/etc/dojo/mirror.properties:ro"]}),
    (volumes, "redis-eu", {"ports": ["127.0.0.1:6380:6379"]}),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_compose_file_keeps_the_rule(rule: Callable[[Compose], Iterator[str]]) -> None:
    """docker-compose.yml breaks no rule."""
    assert list(rule(compose())) == []


@pytest.mark.parametrize(("rule", "service", "change"), BREACHES)
def test_a_breach_is_found(rule: Callable[[Compose], Iterator[str]], service: str, change: dict[str, Any]) -> None:
    """A rule reports a service that was broken on purpose."""
    file = copy.deepcopy(compose())
    file["services"][service].update(change)

    assert len(list(rule(file))) >= 1


def test_every_region_has_its_own_servers() -> None:
    """Two regions share nothing but the mirror: each has a Kafka, a Redis and two replicas."""
    services = compose()["services"]

    for region in ("eu", "us"):
        replica = services[f"replica-{region}"]
        assert replica["deploy"]["replicas"] == 2
        assert replica["environment"]["DOJO_REGION"] == region
        assert replica["environment"]["DOJO_KAFKA"].startswith(f"kafka-{region}:")
        assert replica["environment"]["DOJO_REDIS"].startswith(f"redis://redis-{region}:")


def test_the_mirror_is_set_as_the_tested_one() -> None:
    """The containers' MirrorMaker runs with the settings that the tests on real brokers use."""
    tested = mirror_properties({"eu": "kafka-eu:19092", "us": "kafka-us:19092"}, ["dojo"])
    ours = (ROOT / "deploy" / "mirror.properties").read_text()

    assert properties(without_probe(tested)) == properties(ours)


def test_the_image_is_made_from_files_that_exist() -> None:
    """Every file that the Dockerfile copies exists and is let through by .dockerignore."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    sources = [name for line in copied for name in line.split()]

    assert sorted(sources) == sorted(allowed)
    assert [name for name in sources if not (ROOT / name).exists()] == []


def test_the_image_is_pinned_and_has_no_root() -> None:
    """The image installs with hashes only, and runs `dojo` as a user without rights."""
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]

    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)
    assert "USER dojo" in lines
    assert 'ENTRYPOINT ["dojo"]' in lines


def properties(text: str) -> dict[str, str]:
    """A Java properties file of plain lines."""
    pairs = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def without_probe(text: str) -> str:
    """The local stack mirrors one more topic, to prove its readiness; the containers have none."""
    return re.sub(r"(?<== )stack[^,\n]*probe[^,\n]*,", "", text)
