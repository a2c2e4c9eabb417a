"""Where models are kept, and how a folder there comes to be: whole or not at all.

Knows nothing of what the folders hold.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER_VARIABLE = "TOKEN_EXPLORER_CACHE"
DATA_VARIABLE = "TOKEN_EXPLORER_DATA"
# How often a process that waits for another one says so, and looks whether it has ended.
WAIT_S = 0.5


def cache_folder() -> Path:
    """The user's cache folder of this program; TOKEN_EXPLORER_CACHE names another one."""
    from platformdirs import user_cache_path

    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else user_cache_path("token-explorer", appauthor=False)


def data_folder() -> Path:
    """The user's folder of what this program made and can't fetch; TOKEN_EXPLORER_DATA names another one."""
    from platformdirs import user_data_path

    named = os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser() if named else user_data_path("token-explorer", appauthor=False)


def trained_folder() -> Path:
    """Where `tiny train` puts its model, and the name 'tiny' leads."""
    return data_folder() / "tiny"


def make_once(folder: Path, make: Callable[[Path], None], waiting: Callable[[], None]) -> Path:
    """A folder that is made by the first process that needs it, and seen by none before it is whole.

    Args:
        folder: the folder to have; its parents are made.
        make: fills an empty folder, which is then renamed to `folder`; what it raises is passed on.
        waiting: called again and again while another process makes the same folder.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_name(folder.name + ".lock"), waiting):
        if not folder.is_dir():
            _make(folder, make)
    return folder


def write_whole(file: Path, text: str) -> None:
    """Write a small file so that no reader ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    # The lock is held, so what lies there was left by a process that was killed.
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        make(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _lock(file: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock that the system takes back when its process ends, however it ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(file)
    while True:
        try:
            lock.acquire(timeout=WAIT_S)
            break
        except Timeout:
            waiting()
    try:
        yield
    finally:
        lock.release()
