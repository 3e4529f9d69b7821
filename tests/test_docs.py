"""What the documents name exists: links, make targets, commands, settings, and Python that runs as far as it can.

Each rule is a function `(path, text) -> findings`, shown a bad sample.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator

import pytest

from dojopool.settings import BUILD_NAMES, variable_names
from support.commands import fault
from support.tidy_tree import ROOT, text_files

Check = Callable[[str, str], Iterator[str]]


def links(path: str, text: str) -> Iterator[str]:
    """A relative link leads to a file or folder."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target and not (ROOT / path).parent.joinpath(target).exists():
            yield f"{path}: links to {target}, which does not exist"


def make_targets(path: str, text: str) -> Iterator[str]:
    """A make target that is named exists."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE):
        if target not in targets:
            yield f"{path}: names `make {target}`, targets are {', '.join(sorted(targets))}"


def dojo_commands(path: str, text: str) -> Iterator[str]:
    """A `dojo` command that is named exists, with the options it is given."""
    for line in re.findall(r"(?:`|^|export .+ |DOJO_\w+=\S+ )dojo ([a-z][^`\n#]*)", text, re.MULTILINE):
        if wrong := fault(line.split()):
            yield f"{path}: names `dojo {line.strip()}`: {wrong}"


def variables(path: str, text: str) -> Iterator[str]:
    """A setting that is named is one that some program reads."""
    for name in sorted(set(re.findall(r"\bDOJO_[A-Z_]*[A-Z]\b", text))):
        if name not in variable_names() and name not in BUILD_NAMES:
            yield f"{path}: names {name}, which no program reads"


def python_samples(path: str, text: str) -> Iterator[str]:
    """Python in a document compiles, and what it imports from the package is there."""
    for sample in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        try:
            tree = ast.parse(sample)
        except SyntaxError as error:
            yield f"{path}: its Python does not compile: {error}"
            continue
        yield from (f"{path}: {name} does not exist" for name in sorted(package_names(tree)) if not is_there(name))


def package_names(tree: ast.Module) -> Iterator[str]:
    """The dotted names of our package that a piece of Python uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dojopool"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "dojopool":
            yield f"dojopool.{node.attr}"


def is_there(name: str) -> bool:
    """Whether a dotted name is an attribute of a module that can be imported."""
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ImportError:
        return False


def rooms(path: str, text: str) -> Iterator[str]:
    """ARCHITECTURE.md has a row for each room of the package, and no other."""
    if path != "ARCHITECTURE.md":
        return
    table = text.partition("## Rooms")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    named = {name.rstrip("/") for cell in cells for name in re.findall(r"`(.+?)`", cell)}
    package = ROOT / "services" / "dojopool"
    found = {entry.name for entry in package.iterdir() if not entry.name.startswith(("_", "py.typed"))}
    yield from (f"{path}: has no row for {name}" for name in sorted(found - named))
    yield from (f"{path}: has a row for {name}, which does not exist" for name in sorted(named - found))


CHECKS: tuple[Check, ...] = (links, make_targets, dojo_commands, variables, python_samples, rooms)

BAD_SAMPLES: list[tuple[Check, str, str]] = [
    (links, "docs/glossary.md", "see [the map](ARCHITECTURE.md)"),
    (make_targets, "README.md", "run `make magic`"),
    (make_targets, "README.md", "```sh\nmake magic\n```"),
    (dojo_commands, "README.md", "run `dojo invent --fast`"),
    (dojo_commands, "README.md", "DOJO_REGION=eu dojo invent"),
    (dojo_commands, "README.md", "run `dojo stack invent`"),
    (dojo_commands, "README.md", "```sh\ndojo stack up --invented\n```"),
    (variables, "README.md", "set DOJO_REGOINS"),
    (python_samples, "README.md", "```python\nasync with:\n```"),
    (python_samples, "README.md", "```python\nfrom dojopool.errors import Nothing\n```"),
    (python_samples, "README.md", "```python\nimport dojopool\ndojopool.connects()\n```"),
]


def documents() -> list[tuple[str, str]]:
    """Every Markdown file but the changelog, which also speaks of what is gone."""
    return [(path, text) for path, text in text_files(ROOT) if path.endswith(".md") and path != "CHANGELOG.md"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_documents_name_exists(check: Check) -> None:
    """No document names what is not there."""
    found = [finding for path, text in documents() for finding in check(path, text)]

    assert found == [], "\n" + "\n".join(found)


@pytest.mark.parametrize(("check", "path", "text"), BAD_SAMPLES)
def test_a_breach_is_found(check: Check, path: str, text: str) -> None:
    """A rule reports a document that names what is not there, once."""
    assert len(list(check(path, text))) == 1


def test_the_map_of_rooms_is_compared_both_ways() -> None:
    """A room that ARCHITECTURE.md forgets is reported, and one that it invents."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    found = set(rooms("ARCHITECTURE.md", text.replace("| `cli/`", "| `kitchen/`"))) - set(
        rooms("ARCHITECTURE.md", text)
    )

    assert found == {
        "ARCHITECTURE.md: has no row for cli",
        "ARCHITECTURE.md: has a row for kitchen, which does not exist",
    }


def test_the_first_run_is_two_commands() -> None:
    """README asks a newcomer for exactly two commands."""
    first = re.search(r"## One minute\n.*?```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert first is not None
    assert first[1].splitlines() == ["make demo", "make test"]
