"""Rules for Python files that a linter does not know: sizes, banned calls, private imports, docstrings.

Every rule is a function `(path, text) -> findings`, with `path` relative to the checkout and in POSIX form, so that
a test can hand it a bad sample. A finding says where, what and what to do instead. What ruff, mypy and import-linter
judge is left to them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

LINES_MAX = 400
FUNCTION_LINES_MAX = 70


@dataclass(frozen=True, slots=True)
class Ban:
    """One call nobody makes."""

    call: str
    """Regular expression for the whole dotted name, with import aliases resolved."""
    instead: str
    within: tuple[str, ...] = ("services/", "tests/", "benchmarks/")
    """Path prefixes the ban holds for."""
    unless: tuple[str, ...] = ()
    """Path prefixes that are free of it."""


BANS = (
    Ban(
        r"(time|random|secrets|uuid)\..+|os\.urandom|datetime\.(datetime|date)\.(now|utcnow|today)",
        "take the value as an argument: core knows no time, chance or identity",
        within=("services/dojopool/core/",),
    ),
    Ban(
        r"time\.time(_ns)?",
        "ask the Clock port, so that a test can say what time it is",
        within=("services/",),
        unless=("services/dojopool/adapters/", "services/dojopool/core/"),
    ),
    Ban(
        r"print",
        "log it or tell the Observer; only the command line prints",
        within=("services/",),
        unless=("services/dojopool/cli/",),
    ),
    Ban(r"(pickle|cPickle|marshal|shelve|dill)\..+", "write canonical bytes or JSON: these run code when read"),
    Ban(r"eval|exec", "use a table of functions"),
    Ban(r"yaml\.(load|load_all|unsafe_load|full_load)", "yaml.safe_load"),
    Ban(r"os\.(system|popen)|subprocess\.(getoutput|getstatusoutput)", "start a program from a list of arguments"),
    Ban(r"time\.sleep", "wait for the condition itself, with a deadline"),
    Ban(r"asyncio\.(create_task|ensure_future)", "a TaskGroup: no task is started and forgotten"),
    Ban(r"asyncio\.get_event_loop", "asyncio.get_running_loop"),
    Ban(
        r"random\.(?!Random$|SystemRandom$)[a-z]+",
        "random.Random(seed), and show the seed when a test fails",
        within=("tests/", "benchmarks/"),
    ),
    Ban(r"(unittest\.)?mock\..+", "the in-memory twin of the port, which passes the same contract suite"),
)


ALLOWED = re.compile(r"# allowed: \w+(\W+\w+){2}")
"""Lifts a ban from one line, with the reason in words."""


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a file, parsed once."""
    return ast.parse(text)


def file_sizes(path: str, text: str) -> Iterator[str]:
    """No file is longer than LINES_MAX."""
    if (lines := len(text.splitlines())) > LINES_MAX:
        yield f"{path}: {lines} lines, at most {LINES_MAX} fit: find the second idea in it and give it its own file"


def function_sizes(path: str, text: str) -> Iterator[str]:
    """No function is longer than FUNCTION_LINES_MAX."""
    for node in _functions(text):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{path}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX} fit: name steps"


def banned_calls(path: str, text: str) -> Iterator[str]:
    """No call of BANS is made without the reason on its line, and no shell is started at all."""
    bans = [ban for ban in BANS if path.startswith(ban.within) and not path.startswith(ban.unless or ("\0",))]
    lines = text.splitlines()
    for line, name, call in _calls(text):
        for ban in bans:
            if re.fullmatch(ban.call, name) and not ALLOWED.search(lines[line - 1]):
                yield f"{path}:{line}: {name}() is not used here; instead: {ban.instead}"
        if any(word.arg == "shell" and getattr(word.value, "value", True) is not False for word in call.keywords):
            yield f"{path}:{line}: shell=True lets data become commands; instead: a list of arguments"


def sleeps_for_luck(path: str, text: str) -> Iterator[str]:
    """A test that sleeps for a fixed time says why on that line."""
    if not path.startswith("tests/"):
        return
    lines = text.splitlines()
    for line, name, call in _calls(text):
        fixed = bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value != 0
        if name in ("asyncio.sleep", "anyio.sleep") and fixed and "#" not in lines[line - 1]:
            yield f"{path}:{line}: {ast.unparse(call)}; instead: wait for the condition, or say why in a comment"


def private_imports(path: str, text: str) -> Iterator[str]:
    """Nothing but a unit test imports a private name of the package."""
    if path.startswith("tests/unit/"):
        return
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dojopool"):
            for name in (*(node.module or "").split("."), *(alias.name for alias in node.names)):
                if re.match(r"_(?!_)", name):
                    yield f"{path}:{node.lineno}: imports the private {name}; instead: make it public or go without"


def broad_excepts(path: str, text: str) -> Iterator[str]:
    """Who catches everything says why on that line."""
    lines = text.splitlines()
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.ExceptHandler) and "#" not in lines[node.lineno - 1]:
            caught = ast.unparse(node.type) if node.type else "Exception"
            if re.search(r"\b(Base)?Exception\b", caught):
                yield f"{path}:{node.lineno}: catches everything; instead: name the error, or the reason in a comment"


def module_docstrings(path: str, text: str) -> Iterator[str]:
    """Every module of the package that holds code says what it is for."""
    tree = parsed(text)
    if path.startswith("services/") and tree.body and not ast.get_docstring(tree):
        yield f"{path}: has no module docstring: say what problem it solves and what it leaves out"


def docstrings_of_tests(path: str, text: str) -> Iterator[str]:
    """Every test says in one sentence what is true."""
    if not re.search(r"(^|/)test_[^/]*\.py$", path):
        return
    for node in _functions(text):
        if node.name.startswith("test_") and not (ast.get_docstring(node) or "").rstrip().endswith("."):
            yield f"{path}:{node.lineno}: {node.name} needs a docstring: one true sentence, with a full stop"


def skips_without_reason(path: str, text: str) -> Iterator[str]:
    """A test that may not run says why."""
    for line, name, call in _calls(text):
        if re.fullmatch(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)", name):
            words = {word.arg for word in call.keywords}
            if not ({"reason", "msg"} & words or (call.args and name in ("pytest.skip", "pytest.mark.skip"))):
                yield f"{path}:{line}: {name} without reason=: say what is missing"
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                if ast.unparse(mark) in ("pytest.mark.skip", "pytest.mark.xfail"):
                    yield f"{path}:{mark.lineno}: {ast.unparse(mark)} without reason=: say what is missing"


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _calls(text: str) -> Iterator[tuple[int, str, ast.Call]]:
    """Line, dotted name and node of every call, `import x as y` and `from x import y` undone."""
    tree = parsed(text)
    origin: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origin.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            origin.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _dotted(node.func)):
            first, dot, rest = name.partition(".")
            yield node.lineno, origin.get(first, first) + dot + rest, node


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


CHECKS = (
    file_sizes,
    function_sizes,
    banned_calls,
    sleeps_for_luck,
    private_imports,
    broad_excepts,
    module_docstrings,
    docstrings_of_tests,
    skips_without_reason,
)
