"""Users with passwords for tests of who may do what: the files that ship hold none."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dojopool.adapters.kafka_client import client_options
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.errors import DojoError
from dojopool.local.stack import KafkaBroker, RedisServer
from dojopool.local.stack.process import port_answers
from dojopool.settings import KafkaSecurity

REDIS_ACL: Final = Path(__file__).resolve().parents[2] / "deploy" / "redis.acl"

KAFKA_USERS: Final = ("root", "nobody", "dojo-sdk", "dojo-replica", "dojo-checker", "dojo-mirror", "dojo-operator")
PLAIN_LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
LOGINS: Final = (
    "listener.name.sasl_plaintext.plain.sasl.jaas.config",
    "listener.name.controller.plain.sasl.jaas.config",
)
GUARDED: Final = (
    "sasl.enabled.mechanisms=PLAIN",
    "sasl.mechanism.inter.broker.protocol=PLAIN",
    "sasl.mechanism.controller.protocol=PLAIN",
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=false",
    "super.users=User:root",
)

# Kafka's numbers for the words of `kafka-acls.sh`.
RESOURCES: Final = {"topic": 2, "group": 3, "cluster": 4}
PATTERNS: Final = {"literal": 3, "prefixed": 4}
OPERATIONS: Final = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
ALLOW: Final = 3


def secret_of(user: str) -> str:
    """The password that a user has in tests."""
    return f"{user}-secret"


def redis_acl_with_passwords() -> str:
    """The ACL file, with a password for every user as docs/security.md says to set it."""
    lines = []
    for line in REDIS_ACL.read_text().splitlines():
        digest = hashlib.sha256(secret_of(line.split()[1]).encode()).hexdigest()
        lines.append(line.replace(" resetpass ", f" #{digest} "))
    return "\n".join(lines) + "\n"


def redis_url_of(url: str, program: str) -> str:
    """The URL of a server with the login of a program; `root` may do everything."""
    user = program if program == "root" else f"dojo-{program}"
    return url.replace("://", f"://{user}:{secret_of(user)}@")


class GuardedRedis(RedisServer):
    """A server that is started with the ACL file; the user `root` may do everything."""

    async def prepare(self) -> list[str]:
        """Write the users beside the settings."""
        command = await super().prepare()
        users = self.folder / "users.acl"
        users.write_text(redis_acl_with_passwords() + "user root on >root-secret ~* &* +@all\n")
        with (self.folder / "redis.conf").open("a") as settings:
            settings.write(f'aclfile "{users}"\n')
        return command

    async def answers(self) -> bool:
        """Whether it takes a write of root."""
        try:
            async with Redis.from_url(redis_url_of(self.url, "root")) as client:
                return bool(await client.set("ready", "1", ex=1))
        except RedisError:  # refused, or still loading
            return False


class GuardedKafka(KafkaBroker):
    """A broker that lets nobody in without a login (SASL PLAIN) and nobody do what no rule allows.

    The superuser is `root`; everybody else is a user without rights until some are given.
    """

    async def prepare(self) -> list[str]:
        """Put logins and the authorizer into the properties that a broker of ours has."""
        command = await super().prepare()
        path = self.folder / "server.properties"
        lines = [
            # The listener for clients and brokers, and the protocol of both listeners.
            line.replace("PLAINTEXT://", "SASL_PLAINTEXT://")
            .replace("inter.broker.listener.name=PLAINTEXT", "inter.broker.listener.name=SASL_PLAINTEXT")
            .replace(
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", "SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
            )
            for line in path.read_text().splitlines()
        ]
        users = " ".join(f'user_{user}="{secret_of(user)}"' for user in KAFKA_USERS)
        login = f'{PLAIN_LOGIN} required username="root" password="{secret_of("root")}" {users};'
        path.write_text("\n".join([*lines, *GUARDED, *(f"{name}={login}" for name in LOGINS)]) + "\n")
        return command

    async def answers(self) -> bool:
        """Return whether root can look at it."""
        if self.port is None or not await port_answers(self.port):
            return False
        try:
            async with kafka_log_of(self.bootstrap, "root").admin() as admin:
                return await admin.create_topic("stack.ready", partitions=1, config={}) or True
        except DojoError:
            return False


def kafka_log_of(bootstrap: str, user: str) -> KafkaLog:
    """A broker's log as a user sees it."""
    return KafkaLog(bootstrap, security=_login(user))


def _login(user: str) -> KafkaSecurity:
    return KafkaSecurity(sasl="PLAIN", user=user, password=SecretStr(secret_of(user)))


async def allow(broker: GuardedKafka, commands: Sequence[Sequence[str]]) -> None:
    """Do what the commands say that `dojo topics acls` prints, as root.

    The script behind `kafka-acls.sh` is in a jar that the local stack does not carry, so the words are read here and
    sent as the same request; a word that is not one of the script's is an error.
    """
    options = client_options(broker.bootstrap, _login("root"), "acls")
    client = AIOKafkaAdminClient(**options)
    await client.start()
    try:
        for words in commands:
            for request in _requests(words, broker.bootstrap):
                reply = await client._send_to_controller(request)
                assert [code for code, _ in reply.creation_responses] == [0], f"{words}: {reply}"
    finally:
        await client.close()


def _requests(words: Sequence[str], bootstrap: str) -> Iterator[CreateAclsRequest]:
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    for name in ("--bootstrap-server", "--command-config", "--allow-principal"):
        parser.add_argument(name, required=True)
    parser.add_argument("--operation", action="append", required=True, choices=OPERATIONS)
    parser.add_argument("--resource-pattern-type", default="literal", choices=PATTERNS)
    parser.add_argument("--add", action="store_true", required=True)
    resource = parser.add_mutually_exclusive_group(required=True)
    resource.add_argument("--topic")
    resource.add_argument("--group")
    resource.add_argument("--cluster", action="store_const", const="kafka-cluster")
    assert words[0] == "kafka-acls.sh"
    found = parser.parse_args(words[1:])
    assert found.bootstrap_server == bootstrap
    [(kind, name)] = [(kind, getattr(found, kind)) for kind in RESOURCES if getattr(found, kind)]
    for operation in found.operation:
        pattern = PATTERNS[found.resource_pattern_type]
        yield CreateAclsRequest(
            RESOURCES[kind], name, pattern, found.allow_principal, "*", OPERATIONS[operation], ALLOW
        )
