"""The folder of a trace: its files, each written whole or not at all. Knows nothing of running models."""

import os
from contextlib import suppress
from pathlib import Path

from token_explorer.errors import OutputError
from token_explorer.files import write_file
from token_explorer.results.document import dumps
from token_explorer.trace import names
from token_explorer.trace.record import FILE_NAME, Trace

# A little more than nothing: a disk that can't take so much can take no trace.
_PROBE_BYTES = 65_536


class Folder:
    """Where a trace goes.

    Args:
        path: need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: list[str] = []
        """Names of the files that were written, in that order."""
        self._made: list[Path] = []

    def prepare(self, force: bool) -> None:
        """Make the folder, and see that a trace can be written there; nothing is left of the attempt.

        Args:
            force: whether a trace that is there may be replaced.

        Raises OutputError.
        """
        try:
            missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            self._made = missing
        except FileExistsError:
            message, hint = f"{self.path} is a file.", "Name a folder, or one to be made."
            raise OutputError("Not written", message, hint) from None
        except OSError as error:
            message = f"{self.path}: {error.strerror or error}."
            raise OutputError("Not written", message, "Choose a folder that you may write to.") from None
        if not force and (self.path / FILE_NAME).exists():
            hint = "Choose another folder, or replace it with --force."
            raise OutputError("Not written", f"{self.path} holds a trace already.", hint)
        self._try()

    def leave(self) -> None:
        """Take away the folders that `prepare` made, where nothing came into them."""
        for path in self._made:
            with suppress(OSError):
                path.rmdir()

    def _try(self) -> None:
        probe = self.path / f".room-{os.getpid()}"
        try:
            write_file(str(probe), bytes(_PROBE_BYTES), replace=True)
        except OutputError as error:
            message = error.message.replace(str(probe), str(self.path))
            raise OutputError(error.title, message, error.hint) from None
        with suppress(OSError):
            probe.unlink()

    def keep(self, trace: Trace) -> None:
        """Write trace.json, in place of what stood there. Raises OutputError."""
        if FILE_NAME not in self.written:
            self._clear()
        self.write(FILE_NAME, f"{dumps(trace.document())}\n".encode())

    def finish(self, trace: Trace) -> None:
        """Write all files: the numbers, the text, the plots. Raises OutputError."""
        from token_explorer.trace.plots import plots

        self.keep(trace)
        self.write(names.TEXT, trace.vocabulary.utf8(trace.ids + trace.written))
        for name, content in plots(trace):
            self.write(name, content)

    def write(self, name: str, content: bytes) -> None:
        """Write a file. Raises OutputError."""
        write_file(str(self.path / name), content, replace=True)
        if name not in self.written:
            self.written.append(name)

    def _clear(self) -> None:
        """Take away the plots of a trace that is replaced: not each of them may come again."""
        for name in os.listdir(self.path):
            if names.is_plot(name):
                with suppress(OSError):
                    (self.path / name).unlink()
