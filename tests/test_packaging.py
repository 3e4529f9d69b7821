"""What is built from the checkout is complete, and what it asks for is pinned and used."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import IO, Any, cast

import pytest
from packaging.requirements import Requirement

from support.tidy_tree import ROOT, text_files

IMPORT_NAMES = {
    "common-expression-language": "cel",
    "prometheus-client": "prometheus_client",
    "pydantic-settings": "pydantic_settings",
}
"""Distributions whose import name is not their own name."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def build(target: str, source: Path, out: Path) -> Path:
    """Build with the pinned backend in this environment; nothing is fetched."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    [built] = out.iterdir()
    return built


def names(wheel: Path) -> set[str]:
    """The files of a wheel, its metadata left out."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, str]:
    """Name -> version of a lock file."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_wheel_holds_the_package_and_its_schemas(wheel: Path) -> None:
    """Every file of the package and of schemas/ is in the wheel, and nothing else is."""
    moved = {"services/": "", "schemas/": "dojopool/schemas/"}
    expected = {
        path.replace(source, target, 1)
        for path, _ in text_files(ROOT)
        for source, target in moved.items()
        if path.startswith(source)
    }

    assert expected == names(wheel)


@pytest.mark.parametrize(
    "pattern",
    [
        r"schemas/event\.avsc",
        r"schemas/released/.+\.avsc",
        r"schemas/vectors\.json",
        r"py\.typed",
        r".+\.csv",
        r".+\.lua",
    ],
)
def test_the_wheel_holds_what_is_not_python(wheel: Path, pattern: str) -> None:
    """Schemas, golden vectors, the type marker, sample data and Redis functions travel with the code."""
    assert [name for name in names(wheel) if re.fullmatch(f"dojopool/{pattern}", name)] != []


def test_the_wheel_works_where_it_is_unpacked(wheel: Path, tmp_path: Path) -> None:
    """An installed package finds its own schemas, not those of a checkout."""
    shutil.unpack_archive(wheel, tmp_path, "zip")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from dojopool.codec import schema_files\n"
        "print(schema_files.find('event.avsc').parent)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == str(tmp_path / "dojopool" / "schemas")


def test_the_checkout_finds_its_own_schemas() -> None:
    """An editable install reads the schemas beside its sources."""
    script = "from dojopool.codec import schema_files; print(schema_files.find('event.avsc').parent)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert Path(done.stdout.strip()) == ROOT / "schemas"


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """A wheel built from the sdist holds the same files as one built from the checkout."""
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        for member in filter(tarfile.TarInfo.isfile, archive):
            path = tmp_path / "source" / member.name.partition("/")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cast("IO[bytes]", archive.extractfile(member)).read())
    rebuilt = build("wheel", tmp_path / "source", tmp_path / "again")

    assert names(rebuilt) == names(wheel)


def test_the_command_exists() -> None:
    """The script `dojo` names something that can be called."""
    module, _, function = project()["project"]["scripts"]["dojo"].partition(":")
    script = f"from {module} import {function}; assert callable({function})"

    subprocess.run([sys.executable, "-c", script], timeout=60, check=True)


def test_the_locks_hold_every_requirement() -> None:
    """Each requirement is pinned to a version that it allows, with hashes, in the locks that serve it."""
    given = project()
    groups = given["dependency-groups"]
    extras = given["project"]["optional-dependencies"]
    runtime = [*given["project"]["dependencies"], *extras["telemetry"], *groups["build"]]
    development = [*extras["redis-server"], *filter(is_text, groups["dev"])]

    for lock, wanted in (("requirements.lock", runtime + development), ("deploy/requirements.lock", runtime)):
        pinned = pins(lock)
        for requirement in map(Requirement, wanted):
            assert requirement.name in pinned, f"{requirement} is not in {lock}: run make lock"
            assert pinned[requirement.name] in requirement.specifier, f"{requirement} in {lock}: run make lock"
        assert len(re.findall(r"^\S+==.+\\\n +--hash=sha256:", (ROOT / lock).read_text(), re.MULTILINE)) == len(pinned)


def test_the_image_runs_the_tested_versions() -> None:
    """Every pin of the image's lock is a pin of the lock the tests ran with."""
    assert pins("deploy/requirements.lock").items() <= pins("requirements.lock").items()


def test_every_dependency_is_used() -> None:
    """What a user must install is imported somewhere in the package."""
    imported: set[str] = set()
    for path in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    wanted = [Requirement(text).name for text in project()["project"]["dependencies"]]

    assert [name for name in wanted if IMPORT_NAMES.get(name, name) not in imported] == []


def is_text(entry: object) -> bool:
    """Whether an entry of a dependency group is a requirement, and not the name of another group."""
    return isinstance(entry, str)
