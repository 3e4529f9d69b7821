"""Everything a user may set, read once from the environment into frozen values and checked before a program starts.

One class per kind of program, each adding what it needs: `Settings` (every command), `ClusterSettings` (reaches Kafka
or Redis), `ClientSettings` (works in one region), `ProgramSettings` (runs on), `ReplicaSettings`, `CheckerSettings`,
`RaftSettings`. The sentence under a field is its documentation: `dojo settings` and `docs/settings.md` print it. Left
out on purpose: files of settings, and whatever a program can find out by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dojopool.errors import ConfigError
from dojopool.settings_values import (
    ByRegion,
    FilePath,
    ListenAddress,
    Members,
    Names,
    Prefix,
    Region,
    Regions,
    WebUrl,
    region_names,
)

PREFIX: Final = "DOJO_"
BUILD_NAMES: Final = frozenset({"DOJO_COMPILE"})
"""Read by the build, not by a program: allowed to stay in the environment."""

PARTITIONS_MAX: Final = 4096
"""A replica keeps state and a mark per second for each: more than this is a mistake."""


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How to speak to Kafka; the defaults mean plaintext, no login. ClusterSettings checks it, the adapter maps it."""

    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    sasl: str | None = None
    user: str | None = None
    password: SecretStr | None = None


class Settings(BaseSettings):
    """What every command may be told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # compose files pass `DOJO_X=` for what is not set
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    prefix: Prefix = "dojo"
    """First part of every topic name and Redis key; change it to let staging live beside production."""
    game: str = "pool"
    """The game to fold: `pool`, or `module:object` of your own; every program of a deployment must use the same."""
    data_dir: FilePath = Field(default_factory=lambda: user_data_path("dojo"))
    """Directory for what local commands keep between runs: the stack's servers and logs, the address of `dojo dev`;
    the user's data directory without it."""
    log: Literal["auto", "json", "pretty"] = "auto"
    """Form of log lines on stderr: `json` for machines, `pretty` for people, `auto` is pretty on a terminal."""

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; `overrides` (by field name) win over it, None means "not given".

        Raises ConfigError that names each wrong variable, the value found (unless it is secret) and the rule; also for
        a `DOJO_` name that no program knows.
        """
        _refuse_unknown_names()
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as error:
            reasons = [_reason(cls, problem) for problem in error.errors(include_url=False)]
        raise ConfigError("; ".join(reasons))  # outside of `except`: the original would carry secrets along


class ClusterSettings(Settings):
    """What a program needs to reach the servers of one or several regions."""

    regions: Regions
    """All regions of the deployment, comma separated, the same everywhere; DOJO_REGION alone means there is one."""
    region: Region | None = None
    """The region this program runs in; needed where there are several and the program works in one."""
    kafka: ByRegion = {}
    """Kafka bootstrap servers, `host:port,host:port`; `eu=host:port,us=host:port` to reach several regions."""
    kafka_client: Literal["aiokafka", "confluent"] = "aiokafka"
    """Client that reads Kafka: `confluent` fetches in threads of its own and needs the extra `dojopool[confluent]`."""
    redis: ByRegion = Field(default={}, repr=False)
    """Redis URL (`redis://` or, with TLS, `rediss://`), or `region=URL` pairs; write a comma in a password as %2C."""
    partitions: int = Field(default=16, ge=1, le=PARTITIONS_MAX)
    """Partitions of every event topic; fixed for the life of a deployment, and no more replicas than this can share a
    region's work: choose it high."""
    kafka_tls: bool = False
    """Whether to speak TLS to Kafka."""
    kafka_ca: FilePath | None = None
    """PEM file of the authorities to trust for Kafka; the system's own without it."""
    kafka_cert: FilePath | None = None
    """PEM file of this program's certificate, for brokers that ask for one."""
    kafka_key: FilePath | None = None
    """PEM file of the certificate's private key."""
    kafka_sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """SASL mechanism to log in to Kafka with; PLAIN without TLS shows the password to the network."""
    kafka_user: str | None = None
    """User name for SASL."""
    kafka_password: SecretStr | None = None
    """Password for SASL; never printed."""
    kafka_password_file: FilePath | None = None
    """File that holds the SASL password instead, as container secrets do; a line end at its end is dropped."""
    redis_ca: FilePath | None = None
    """PEM file of the authorities to trust for `rediss://`; the system's own without it."""

    @model_validator(mode="before")
    @classmethod
    def _one_region_stands_for_both(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "regions" not in values and "region" in values:
            return {**values, "regions": values["region"]}
        regions = region_names(values.get("regions"))
        if "region" not in values and isinstance(regions, tuple) and len(regions) == 1:
            return {**values, "region": regions[0]}
        return values

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.region is not None and self.region not in self.regions:
            raise ConfigError(f"DOJO_REGION is {self.region}, not one of DOJO_REGIONS ({','.join(self.regions)})")
        for variable, values in (("DOJO_KAFKA", self.kafka), ("DOJO_REDIS", self.redis)):
            if foreign := sorted(set(values) - {*self.regions, ""}):
                raise ConfigError(f"{variable} names {foreign[0]}, not one of DOJO_REGIONS ({','.join(self.regions)})")
        if any(not url.startswith(("redis://", "rediss://")) for url in self.redis.values()):
            raise ConfigError("DOJO_REDIS (value not shown) must be a URL that starts with redis:// or rediss://")
        if self.redis_ca and not all(url.startswith("rediss://") for url in self.redis.values()):
            raise ConfigError("DOJO_REDIS_CA is set, but DOJO_REDIS is not a rediss:// URL: write it so to use TLS")
        self._check_kafka_tls()
        self._check_kafka_login()
        return self

    def _check_kafka_tls(self) -> None:
        files = {"CA": self.kafka_ca, "CERT": self.kafka_cert, "KEY": self.kafka_key}
        given = [f"DOJO_KAFKA_{name}" for name, path in files.items() if path is not None]
        if given and not self.kafka_tls:
            raise ConfigError(f"{given[0]} is set, but DOJO_KAFKA_TLS is not: set DOJO_KAFKA_TLS=true to use it")
        if (self.kafka_cert is None) != (self.kafka_key is None):
            raise ConfigError("DOJO_KAFKA_CERT and DOJO_KAFKA_KEY go together: set both or none")

    def _check_kafka_login(self) -> None:
        if self.kafka_password is not None and self.kafka_password_file is not None:
            raise ConfigError("DOJO_KAFKA_PASSWORD and DOJO_KAFKA_PASSWORD_FILE are both set: keep one")
        password = self.kafka_password or self.kafka_password_file
        if self.kafka_sasl is not None and not (self.kafka_user and password):
            raise ConfigError("DOJO_KAFKA_SASL is set: it needs DOJO_KAFKA_USER, and DOJO_KAFKA_PASSWORD or its _FILE")
        if self.kafka_sasl is None and (self.kafka_user or password):
            raise ConfigError("DOJO_KAFKA_USER or a password is set, but DOJO_KAFKA_SASL is not: name its mechanism")

    def kafka_for(self, region: str) -> str:
        """Bootstrap servers of a region's Kafka. Raises ConfigError when none are set for it."""
        return self._value_for("DOJO_KAFKA", self.kafka, region)

    def redis_for(self, region: str) -> str:
        """URL of a region's Redis, password included: not for logs. Raises ConfigError when none is set for it."""
        return self._value_for("DOJO_REDIS", self.redis, region)

    def kafka_security(self) -> KafkaSecurity:
        """How to speak to Kafka, the same in every region. Raises ConfigError when the password file cannot be read."""
        password = self.kafka_password
        if self.kafka_password_file is not None:
            try:
                password = SecretStr(self.kafka_password_file.read_text().rstrip("\r\n"))
            except OSError as error:
                raise ConfigError(f"DOJO_KAFKA_PASSWORD_FILE cannot be read: {error}") from error
        return KafkaSecurity(
            self.kafka_tls, self.kafka_ca, self.kafka_cert, self.kafka_key, self.kafka_sasl, self.kafka_user, password
        )

    def _value_for(self, variable: str, values: Mapping[str, str], region: str) -> str:
        if region in values:
            return values[region]
        if "" in values and region == self.region:
            return values[""]
        found = f"names only {','.join(sorted(values))}" if values else "is not set"
        if "" in values:
            found = "holds one value, which stands for DOJO_REGION"
        raise ConfigError(f"{variable} {found}; region {region} needs one too: add {region}=value")


class ClientSettings(ClusterSettings):
    """What works in one region: the SDK and the commands that read a match."""

    region: Region
    """The region this program runs in; may be left out when DOJO_REGIONS names only one."""
    otlp: WebUrl | None = None
    """Base URL of an OpenTelemetry collector (OTLP over HTTP, such as `http://127.0.0.1:4318`) to send traces to; needs
    the extra `telemetry`; traces are off without it."""

    @model_validator(mode="before")
    @classmethod
    def _one_of_several_is_chosen(cls, values: dict[str, Any]) -> dict[str, Any]:
        regions = region_names(values.get("regions"))
        if "region" not in values and isinstance(regions, tuple) and len(regions) > 1:
            raise ConfigError(
                f"DOJO_REGION is not set: say which of {', '.join(regions)} to work in, as in DOJO_REGION={regions[0]}"
            )
        return values


class ProgramSettings(ClientSettings):
    """What a program that runs on and owns partitions may be told beside what every client may."""

    metrics: ListenAddress = None
    """Where to serve `/metrics`, `/livez` and `/readyz`: a port of the loopback address (0 takes a free one and logs
    it), or `host:port`, such as `0.0.0.0:7402` to be reached from elsewhere; off without it."""
    session_timeout_ms: int = Field(default=3000, ge=300, le=300_000)
    """Milliseconds of silence after which a program's partitions go to others; managed Kafka may demand 6000."""
    failpoint: str | None = None
    """For tests of this program only: `point:file`, a step of its work at which it writes the file and stands still; it
    does not start with this unless DOJO_TESTING is set too."""
    testing: bool = False
    """Says that this is a test, in which a program may be made to fail."""

    @model_validator(mode="after")
    def _kafka_is_set(self) -> Self:
        self.kafka_for(self.region)
        return self

    @model_validator(mode="after")
    def _only_tests_fail_on_purpose(self) -> Self:
        if self.failpoint is not None and not self.testing:
            raise ConfigError(
                f"DOJO_FAILPOINT is {self.failpoint}: the program would stand still there for good. Unset it; only a"
                " test of its crashes sets it, together with DOJO_TESTING=true"
            )
        return self


class ReplicaSettings(ProgramSettings):
    """What `dojo replica` may be told: it needs a store as well."""

    @model_validator(mode="after")
    def _redis_is_set(self) -> Self:
        self.redis_for(self.region)
        return self


class CheckerSettings(ProgramSettings):
    """What `dojo checker` may be told; `dojo rules` reads the same."""

    rules: FilePath | None = None
    """File of rules by operators (TOML), judged beside those of the game; `dojo rules test` tries it out."""
    violations_format: Literal["avro", "json"] = "avro"
    """Form of the records of violations: Avro in single-object encoding, or JSON of the same schema."""


class RaftSettings(Settings):
    """What a member of a Raft group may be told."""

    raft_peers: Members
    """All members, this one too: `eu-1=1@host:port,us-1=2@host:port`. The name is what a member's certificate says; an
    id is never given to another member, nor to one that lost its disk."""
    raft_node: str
    """Name of this member in DOJO_RAFT_PEERS."""
    raft_listen: ListenAddress = None
    """Where this member listens, `port` or `host:port`; its own address in DOJO_RAFT_PEERS without it."""
    raft_join: bool = False
    """Whether this member joins a group that exists: it starts empty and waits to be added. The founding members start
    without it."""
    raft_prefer: Names = ()
    """Members that should lead, best first, comma separated; the others come last. A leader hands over to a better one
    that is up to date; nobody is kept from leading."""
    raft_tick_ms: int = Field(default=100, ge=5, le=10_000)
    """Milliseconds of a tick: a leader shows itself so often. The same on all members."""
    raft_election_ticks: int = Field(default=10, ge=3, le=1000)
    """A member that hears no leader for so many ticks, to twice as many, stands for election: at least ten round trips,
    and more than the disk ever takes to flush. The same on all members."""
    raft_ca: FilePath | None = None
    """PEM file of the authority that signed every member's certificate."""
    raft_cert: FilePath | None = None
    """PEM file of this member's certificate; `dojo certs make` makes one for development."""
    raft_key: FilePath | None = None
    """PEM file of the certificate's private key."""
    raft_plaintext: bool = False
    """Whether to link members without TLS: whoever reaches the port can then decide everything."""

    @model_validator(mode="after")
    def _members_agree(self) -> Self:
        known = ",".join(self.raft_peers)
        if self.raft_node not in self.raft_peers:
            raise ConfigError(f"DOJO_RAFT_NODE is {self.raft_node}, not one of DOJO_RAFT_PEERS ({known})")
        if foreign := [name for name in self.raft_prefer if name not in self.raft_peers]:
            raise ConfigError(f"DOJO_RAFT_PREFER names {foreign[0]}, not one of DOJO_RAFT_PEERS ({known})")
        if len(set(self.raft_prefer)) < len(self.raft_prefer):
            raise ConfigError("DOJO_RAFT_PREFER names a member twice: each has one rank")
        return self

    @model_validator(mode="after")
    def _links_are_secured(self) -> Self:
        files = {"CA": self.raft_ca, "CERT": self.raft_cert, "KEY": self.raft_key}
        given = [f"DOJO_RAFT_{name}" for name, path in files.items() if path is not None]
        missing = [f"DOJO_RAFT_{name}" for name, path in files.items() if path is None]
        if self.raft_plaintext and given:
            raise ConfigError(f"{given[0]} is set, and DOJO_RAFT_PLAINTEXT=true turns TLS off: keep one of the two")
        if missing and not self.raft_plaintext:
            raise ConfigError(
                f"{missing[0]} is not set: members are linked by mutual TLS, which needs DOJO_RAFT_CA, DOJO_RAFT_CERT"
                " and DOJO_RAFT_KEY; DOJO_RAFT_PLAINTEXT=true goes without"
            )
        return self


PROGRAMS: Final[tuple[type[Settings], ...]] = (
    Settings,
    ClusterSettings,
    ClientSettings,
    ProgramSettings,
    ReplicaSettings,
    CheckerSettings,
    RaftSettings,
)


def variable_names() -> dict[str, type[Settings]]:
    """Every variable that some program reads, with the first class that declares it, in the order of declaration."""
    names: dict[str, type[Settings]] = {}
    for program in PROGRAMS:
        for field in program.model_fields:
            names.setdefault(PREFIX + field.upper(), program)
    return names


def description(program: type[Settings], field: str) -> str:
    """The sentence under a field, on one line."""
    return " ".join((program.model_fields[field].description or "").split())


def _refuse_unknown_names() -> None:
    """A mistyped name would silently leave its setting at the default."""
    known = variable_names()
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and name not in BUILD_NAMES:
            nearest = get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else "`dojo settings` lists those that exist"
            raise ConfigError(f"{name} is set in the environment, but no program reads it: {hint}")


def _reason(program: type[Settings], problem: Any) -> str:
    """One problem that pydantic found, as: variable, value found, rule."""
    field = str(problem["loc"][0])
    variable = PREFIX + field.upper()
    rule = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"{variable} is not set: {description(program, field)}"
    if field in ("redis", "kafka_password"):
        return f"{variable} (value not shown): {rule}"
    return f"{variable} is {problem['input']!r}: {rule}"
