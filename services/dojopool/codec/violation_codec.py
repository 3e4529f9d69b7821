"""Violations as records: Avro in single-object encoding or JSON of the same schema, with CloudEvents headers.

The headers let a consumer route without decoding: CloudEvents 1.0 in binary mode, as its Kafka binding wants it. All
header values are ASCII that our own checks let through; what players and rules may write is in the body alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from dojopool.codec import avro, schema_files
from dojopool.codec.avro import StrictReader
from dojopool.codec.wire import HEADER_BYTES, Malformed
from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.rules import Severity
from dojopool.core.invariants.violation import Violation
from dojopool.errors import RefusedRecord, UnknownSchema

Format = Literal["avro", "json"]

CONTENT_TYPES: Final[Mapping[str, bytes]] = {"avro": b"application/avro", "json": b"application/json"}

YEAR_9999_MS: Final = 253_402_300_799_999
"""A stamp may claim a time beyond it, which no calendar can write."""


class ViolationCodec:
    """Writes violations in one of the formats, and reads both."""

    def __init__(self, form: Format = "avro") -> None:
        """Raises GameError when the schema's file is missing or damaged."""
        path = schema_files.find("violation.avsc")
        self._form = form
        self._schema = avro.parse(schema_files.load(path))
        released = [avro.parse(schema_files.load(file)) for file in schema_files.released(path)]
        self._readers = {
            known.header: StrictReader(writer=known, reader=self._schema) for known in (*released, self._schema)
        }

    def encode(self, violation: Violation) -> bytes:
        """The record's value: equal violations give equal bytes."""
        fields = as_fields(violation)
        if self._form == "json":
            return json.dumps(fields, separators=(",", ":")).encode()
        return self._schema.header + avro.encode(self._schema, fields)

    def headers(self, violation: Violation, *, source: str) -> tuple[tuple[str, bytes], ...]:
        """The headers of its record; `source` names who publishes: `ce_source` and `ce_id` together name a record."""
        clock = hashlib.sha256(json.dumps(sorted(violation.clock.items())).encode()).hexdigest()[:16]
        said = {
            "ce_specversion": "1.0",
            "ce_id": f"{violation.id}-{violation.state.value}-{clock}",
            "ce_type": f"dojopool.violation.{violation.state.value}",
            "ce_source": source,
            "ce_time": _time(violation.at_ms),
        }
        if violation.match is not None:
            said["ce_subject"] = violation.match
        return (*((name, value.encode()) for name, value in said.items()), ("content-type", CONTENT_TYPES[self._form]))

    def decode(self, data: bytes) -> Violation:
        """The violation in a record's value, in either format. Raises RefusedRecord, UnknownSchema among them."""
        try:
            if data[:1] == b"{":
                fields = json.loads(data)
            else:
                reader = self._readers.get(data[:HEADER_BYTES])
                if reader is None:
                    raise UnknownSchema(
                        f"a violation of unknown schema {data[2:HEADER_BYTES].hex()}: upgrade to read it"
                    )
                fields = reader.read(data, HEADER_BYTES)
            return _violation(fields)
        except (Malformed, KeyError, TypeError, ValueError) as error:
            raise RefusedRecord(f"a record of the violations topic is no violation: {error}") from error


def as_fields(violation: Violation) -> dict[str, Any]:
    """The violation as the schema has it, maps in order of key: what JSON and every tool shows."""
    return {
        "id": violation.id,
        "state": violation.state.value,
        "severity": violation.severity.value,
        "rule": violation.rule,
        "match": violation.match,
        "key": violation.key,
        "clock": dict(sorted(violation.clock.items())),
        "values": dict(sorted(violation.values.items())),
        "evidence": dict(sorted(violation.evidence.items())),
        "at": violation.at_ms,
        "description": violation.description,
        "runbook": violation.runbook,
        "replay": violation.replay,
    }


def _violation(fields: Mapping[str, Any]) -> Violation:
    return Violation(
        id=fields["id"],
        state=State(fields["state"]),
        severity=Severity(fields["severity"]),
        rule=fields["rule"],
        match=fields["match"],
        key=fields["key"],
        clock=fields["clock"],
        values=fields["values"],
        evidence=fields["evidence"],
        at_ms=fields["at"],
        description=fields["description"],
        runbook=fields["runbook"],
    )


def _time(at_ms: int) -> str:
    seconds, ms = divmod(min(at_ms, YEAR_9999_MS), 1000)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
