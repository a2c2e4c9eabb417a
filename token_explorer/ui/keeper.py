"""The file that a session is kept in: read at the start, and written by a thread whenever something changed.

Knows nothing of screens, nor of what a session holds.
"""

import os
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

from token_explorer.core.session import Session, loaded
from token_explorer.errors import ExplorerError, InputError
from token_explorer.files import write_file

# A change is written at once, and those that follow so soon are written together.
QUIET_S = 0.5


class Keeper:
    """Keeps a session in a file.

    Args:
        path: of the file; need not exist.
        quiet_s: how long it collects changes after it wrote one.
    """

    def __init__(self, path: Path, quiet_s: float = QUIET_S) -> None:
        self.path = path
        self._quiet_s = quiet_s
        self._changed = threading.Condition()
        self._make: Callable[[], Session] | None = None
        self._closed = False
        self._writing = threading.Lock()
        self._written = ""
        self._thread: threading.Thread | None = None
        self._refuse: Callable[[ExplorerError], None] = lambda error: None

    def read(self) -> Session | None:
        """The session that is kept, None for no file. A file that is none is put aside: raises InputError."""
        try:
            return loaded(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._put_aside(InputError("Not a workspace", f"{self.path}: {error}.")) from None
        except InputError as error:
            raise self._put_aside(InputError(error.title, f"{self.path}: {error.message}")) from None

    def put_aside(self) -> Path | None:
        """Give the file another name, so that what comes next doesn't take its place; None for no file."""
        for number in count(1):
            aside = self.path.with_name(f"{self.path.name}.kept-{number}")
            if not os.path.lexists(aside):
                break
        try:
            os.rename(self.path, aside)
        except OSError:
            return None
        return aside

    def _put_aside(self, error: InputError) -> InputError:
        aside = self.put_aside()
        hint = "It can't be put aside, so nothing is kept." if aside is None else f"It is now {aside}."
        self._closed = aside is None
        return InputError(error.title, error.message, hint)

    def when_refused(self, tell: Callable[[ExplorerError], None]) -> None:
        """Have `tell` called, in the keeper's thread, where the file can't be written."""
        self._refuse = tell

    def keep(self, make: Callable[[], Session]) -> None:
        """Write a session soon, in place of the one before.

        Args:
            make: makes it, in the keeper's thread, of values that don't change.
        """
        with self._changed:
            if self._closed:
                return
            self._make = make
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Write what isn't written yet, and nothing after that."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._write()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._make is not None or self._closed)
                if self._closed:
                    return  # `close` writes the rest
            self._write()
            with self._changed:
                self._changed.wait_for(lambda: self._closed, self._quiet_s)

    def _write(self) -> None:
        with self._writing:
            with self._changed:
                make, self._make = self._make, None
            if make is None:
                return
            try:
                text = make().dumped()
                if text != self._written:
                    self._written = text
                    write_file(str(self.path), text.encode(), replace=True)
            except ExplorerError as error:
                self._written = ""
                self._refuse(error)
