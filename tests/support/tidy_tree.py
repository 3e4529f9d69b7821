"""Rules about the tree as a whole: which files there are, how large they usually are, and that tests mirror modules."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from statistics import median

from support.tidy_code import parsed

ROOT = Path(__file__).resolve().parents[2]

LINES_MEDIAN_MAX = 200
"""Modules people hold up as examples have a median file of 150 to 250 lines."""

PACKAGE = "services/dojopool/"

ELSEWHERE: dict[str, str] = {
    "ports.py": "tests/contracts",
    "raft_ports.py": "tests/contracts/raft_storage.py",
    "adapters/raft_directory.py": "tests/unit/adapters/test_raft_files.py",
    "adapters/confluent_log.py": "tests/contracts/test_event_log_confluent.py",
    "adapters/confluent_membership.py": "tests/contracts/test_event_log_confluent.py",
    "adapters/confluent_reader.py": "tests/contracts/test_event_log_confluent.py",
    "adapters/kafka_admin.py": "tests/contracts/test_event_log_kafka.py",
    "adapters/kafka_log.py": "tests/contracts/test_event_log_kafka.py",
    "adapters/kafka_membership.py": "tests/contracts/test_event_log_kafka.py",
    "adapters/kafka_headers.py": "tests/contracts/test_kafka_headers.py",
    "adapters/kafka_probe.py": "tests/stack/test_doctor.py",
    "adapters/kafka_reader.py": "tests/contracts/test_event_log_kafka.py",
    "adapters/kafka_writer.py": "tests/contracts/test_event_log_kafka.py",
    "adapters/redis_probe.py": "tests/stack/test_doctor.py",
    "adapters/redis_store.py": "tests/contracts/test_state_store_redis.py",
    "adapters/redis_views.py": "tests/contracts/test_state_store_redis.py",
    "simulation/application.py": "tests/simulation/test_bugs.py",
    "simulation/clients.py": "tests/simulation/test_seeds.py",
    "simulation/group.py": "tests/simulation/test_seeds.py",
    "simulation/nemesis.py": "tests/simulation/test_seeds.py",
    "simulation/process.py": "tests/simulation/test_bugs.py",
    "simulation/run.py": "tests/simulation/test_bugs.py",
    "local/doctor.py": "tests/stack/test_doctor.py",
    "checker/config.py": "tests/unit/checker/test_service.py",
    "check_facts.py": "tests/unit/checker/test_service.py",
    "checker/known.py": "tests/unit/checker/test_service.py",
    "checker/lane.py": "tests/unit/checker/test_service.py",
    "checker/publisher.py": "tests/unit/checker/test_service.py",
    "replica/intake.py": "tests/unit/replica/test_lane.py",
    "replica/process.py": "tests/stack/test_replica_real.py",
    "replica/program.py": "tests/unit/replica/test_service_ownership.py",
    "local/breakages.py": "tests/unit/local/test_demo.py",
    "local/violations.py": "tests/stack/test_checker_real.py",
    "local/stack/readiness.py": "tests/stack/test_readiness.py",
}
"""Modules without a unit test of their own -> where they are tested instead: protocols and adapters are proven by the
contract suites, wiring by running the program, the parts of the Raft protocol through the node that they make up."""


def text_files(root: Path) -> Iterator[tuple[str, str]]:
    """Path (POSIX, relative) and text of every file a clone would hold, and of what is about to be added.

    Folders that start with a dot are tools' own, but for `.ci`; so are caches and build output, and the file `.git`
    of a second working tree.
    """
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(
            name for name in names if name == ".ci" or not re.match(r"\.|__pycache__$|dist$|build$", name)
        )
        for name in sorted(set(files) - {".git"}):
            data = (here / name).read_bytes()
            if b"\0" not in data:
                yield (here / name).relative_to(root).as_posix(), data.decode()


def typical_size(sources: Mapping[str, str]) -> Iterator[str]:
    """The median module of the package is a page or three."""
    sizes = [len(text.splitlines()) for path, text in sources.items() if _is_module(path) and text.strip()]
    if sizes and (found := median(sizes)) > LINES_MEDIAN_MAX:
        yield f"{PACKAGE}: the median module has {found:.0f} lines, at most {LINES_MEDIAN_MAX} fit: split large ones"


def modules_without_test(sources: Mapping[str, str], elsewhere: Mapping[str, str]) -> Iterator[str]:
    """Every module with code has `tests/unit/<same path>/test_<name>.py`, or a place in `elsewhere` that exists."""
    for path, text in sources.items():
        if not _is_module(path) or not _has_code(text):
            continue
        module = path.removeprefix(PACKAGE)
        if module in elsewhere:
            if not any(test == elsewhere[module] or test.startswith(elsewhere[module] + "/") for test in sources):
                yield f"{path}: is said to be tested by {elsewhere[module]}, which does not exist"
        elif not any(_tests(test, path) for test in sources):
            yield f"{path}: has no test; write {_test_of(path)}, or say in ELSEWHERE what proves it"


def tests_without_module(sources: Mapping[str, str]) -> Iterator[str]:
    """Every test file under tests/unit mirrors a module; `test_<module>_<aspect>.py` may split a long one."""
    modules = [path for path in sources if _is_module(path)]
    for test in sources:
        is_unit_test = test.startswith("tests/unit/") and PurePosixPath(test).name.startswith("test_")
        if is_unit_test and not any(_tests(test, path) for path in modules):
            yield f"{test}: mirrors no module under {PACKAGE}: move or rename it"


def idle_exemptions(sources: Mapping[str, str], elsewhere: Mapping[str, str]) -> Iterator[str]:
    """Who is excused from the mirror exists and needs the excuse."""
    for module in elsewhere:
        path = PACKAGE + module
        if path not in sources or not _has_code(sources[path]) or any(_tests(test, path) for test in sources):
            yield f"ELSEWHERE: {module} needs no exemption: it is gone, holds no code or has a test of its own"


def _is_module(path: str) -> bool:
    return path.startswith(PACKAGE) and path.endswith(".py")


def _tests(test: str, path: str) -> bool:
    expected = _test_of(path)
    return test == expected or (
        test.startswith(expected.removesuffix(".py") + "_") and "/" not in test[len(expected) :]
    )


def _test_of(path: str) -> str:
    """Where the test of a module lives; `__init__` and `__main__` lose their underscores."""
    module = PurePosixPath(path.removeprefix(PACKAGE))
    return (PurePosixPath("tests/unit") / module.parent / f"test_{module.stem.strip('_')}.py").as_posix()


def _has_code(text: str) -> bool:
    """Whether anything in it can be wrong: a file of names and constants needs no test of its own."""
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(parsed(text)))
