from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.errors import CorruptState, Unavailable
from dojopool.local.stack import state
from dojopool.local.stack.layout import StackState, new_layout
from dojopool.local.stack.process import ProcessId

STATE = StackState(
    layout=new_layout(("eu", "us"), partitions=4, prefixes=("dojo", "staging")),
    processes={"kafka eu": ProcessId(pid=7, started=1234.5)},
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """A state survives the file, and a folder without one has none."""
    folder = tmp_path / "stack"
    assert state.load(folder) is None
    state.save(folder, STATE)

    assert state.load(folder) == STATE
    assert [path.name for path in folder.iterdir()] == ["stack.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"layout": {"regions": {"eu": {"kafka": 1}}}}'])
def test_a_file_we_did_not_write_is_refused(tmp_path: Path, text: str) -> None:
    """Which processes to end is never guessed from a damaged file."""
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(CorruptState, match=r"stack\.json does not say which processes"):
        state.load(tmp_path)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """While one holds the folder another is refused at once, and may have it afterwards."""
    folder = tmp_path / "stack"
    with state.locked(folder), pytest.raises(Unavailable, match="another `dojo stack` command"), state.locked(folder):
        pytest.fail("two held the lock at once")
    with state.locked(folder):
        assert not folder.exists()
