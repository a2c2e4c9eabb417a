"""A real program in a real pseudo-terminal, and what its screen shows. POSIX only, like pseudo-terminals."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

# How long to wait for what should come, before giving up with the screen in the message.
PATIENCE_S = 60.0


class Terminal:
    """A program running in a pseudo-terminal of its own.

    Args:
        command: the program and its arguments.
        environment: on top of this process's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        environment: Mapping[str, str] = {},
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        # What a terminal answers when it is asked for its cursor's place.
        self._screen.write_process_input = self.type
        self.output = b""
        # COLUMNS and LINES, where the tests' own terminal sets them, would override the true size.
        mine = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), {**mine, "TERM": "xterm-256color", **environment})
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal, as a window does."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen.resize(lines, columns)

    @property
    def text(self) -> str:
        """What the screen shows, line by line."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def type(self, keys: str) -> None:
        """Press keys, as the bytes that a terminal sends for them."""
        os.write(self._terminal, keys.encode())

    def read(self, timeout_s: float) -> bool:
        """Take in what the program wrote, waiting for it at most so long; False when nothing came."""
        written = self._written(timeout_s)
        self._stream.feed(written)
        return bool(written)

    def settle(self, quiet_s: float) -> float:
        """Take in what the program writes until it is quiet for so long; returns when it last wrote."""
        written, last_s = [], time.perf_counter()
        while part := self._written(quiet_s):
            last_s = time.perf_counter()
            written.append(part)
        # Fed at the end: working out the screen takes longer than the program took to write it.
        self._stream.feed(b"".join(written))
        return last_s

    def _written(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self._terminal], [], [], timeout_s)
        try:
            written = os.read(self._terminal, 1 << 16) if ready else b""
        except OSError:  # Linux's way to say that the program has closed its end
            written = b""
        self.output += written
        return written

    def wait_for(self, shown: str | Callable[[str], bool], patience_s: float = PATIENCE_S) -> str:
        """Wait until the screen shows a text, or makes a condition true; returns the screen."""
        holds = (lambda text: shown in text) if isinstance(shown, str) else shown
        deadline = time.monotonic() + patience_s
        while not holds(self.text):
            if time.monotonic() > deadline or (not self.read(0.5) and self._ended()):
                raise AssertionError(f"waited in vain for {shown!r}; the screen shows:\n{self.text}")
        return self.text

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Wait until the program ends; returns its exit code, or minus the signal that ended it."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self.read(0.1)
            if self._ended():
                while self.read(0.1):
                    pass
                return self._code
        raise AssertionError(f"the program didn't end; the screen shows:\n{self.text}")

    def close(self) -> None:
        """End the program, however it feels about it."""
        if not self._ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._terminal)

    _code: int | None = None

    def _ended(self) -> bool:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is not None
