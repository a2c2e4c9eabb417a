"""Folders that are made once: whole or not at all, whoever else makes them."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from token_explorer.engine import storage
from token_explorer.engine.storage import cache_folder, make_once, write_whole

HOLD_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from token_explorer.engine.storage import make_once
def make(part):
    (part / "half").write_text("made")
    print("begun", flush=True)
    sys.stdin.read()
make_once(Path(sys.argv[1]), make, lambda: None)
"""


def fail_to_wait() -> None:
    raise AssertionError("nobody else makes this folder")


def test_a_folder_is_filled_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(part: Path) -> None:
        made.append(part)
        (part / "file").write_text("whole")

    for _ in range(2):
        folder = make_once(tmp_path / "new" / "folder", make, fail_to_wait)
    assert (folder / "file").read_text() == "whole"
    assert len(made) == 1


def test_a_folder_that_could_not_be_filled_is_not_there(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        (part / "half").write_text("made")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        make_once(tmp_path / "folder", fail, fail_to_wait)
    assert not (tmp_path / "folder").exists()
    assert not (tmp_path / "folder.part").exists()


def test_what_a_killed_process_left_is_cleared_and_its_lock_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    killed = begun(folder)
    killed.kill()
    killed.communicate()
    assert (tmp_path / "folder.part" / "half").exists()
    make_once(folder, lambda part: (part / "file").touch(), fail_to_wait)
    assert [each.name for each in folder.iterdir()] == ["file"]
    assert not (tmp_path / "folder.part").exists()


def test_a_second_process_waits_for_the_first_and_takes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WAIT_S", 0.01)
    folder = tmp_path / "folder"
    first, waited = begun(folder), threading.Event()

    def make(part: Path) -> None:
        raise AssertionError("the first process makes it")

    second = threading.Thread(target=make_once, args=(folder, make, waited.set))
    second.start()
    assert waited.wait(timeout=30)
    first.communicate("go on")
    second.join(timeout=30)
    assert not second.is_alive()
    assert (folder / "half").exists()


def begun(folder: Path) -> "subprocess.Popen[str]":
    """Another process that is in the middle of making a folder."""
    command = [sys.executable, "-c", HOLD_UNTIL_KILLED, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_a_small_file_is_replaced_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("one", "two"):
        write_whole(tmp_path / "notes" / "file", text)
    assert [each.read_text() for each in (tmp_path / "notes").iterdir()] == ["two"]


def test_the_environment_names_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_EXPLORER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TOKEN_EXPLORER_CACHE")
    assert cache_folder().name == "token-explorer"
