"""Builds a compiled wheel where it is asked for: `DOJO_COMPILE=1 pip install .`. Needs a C compiler then.

The modules named in pyproject.toml are compiled by mypyc as they are and put beside their sources, which stay in the
wheel. Without DOJO_COMPILE, and for an editable install, nothing happens and nothing more is needed.

Written here because the known plugin for this compiles into the source tree, where every editable install would then
import what it left behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = "services"


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]  # the hook of any builder
    """Compiles in a folder of its own, which lasts until the wheel is written."""

    PLUGIN_NAME = "custom"
    folder: TemporaryDirectory[str] | None = None

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return ["mypy>=2.4", "setuptools>=80"] if os.environ.get("DOJO_COMPILE") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled modules to the wheel. Raises CalledProcessError after the compiler's own words."""
        if not os.environ.get("DOJO_COMPILE") or version == "editable":
            return
        self.folder = TemporaryDirectory(prefix="dojo-compile-")
        root = Path(self.folder.name) / SOURCES
        shutil.copytree(Path(self.root) / SOURCES, root, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        # Without the project's settings, and its dependencies unknown: types are checked elsewhere, here is translated.
        flags = ["--config-file", os.devnull, "--ignore-missing-imports", "--follow-imports=silent"]
        command = [sys.executable, "-m", "mypyc", *flags, *self.config["modules"]]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()
        built = [path for path in root.rglob("*.so") if "build" not in path.relative_to(root).parts]
        build_data["force_include"] |= {str(path): str(path.relative_to(root)) for path in built}
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        if self.folder is not None:
            self.folder.cleanup()
