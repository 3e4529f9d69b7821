"""The golden vectors are current, and a reader and writer that share no code with ours agree with them."""

from __future__ import annotations

import io
import json
from typing import Any

import avro.io
import avro.schema
import pytest
from aiokafka.partitioner import murmur2

from dojopool.codec import schema_files
from dojopool.codec.vectors import vectors_text
from dojopool.core.event import Event, RefusedBody
from dojopool.errors import RefusedRecord
from support.avro_samples import pool_codecs

PATH = schema_files.directory() / "vectors.json"
VECTORS: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
CODECS = pool_codecs()
RECORDS = {"event": "events", "mark": "marks"}


def named(vector: Any) -> str:
    """A vector's name, as the id of its test."""
    return str(vector["name"])


def test_the_vectors_are_current() -> None:
    """The file is what would be written now; `dojo schema vectors` writes it."""
    assert PATH.read_text(encoding="utf-8") == vectors_text(CODECS[0])


def test_every_type_of_event_has_a_vector() -> None:
    """No event type is left unproven."""
    assert {vector["json"]["type"] for vector in VECTORS["events"]} == set(CODECS[0].types)


@pytest.mark.parametrize("kind", ["event", "mark"])
def test_avros_own_package_writes_the_same_bytes(kind: str) -> None:
    """The official writer, given the JSON form, produces the bytes; its reader reads all of them."""
    schema = avro.schema.parse((schema_files.directory() / f"{kind}.avsc").read_text(encoding="utf-8"))
    for vector in VECTORS[RECORDS[kind]]:
        form = dict(vector["json"])
        form.pop("type", None)
        data = bytes.fromhex(vector["bytes"])
        read = io.BytesIO(data[10:])

        found = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(read))

        assert found == form, vector["name"]
        assert read.read() == b""
        assert data[:10] == b"\xc3\x01" + schema.fingerprint("CRC-64-AVRO")
        assert vector["fingerprint"] == schema.fingerprint("CRC-64-AVRO").hex()


@pytest.mark.parametrize("vector", VECTORS["events"], ids=named)
def test_partitions_are_kafkas(vector: Any) -> None:
    """Another client's murmur2 puts the match into the same partitions."""
    expected = (murmur2(vector["json"]["match"].encode()) & 0x7FFFFFFF) % 64

    assert vector["partitions"] == {"8": expected % 8, "64": expected}


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=named)
def test_a_damaged_record_gets_its_verdict(vector: Any) -> None:
    """Both decoders refuse the record or only its body, as the vector says, and for its reason."""
    for codec in CODECS:
        try:
            found = codec.decode(bytes.fromhex(vector["bytes"]))
        except RefusedRecord as error:
            verdict, reason = "record", str(error)
        else:
            assert isinstance(found, Event)
            assert isinstance(found.body, RefusedBody)
            verdict, reason = "body", found.body.reason

        assert (verdict, reason) == (vector["refused"], vector["reason"])
