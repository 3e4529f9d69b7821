"""A replica whose stream holds every hostile record of the corpus, and the next one, which knows more schemas."""

from __future__ import annotations

from collections import Counter

from dojopool.games.loading import LoadedGame
from dojopool.games.pool import pool
from support.hostile import CORPUS, HERE, NEIGHBOUR, NEWER, NODE, PARTITIONS, Becomes
from support.pipeline import Pipeline, Scorer, until


def fed(pipeline: Pipeline) -> dict[str, str]:
    """Append every case with a sound event of another match in front; the key of each letter -> the case's name."""
    neighbour, keys = Scorer(NODE), {}
    for case in CORPUS:
        pipeline.append(neighbour.points(NEIGHBOUR), partition=HERE)
        first = pipeline.append_raw(*case.records, partition=HERE)
        if case.letters:
            keys[f"{pipeline.config.own_topic}/{HERE}/{first + len(case.records) - 1}"] = case.name
    return keys


def letters(pipeline: Pipeline, keys: dict[str, str]) -> Counter[str]:
    """How many letters each case has."""
    return Counter(keys[(letter.key or b"").decode()] for letter in pipeline.letters(HERE))


async def test_all_hostile_records_in_one_stream() -> None:
    """Each is one letter or none, as the corpus says; every neighbour is applied, and nothing stands in the way."""
    pipeline = Pipeline(partitions=PARTITIONS)
    keys = fed(pipeline)
    async with pipeline.replica() as running:
        await pipeline.settled(partition=HERE, regions=["eu"])
        problems = running.problems()

    assert letters(pipeline, keys) == Counter(case.name for case in CORPUS if case.letters)
    assert await pipeline.points(NEIGHBOUR) == len(CORPUS)
    found = {case.name: await pipeline.points(case.match) for case in CORPUS}
    assert found == {case.name: case.applied for case in CORPUS}
    pending = {case.name: (await pipeline.view(case.match)).get("@pending", 0) for case in CORPUS}
    assert pending == {case.name: case.waits for case in CORPUS}
    assert sum(facts.equivocations for facts in running.facts.batches) == sum(
        case.becomes is Becomes.SECOND for case in CORPUS
    )
    assert problems == ""


async def test_what_was_held_is_applied_when_its_schema_arrives() -> None:
    """The next replica knows the schema: the record counts, no second letter is written of it, all else stays."""
    pipeline = Pipeline(partitions=PARTITIONS)
    keys = fed(pipeline)
    async with pipeline.replica():
        await pipeline.settled(partition=HERE, regions=["eu"])
    before = letters(pipeline, keys)
    async with pipeline.replica("replica-2", loaded=LoadedGame(pool, NEWER)) as newer:
        await until(lambda: len(newer.facts.claimed) == PARTITIONS, "everything is taken over, and so forgotten")
        await pipeline.settled(partition=HERE, regions=["eu"])

    held = {case.name for case in CORPUS if case.becomes is Becomes.HELD}
    assert {name for name, count in letters(pipeline, keys).items() if count == before[name]} == held
    found = {case.name: await pipeline.points(case.match) for case in CORPUS}
    assert found == {case.name: case.applied + (case.name in held) for case in CORPUS}
    assert await pipeline.points(NEIGHBOUR) == len(CORPUS)
