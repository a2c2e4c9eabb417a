"""Distributions that wait on the disk, as there may be more of them than memory holds.

Knows nothing of what they are compared with.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

import numpy as np

from token_explorer.core.scores import Floats
from token_explorer.errors import OutputError


class Rows:
    """Arrays (V,) of one length, in the order in which they came.

    Args:
        file: open for writing and reading, without a buffer: what it can't hold is known at once.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._width = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, row: Floats) -> None:
        """Keep a row. Raises OutputError where there is no room for it."""
        left = memoryview(row.astype(np.float32).tobytes())
        self._width = len(left)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise _no_room(error, self._file.tell()) from None
        self._count += 1

    def __getitem__(self, place: int) -> Floats:
        """The row that came at a place, from 0; -1 is the last. Raises IndexError."""
        place = range(self._count)[place]
        self._file.seek(place * self._width)
        kept = self._file.read(self._width)
        self._file.seek(0, 2)
        return np.frombuffer(kept, dtype=np.float32)


@contextmanager
def keeping() -> Iterator[Rows]:
    """Room for rows: a file without a name, that is gone with the program. Raises OutputError."""
    with _opened() as file:
        yield Rows(file)


def _opened() -> FileIO:
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError as error:
        raise _no_room(error, 0) from None


def _no_room(error: OSError, written: int) -> OutputError:
    message = f"{error.strerror or error}, after {written / 1e6:.0f} MB of a temporary file."
    return OutputError("Can't keep the first model's numbers", message, "Name a roomier folder with TMPDIR.")
