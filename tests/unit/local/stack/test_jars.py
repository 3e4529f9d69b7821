from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack import jars

LOCKED = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a.jar", "b.jar")}


def folder_of(path: Path, contents: dict[str, str]) -> Path:
    """Write a folder of files."""
    path.mkdir(exist_ok=True)
    for name, text in contents.items():
        (path / name).write_text(text)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder and a lock of two jars, whose content is their own name."""
    lock = tmp_path / "jars.lock"
    lock.write_text("".join(f"{digest}  {name}\n" for name, digest in LOCKED.items()))
    monkeypatch.setattr(jars, "LOCK", lock)
    monkeypatch.setattr(jars, "cache_folder", lambda: tmp_path / "cache" / "jars-1")
    return tmp_path / "cache" / "jars-1"


def fake_maven(path: Path, monkeypatch: pytest.MonkeyPatch, *, body: str) -> None:
    """Make `mvn` on PATH a shell script; `$target` in it is the folder the jars belong into."""
    path.mkdir()
    program = path / "mvn"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ntarget="${{last#-DoutputDirectory=}}"\n{body}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")


def test_the_lock_names_the_jars_of_the_pom() -> None:
    """Every artifact that the POM asks for is in the lock, in that version, each with a whole SHA-256."""
    locked = jars.parse_lock(jars.LOCK.read_text())
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    wanted = [
        f"{artifact.findtext('m:artifactId', '', space)}-{artifact.findtext('m:version', '', space)}.jar"
        for artifact in ElementTree.parse(jars.POM).iterfind(".//m:dependency", space)  # noqa: S314  # our own file
    ]

    assert len(wanted) == 3
    assert set(wanted) <= locked.keys()
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in locked.values())


def test_the_locked_jars_are_accepted(tmp_path: Path) -> None:
    """A folder with exactly the locked bytes passes."""
    jars.check_jars(folder_of(tmp_path, {"a.jar": "a.jar", "b.jar": "b.jar"}), LOCKED)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ({"a.jar": "a.jar"}, "missing ['b.jar']"),
        ({"a.jar": "a.jar", "b.jar": "b.jar", "c.jar": ""}, "not in the lock ['c.jar']"),
        ({"a.jar": "a.jar", "b.jar": "changed"}, "other content ['b.jar']"),
    ],
)
def test_other_jars_are_refused_by_name(tmp_path: Path, contents: dict[str, str], reason: str) -> None:
    """A missing, an added and a changed jar are each named."""
    with pytest.raises(Unavailable, match=re.escape(reason)):
        jars.check_jars(folder_of(tmp_path, contents), LOCKED)


async def test_jars_are_fetched_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first use runs Maven, the second finds the folder, and no half-filled folder is left beside it."""
    body = f'echo run >> "{tmp_path}/runs"; printf a.jar > "$target/a.jar"; printf b.jar > "$target/b.jar"'
    fake_maven(tmp_path / "bin", monkeypatch, body=body)

    first, second = await jars.class_path(), await jars.class_path()

    assert first == second == f"{cache}/a.jar:{cache}/b.jar"
    assert (tmp_path / "runs").read_text() == "run\n"
    assert list(cache.parent.iterdir()) == [cache]


async def test_a_jar_changed_in_the_cache_is_noticed(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached jars are checked at every use, not only when they are fetched."""
    cache.parent.mkdir()
    folder_of(cache, {"a.jar": "a.jar", "b.jar": "changed since"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"other content \['b.jar'\]; delete that folder"):
        await jars.class_path()


async def test_the_first_of_two_fetches_wins(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that another process published meanwhile is used, and ours is thrown away."""
    fill = 'printf a.jar > "$d/a.jar"; printf b.jar > "$d/b.jar"'
    body = f'd="$target"; {fill}; mkdir "{cache}"; d="{cache}"; {fill}'
    fake_maven(tmp_path / "bin", monkeypatch, body=body)

    await jars.class_path()

    assert list(cache.parent.iterdir()) == [cache]


async def test_wrong_bytes_from_maven_are_never_published(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetched jar that is not the locked one is refused, and the cache stays empty."""
    body = 'printf a.jar > "$target/a.jar"; printf evil > "$target/b.jar"'
    fake_maven(tmp_path / "bin", monkeypatch, body=body)
    with pytest.raises(Unavailable, match=r"other content \['b.jar'\]"):
        await jars.class_path()

    assert list(cache.parent.iterdir()) == []


async def test_a_failing_maven_is_quoted(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Maven says is in the error, and the cache stays empty."""
    fake_maven(tmp_path / "bin", monkeypatch, body="echo no route to repository; exit 7")
    with pytest.raises(Unavailable, match=r"exit code 7(.|\n)*no route to repository"):
        await jars.class_path()

    assert list(cache.parent.iterdir()) == []


@pytest.mark.usefixtures("cache")
async def test_no_maven_names_the_path_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Maven and without cached jars the error says what is needed, and that it is needed once."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=rf"no mvn on PATH \({tmp_path}\).*install Maven.*once"):
        await jars.class_path()
