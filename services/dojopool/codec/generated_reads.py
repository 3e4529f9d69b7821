"""The statements of a generated decoder that read values: one field after the other, from bytes into local variables.

The usual forms, a number or a length of one byte, are read on the spot; a call would cost as much as the reading. All
others, and whatever is wrong, are left to the primitives of `wire`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dojopool.codec.schema_guard import event_type

_SCALARS: Final = {"boolean": "bool", "int": "int", "long": "int", "string": "str", "null": "None", "enum": "str"}


def class_name(record: Mapping[str, Any]) -> str:
    """The name of a record's class."""
    return str(record["name"].rpartition(".")[2])


def function_name(record: Mapping[str, Any]) -> str:
    """The name of the function that reads a record."""
    return f"_{event_type(record['name'])}"


def constant_name(enum: Mapping[str, Any]) -> str:
    """The name of the tuple of an enum's symbols."""
    return event_type(enum["name"]).upper()


def python_type(schema: Any) -> str:
    """The annotation of a value."""
    if isinstance(schema, list):
        return f"{python_type(_other(schema))} | None"
    kind = _kind(schema)
    if kind == "array":
        return f"list[{python_type(schema['items'])}]"
    if kind == "map":
        return f"dict[str, {python_type(schema['values'])}]"
    return class_name(schema) if kind == "record" else _SCALARS[kind]


def _other(union: Sequence[Any]) -> Any:
    """What a nullable value is when it is not null."""
    return next(branch for branch in union if branch != "null")


def _kind(schema: Any) -> str:
    """The word for a type that is not a union."""
    return str(schema if isinstance(schema, str) else schema["type"])


class Reads:
    """Writes the statements that read values; hands out names for what they need on the way."""

    TEMPORARIES: Final = frozenset({"count", "end", "filled", "index", "item", "key", "stop"})

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def read(self, schema: Any, *, into: str, margin: str) -> list[str]:
        """The statements that read a value of `schema` into the variable `into`."""
        lines = self._nullable(schema, into) if isinstance(schema, list) else self._read_one(schema, into)
        return [margin + line for line in lines]

    def _nullable(self, schema: Sequence[Any], into: str) -> list[str]:
        other = _other(schema)
        lines = [f"{into}: {python_type(schema)} = None", *self._index(2), f"if index == {1 - schema.index('null')}:"]
        if _kind(other) not in ("array", "map"):
            return [*lines, *self.read(other, into=into, margin="    ")]
        # The loop that fills a list or map needs a variable that cannot be None.
        filled = self._name("filled")
        return [*lines, *self.read(other, into=filled, margin="    "), f"    {into} = {filled}"]

    def _read_one(self, schema: Any, into: str) -> list[str]:
        kind = _kind(schema)
        if kind in ("array", "map"):
            return self._blocks(schema, into)
        if kind in ("int", "long"):
            return self._number(kind, into)
        if kind == "string":
            return self._string(into)
        if kind == "enum":
            return [*self._index(len(schema["symbols"])), f"{into} = {constant_name(schema)}[index]"]
        if kind == "null":
            return [f"{into} = None"]
        function = function_name(schema) if kind == "record" else f"read_{kind}"
        return [f"{into}, pos = {function}(data, pos)"]

    @staticmethod
    def _number(kind: str, into: str) -> list[str]:
        """A number of one byte is read without a call; all others, and what is wrong, by the primitive."""
        return [
            "if data[pos] < 0x80:",
            f"    {into} = (data[pos] >> 1) ^ -(data[pos] & 1)",
            "    pos += 1",
            "else:",
            f"    {into}, pos = read_{kind}(data, pos)",
        ]

    @staticmethod
    def _string(into: str) -> list[str]:
        """A string whose length takes one byte is read without a call."""
        return [
            "stop = pos + 1 + (data[pos] >> 1)",
            "if data[pos] & NOT_ONE_BYTE or stop > len(data):",
            f"    {into}, pos = read_string(data, pos)",
            "else:",
            f"    {into} = data[pos + 1 : stop].decode()",
            "    pos = stop",
        ]

    @staticmethod
    def _index(count: int) -> list[str]:
        return [f"index, pos = read_index(data, pos, {count})"]

    def _name(self, word: str) -> str:
        """A name of its own for each use, as each may have a type of its own: `item`, `item2`, `item3`."""
        assert word in self.TEMPORARIES
        self._numbers[word] = number = self._numbers.get(word, 0) + 1
        return word if number == 1 else f"{word}{number}"

    def _blocks(self, schema: Mapping[str, Any], into: str) -> list[str]:
        """A loop over the blocks of an array or map, and in it one over the items of a block."""
        count, end, item, key = (self._name(word) for word in ("count", "end", "item", "key"))
        is_map = schema["type"] == "map"
        inner = self.read(schema["values"] if is_map else schema["items"], into=item, margin="        ")
        keys = [*self._string(key), f"if {key} in {into}:", "    raise Malformed(REPEATED_KEY)"] if is_map else []
        return [
            f"{into}: {python_type(schema)} = {'{}' if is_map else '[]'}",
            f"{count}, {end}, pos = read_block(data, pos)",
            f"while {count}:",
            f"    for _ in range({count}):",
            *("        " + line for line in keys),
            *inner,
            f"        {into}[{key}] = {item}" if is_map else f"        {into}.append({item})",
            f"    {count}, {end}, pos = read_block(data, pos, {end})",
        ]
