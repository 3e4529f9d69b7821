"""The Java that runs the brokers: found, checked, and started with settings for a small machine.

Left out: installing it. A JVM is the one thing the stack wants from the machine, so a clear sentence is the feature.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from dojopool.errors import Unavailable
from dojopool.local.stack.jars import class_path
from dojopool.local.stack.process import run_tool

OLDEST_VERSION = 17
"""What Kafka 4.1's server side asks for."""

VERSION_SECONDS = 30.0
LOG_SETTINGS = Path(__file__).with_name("log4j2.xml")

JVM_FLAGS = (
    "-XX:+UseSerialGC",  # the default collector starts threads and reserves memory a local broker never uses
    "-XX:TieredStopAtLevel=1",  # quick to start and half the memory; a benchmark may want the full compiler
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A JVM that is new enough, and the checked class path of Kafka and MirrorMaker."""

    executable: str
    class_path: str

    def command(self, main_class: str, *arguments: str, heap_mib_max: int) -> list[str]:
        """Return the command that runs a main class with at most this much heap."""
        memory = ("-Xms64m", f"-Xmx{heap_mib_max}m")
        # Kafka 4 reads this property only; with the one of older versions it starts and logs nothing.
        logging = f"-Dlog4j2.configurationFile={LOG_SETTINGS}"
        return [self.executable, *memory, *JVM_FLAGS, logging, "-cp", self.class_path, main_class, *arguments]


async def find_java() -> Java:
    """Return a checked Java and class path; the first call on a machine fetches the jars with Maven (about 55 MB).

    Raises Unavailable, naming what was tried, what was found and what to install.
    """
    executable = await _find_executable()
    return Java(executable=executable, class_path=await class_path())


async def _find_executable() -> str:
    home = os.environ.get("JAVA_HOME")
    candidate = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    tried = f"JAVA_HOME={home}" if home else f"java on PATH ({os.environ.get('PATH', '')})"
    if candidate is None:
        raise Unavailable(f"looked for {tried} and found none; {_advice()}")
    code, output = await run_tool([candidate, "-version"], timeout_seconds=VERSION_SECONDS)
    version = major_version(output)
    if code != 0 or version is None:
        raise Unavailable(f"looked for {tried}; {candidate} -version said {output.strip()!r}; {_advice()}")
    if version < OLDEST_VERSION:
        raise Unavailable(f"looked for {tried} and found Java {version}, which is too old; {_advice()}")
    return candidate


def major_version(text: str) -> int | None:
    """Return the major version in the output of `java -version`, None when there is none.

    Up to Java 8 the major version was the second number: `1.8.0` is 8.
    """
    match = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if match is None:
        return None
    first, second = int(match[1]), int(match[2] or 0)
    return second if first == 1 else first


def _advice() -> str:
    return (
        f"the local Kafka needs Java {OLDEST_VERSION} or newer: install a JRE (Debian and Ubuntu:"
        " openjdk-17-jre-headless, macOS: brew install openjdk@17) and set JAVA_HOME or PATH."
        " `dojo demo` and `dojo dev` need no Java"
    )
