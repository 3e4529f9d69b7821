"""Expressions in CEL, the Common Expression Language, as the checks of rules.

An expression sees the match as `match` and says true or false, or the list of the keys in which the rule is broken.
Operators write it, so it is held to limits: before it runs (its length, how deep its brackets and its loops are nested,
the names it may use) and whenever it runs. Loops are all that can take long, and they only go over lists and maps of
the match; so the longest of those, to the power of the nesting, says beforehand how long a run can get. That limit
depends on the state alone, never on how busy a machine is: every checker refuses the same run.

The library is young; nothing outside this module knows it.
"""

from __future__ import annotations

import re
from typing import Any, Final

import cel

from dojopool.core.crdt.maps import RecordKind
from dojopool.core.crdt.view import View
from dojopool.core.invariants.rules import Breach, Place, Verdict
from dojopool.errors import ConfigError

SOURCE_CHARACTERS_MAX: Final = 2_000
BRACKETS_MAX: Final = 50
"""Nested: the parser calls itself for each."""

LOOPS_MAX: Final = 8
"""`all`, `exists`, `map` and so on in one expression, nested or not."""

LOOP_DEPTH_MAX: Final = 3
STEPS_MAX: Final = 200_000
"""Of one run: the entries of the longest list or map to the power of the nesting. About 60 ms at the most."""

KEYS_MAX: Final = 10_000

FUNCTIONS: Final = frozenset(
    ("size", "contains", "startsWith", "endsWith", "matches", "string", "int", "uint", "double", "min", "max")
)
"""The functions there are. Operators and loops are not functions."""

_TOKEN: Final = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))"""
    r"""|(?P<comment>//[^\n]*)"""
    r"""|\.\s*(?P<loop>all|exists|exists_one|map|filter)\s*\(\s*(?P<bound>\w+)\s*,"""
    r"""|(?<![\w.])match\s*\.\s*(?P<field>[A-Za-z_]\w*)"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])""",
    re.DOTALL,
)
"""What matters of an expression before it is parsed. Text in quotes comes first, so that nothing in it counts."""


class CelCheck:
    """A compiled expression, as a rule's check. `reads` are the fields of the match that it names."""

    def __init__(self, source: str, program: cel.Program, *, reads: tuple[Place, ...], depth: int) -> None:
        self.source, self.reads = source, reads
        self._program, self._depth = program, depth

    def __call__(self, match: View) -> Verdict:
        """The verdict. Raises what the expression raises, TypeError for an answer that is none, and ValueError when the
        match is too large for it.
        """
        context, longest = _shared.context_of(match)
        if self._depth and longest**self._depth > STEPS_MAX:
            raise ValueError(
                f"cut off: {self._depth} nested loops over {longest} entries, at most {STEPS_MAX} steps are run"
            )
        answer = self._program.execute(context)
        if isinstance(answer, bool):
            return answer
        if not isinstance(answer, list) or not all(type(key) in (str, int) for key in answer):
            raise TypeError("the expression must come to true, false or a list of keys (text or whole numbers)")
        return [Breach(str(key)) for key in answer[:KEYS_MAX]]


class _SharedContext:
    """The view that was judged last, in the form the library wants: all rules of a match use it, one after another."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._context, self._longest = cel.Context(), 0

    def context_of(self, view: View) -> tuple[cel.Context, int]:
        """The context of a view, and the entries of its longest list or map."""
        if view is not self._view:
            sizes = [0]
            plain = _plain(view, sizes)
            self._context = cel.Context()
            self._context.add_variable("match", plain)
            self._longest = max(sizes)
            self._view = view
        return self._context, self._longest


_shared: Final = _SharedContext()


def compile_expression(source: str, kind: RecordKind) -> CelCheck:
    """The check that `source` means for matches of `kind`.

    Raises ConfigError that says where (line and column, from 1) and what is wrong: no CEL, beyond a limit, or a name
    that does not exist.
    """
    if len(source) > SOURCE_CHARACTERS_MAX:
        raise ConfigError(f"the expression has {len(source)} characters, at most {SOURCE_CHARACTERS_MAX} are taken")
    depth, bound, fields = _surveyed(source)
    for field, at in fields.items():
        if field not in kind.names:
            known = ", ".join(kind.names)
            raise ConfigError(f"{_place(source, at)}: a match has no field {field}; the fields are {known}")
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise ConfigError(_syntax_error(str(error))) from None
    if unknown := sorted({name for name in program.functions() if name.isidentifier() and name[0] != "_"} - FUNCTIONS):
        raise ConfigError(f"{_found(source, unknown[0])}: there is no function {unknown[0]}: {', '.join(FUNCTIONS)}")
    if unknown := sorted(set(program.variables()) - bound - {"match"}):
        raise ConfigError(f"{_found(source, unknown[0])}: there is no {unknown[0]}: an expression sees only match")
    return CelCheck(source, program, reads=tuple((field,) for field in fields), depth=depth)


def _surveyed(source: str) -> tuple[int, set[str], dict[str, int]]:
    """How deep loops are nested, the names they bind, and the fields named, each with where. Raises ConfigError."""
    brackets: list[bool] = []
    bound: set[str] = set()
    fields: dict[str, int] = {}
    depth = loops = 0
    for found in _TOKEN.finditer(source):
        if found["field"]:
            fields.setdefault(found["field"], found.start("field"))
        elif found["close"]:
            del brackets[-1:]
        elif found["open"] or found["loop"]:
            brackets.append(bool(found["loop"]))
            if found["loop"]:
                loops += 1
                bound.add(found["bound"])
            depth = max(depth, sum(brackets))
            limits = ((len(brackets), BRACKETS_MAX, "nested brackets"), (depth, LOOP_DEPTH_MAX, "nested loops"))
            for count, most, what in (*limits, (loops, LOOPS_MAX, "loops")):
                if count > most:
                    raise ConfigError(f"{_place(source, found.start())}: {count} {what}, at most {most} are taken")
    return depth, bound, fields


def _syntax_error(said: str) -> str:
    """What the library says, as one line without the expression itself."""
    found = re.search(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)", said)
    return f"line {found[1]}, column {found[2]}: {found[3]}" if found else "it cannot be parsed"


def _found(source: str, name: str) -> str:
    found = re.search(rf"\b{re.escape(name)}\b", source)
    return _place(source, found.start() if found else 0)


def _place(source: str, at: int) -> str:
    before = source[:at]
    return f"line {before.count(chr(10)) + 1}, column {at - before.rfind(chr(10))}"


def _plain(value: Any, sizes: list[int]) -> Any:
    """A view as dictionaries and lists, and the size of each of them in `sizes`."""
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is View:
        return {name: _plain(getattr(value, name), sizes) for name in value}  # its fields are declared, not data
    sizes.append(len(value))
    if kind is tuple:
        return [_plain(inner, sizes) for inner in value]
    return {key: _plain(inner, sizes) for key, inner in value.items()}
