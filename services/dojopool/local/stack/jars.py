"""The class path of Kafka and MirrorMaker: fetched once by Maven, then checked against a lock at every use.

Problem: the broker decides what our tests prove, so its bytes are pinned. `jars.lock` lists every jar with its SHA-256
in the format of `sha256sum`; a jar more, a jar less or another content is refused.

After changing pom.xml: `mvn -B -f pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=DIR`,
then `sha256sum *.jar` in DIR is the new lock. The cache folder is named after the lock, so that old
and new live side by side.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from dojopool.errors import Unavailable
from dojopool.local.stack.process import run_tool

POM = Path(__file__).with_name("pom.xml")
LOCK = Path(__file__).with_name("jars.lock")

FETCH_SECONDS = 600.0
"""55 MB and Maven's own plugins: seconds on a good line, minutes on a bad one."""


async def class_path() -> str:
    """Return the class path as one string, after fetching what is missing and checking every jar.

    Safe for several processes at once: each fetches into a folder of its own, and the first to rename it wins.
    Raises Unavailable when Maven is missing or fails, or when a jar is not the one the lock names.
    """
    locked = parse_lock(LOCK.read_text())
    folder = cache_folder()
    if not folder.is_dir():
        await _fetch(folder, locked)
    await asyncio.to_thread(check_jars, folder, locked)
    return os.pathsep.join(str(folder / name) for name in sorted(locked))


def cache_folder() -> Path:
    """Return where the jars of this lock live, in the user's cache folder (Linux: `XDG_CACHE_HOME` or ~/.cache)."""
    return platformdirs.user_cache_path("dojopool") / f"jars-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"


def parse_lock(text: str) -> dict[str, str]:
    """Return jar name -> SHA-256 hex from lines as `sha256sum` prints them."""
    pairs = (line.split() for line in text.splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def check_jars(folder: Path, locked: Mapping[str, str]) -> None:
    """Return when the folder holds exactly the locked jars; raise Unavailable naming those that differ."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    missing = sorted(locked.keys() - found.keys())
    unknown = sorted(found.keys() - locked.keys())
    changed = sorted(name for name in locked.keys() & found.keys() if locked[name] != found[name])
    if missing or unknown or changed:
        raise Unavailable(
            f"the jars in {folder} are not those of {LOCK.name}:"
            f" missing {missing}, not in the lock {unknown}, other content {changed};"
            " delete that folder and try again"
        )


async def _fetch(folder: Path, locked: Mapping[str, str]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(
            f"Kafka's jars are not in {folder} yet, and there is no mvn on PATH ({os.environ.get('PATH', '')})"
            " to fetch them: install Maven (Debian and Ubuntu: maven, macOS: brew install maven). It is needed once"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        await _run_maven(maven, fresh)
        check_jars(fresh, locked)
        _publish(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


async def _run_maven(maven: str, target: Path) -> None:
    command = [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    code, output = await run_tool(command, timeout_seconds=FETCH_SECONDS)
    if code != 0:
        last = "\n".join(output.strip().splitlines()[-10:])
        raise Unavailable(f"Maven could not fetch Kafka's jars (exit code {code}; it needs the network once):\n{last}")


def _publish(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        # Another process was first. Its jars were checked as ours were, and are checked again before use.
