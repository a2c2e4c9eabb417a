"""Prompts to files: a new name each time, all of the text or none of it. Knows nothing of tokens."""

import os
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path

from token_explorer.errors import InputError
from token_explorer.files import place_new

FOLDER = "prompts"


def folder_beside(source: Path | None) -> Path:
    """Where prompts are saved: beside the configuration in use, or in the current folder."""
    return (Path.cwd() if source is None else source.absolute().parent) / FOLDER


def file_name(now: datetime | None = None) -> str:
    """The name of a file that a prompt is saved to now, or at a moment."""
    return f"{_stem(now)}.txt"


def save_prompt(text: str, folder: Path, now: datetime | None = None) -> Path:
    """Write a text to a new file and give its path.

    Args:
        folder: made if missing.
        now: for the name; the present moment if None.

    Raises:
        InputError: the folder can't be made or written to.
    """
    stem = _stem(now)
    part = folder / f".{stem}-{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(text.encode("utf-8"))
            return _place(part, folder, stem)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except OSError as error:
        raise InputError(
            "Not saved",
            f"{folder}: {error.strerror or error}.",
            "Start the program in a folder that you may write to.",
        ) from error


def _stem(now: datetime | None) -> str:
    return f"prompt-{now or datetime.now():%Y%m%d-%H%M%S}"


def _place(part: Path, folder: Path, stem: str) -> Path:
    """Give a finished file the first free name."""
    for number in count(1):
        path = folder / (f"{stem}.txt" if number == 1 else f"{stem}-{number}.txt")
        try:
            place_new(str(part), str(path))
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable: count has no end")
