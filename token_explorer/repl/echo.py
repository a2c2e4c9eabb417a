"""What is typed while something works: kept for the next line, and not echoed into the results."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unechoed() -> Iterator[None]:
    """Let stdin's terminal echo nothing for a time, not even the ^C that ends the work."""
    if os.name != "posix" or not sys.stdin.isatty():  # Windows echoes nothing that isn't read
        yield
        return
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    # Of the list that termios works with, the fourth are the local flags.
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
