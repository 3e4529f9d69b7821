"""A compiled build is compiled: tests that mean to run on one must not pass on plain Python."""

from __future__ import annotations

import tomllib
from importlib import import_module

import pytest

from support.tidy_tree import ROOT

MODULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"][
    "custom"
]["modules"]


@pytest.mark.parametrize("path", MODULES)
def test_all_modules_named_for_compiling_are_compiled_together(path: str) -> None:
    """Each named file exists; and they are all machine code or all Python, as the whole environment is."""
    assert (ROOT / "services" / path).is_file()

    suffixes = {str(import_module(name_of(module)).__file__).rpartition(".")[2] for module in MODULES}
    assert suffixes in ({"so"}, {"py"})


def test_this_environment_is_what_its_name_says(pytestconfig: pytest.Config) -> None:
    """`.venv-compiled` holds a compiled build, every other environment holds none."""
    is_compiled = str(import_module("dojopool.core.inbox").__file__).endswith(".so")

    assert is_compiled == (".venv-compiled" in str(import_module("dojopool").__file__))


def name_of(path: str) -> str:
    """The module in a file."""
    return path.removesuffix(".py").replace("/", ".")
