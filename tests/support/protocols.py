"""How one may speak to Kafka, beside the name that Kafka has for it, for tests of each client's options."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from dojopool.settings import KafkaSecurity

PROTOCOLS: Final = (
    (KafkaSecurity(), "PLAINTEXT"),
    (KafkaSecurity(tls=True), "SSL"),
    (KafkaSecurity(sasl="PLAIN", user="app", password=SecretStr("x")), "SASL_PLAINTEXT"),
    (KafkaSecurity(tls=True, sasl="SCRAM-SHA-512", user="app", password=SecretStr("x")), "SASL_SSL"),
)
