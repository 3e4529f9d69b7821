"""The builds of dojopool that are compared, and the environment of the peers: each a Python of its own.

What is not there is skipped, and said so loudly: a table with a row missing must not look whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROBE_S_MAX: Final = 60
IS_COMPILED: Final = "import dojopool.core.fold as fold; raise SystemExit(0 if fold.__file__.endswith('.so') else 3)"
READS_SETTINGS: Final = "from dojopool.settings import ReplicaSettings; ReplicaSettings.load()"
NOT_COMPILED: Final = 3


@dataclass(frozen=True, slots=True)
class Build:
    """A Python with something installed in it, and what its programs find in their environment."""

    name: str
    python: Path
    is_compiled: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ("dojopool",)
    """That must be there."""

    @property
    def client(self) -> str:
        """The module of the Kafka client that the replica must be seen to use."""
        return "confluent_kafka" if self.environment.get("DOJO_KAFKA_CLIENT") == "confluent" else "aiokafka"

    def missing(self) -> str | None:
        """Why it cannot be measured, None when it can."""
        if not self.python.is_file():
            return f"there is no {_shown(self.python)}: `make bench` builds it"
        for module in self.modules:
            if self._code(f"import {module}")[0]:
                return f"{_shown(self.python)} has no module {module}"
        if "dojopool" not in self.modules:
            return None
        code, error = self._code(IS_COMPILED)
        if code not in (0, NOT_COMPILED):
            return f"the dojopool of {_shown(self.python)} cannot be imported: {error}"
        if (code == 0) != self.is_compiled:
            return f"the dojopool of {_shown(self.python)} is {'not ' if self.is_compiled else ''}compiled"
        code, error = self._code(READS_SETTINGS)
        return f"its settings are refused: {error}" if code else None

    def _code(self, text: str) -> tuple[int, str]:
        """Exit code of a line of Python, and the last line of what it said against it."""
        minimal = {"DOJO_REGION": "eu", "DOJO_KAFKA": "127.0.0.1:1", "DOJO_REDIS": "redis://127.0.0.1:1"}
        done = subprocess.run(
            [self.python, "-c", text],
            env=clean_environment() | minimal | dict(self.environment),
            cwd=ROOT / "benchmarks",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PROBE_S_MAX,
            check=False,
        )
        return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def clean_environment() -> dict[str, str]:
    """The environment without what could change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DOJO_")}


_COMPILED_PYTHON: Final = ROOT / ".venv-compiled" / "bin" / "python"

INTERPRETED: Final = Build("interpreted", Path(sys.executable))
COMPILED: Final = Build("compiled", _COMPILED_PYTHON, is_compiled=True)
CONFLUENT: Final = Build(
    "compiled, confluent-kafka",
    _COMPILED_PYTHON,
    is_compiled=True,
    environment={"DOJO_KAFKA_CLIENT": "confluent"},
    modules=("dojopool", "confluent_kafka"),
)
BUILDS: Final = (INTERPRETED, COMPILED, CONFLUENT)

PEERS: Final = Build(
    "peers", ROOT / ".venv-bench" / "bin" / "python", modules=("quixstreams", "bytewax", "fastavro", "redis")
)


def usable(builds: tuple[Build, ...]) -> tuple[list[Build], list[str]]:
    """Those that can be measured, and a loud line for each that cannot."""
    found, notes = [], []
    for build in builds:
        reason = build.missing()
        if reason is None:
            found.append(build)
        else:
            notes.append(f"SKIPPED, {build.name}: {reason}")
    return found, notes


def by_names(builds: tuple[Build, ...], names: Container[str]) -> tuple[Build, ...]:
    """Those that were chosen."""
    return tuple(build for build in builds if build.name in names)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
