"""The built-in game's generated decoder is current."""

from __future__ import annotations

from pathlib import Path

from dojopool import games
from dojopool.codec import schema_files
from dojopool.codec.generate import generate
from dojopool.codec.json_form import event_to_json
from dojopool.codec.schema_guard import body_records, event_type
from dojopool.core.event import Event
from dojopool.games import pool_decoder
from support.avro_samples import LEAN, POOL, pool_codecs


def test_the_decoder_is_current() -> None:
    """The file is what would be generated now; `dojo schema generate` writes it."""
    path = schema_files.find("event.avsc")

    source = (Path(games.__path__[0]) / "pool_decoder.py").read_text(encoding="utf-8")

    assert source == generate(schema_files.load(path), name=path.name)


def test_every_type_of_event_is_decoded() -> None:
    """Each record of the schema has its class, whose fields come back in order."""
    codec, _ = pool_codecs()
    values = {"players": ["ana"], "break_rule": "alternate", "breaker": "bo", "player": "cy", "winner": "di"}
    for schema in body_records(POOL):
        body = {part["name"]: values.get(part["name"], 7) for part in schema["fields"]}
        event = {**LEAN, "type": event_type(schema["name"]), "body": body}

        found = codec.decode(codec.encode(**event))

        assert isinstance(found, Event)
        assert type(found.body) is getattr(pool_decoder, schema["name"])
        assert found.body.__match_args__ == tuple(body)
        assert event_to_json(found) == event
