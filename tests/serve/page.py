"""The explorer in a browser's page: what its terminal shows, and where that is in the window."""

import re
from collections.abc import Callable

import pyte

from tests.browser import Browser, BrowserFailed


class Page:
    """A browser at a page of the server.

    Args:
        browser: opened there, or reloaded, after this was made.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self._shown, self._fed = (0, ""), 0

    @property
    def text(self) -> str:
        """What the terminal shows, line by line."""
        self._catch_up()
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait_for(self, shown: str | Callable[[str], bool]) -> str:
        """Wait until the terminal shows a text, or makes a condition true; what it shows."""
        holds = (lambda text: shown in text) if isinstance(shown, str) else shown
        try:
            self.browser.wait_until(lambda: holds(self.text))
        except BrowserFailed as failed:
            raise AssertionError(
                f"{failed}, waiting for {shown!r}; the terminal shows:\n{self.text}"
            ) from failed
        return self.text

    @property
    def columns(self) -> int:
        """How many the terminal has."""
        self._catch_up()
        return self._screen.columns

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the terminal, CSS pixels."""
        width, height = self.browser.evaluate(
            "(({width, height}) => [width, height])"
            "(document.querySelector('.xterm-screen').getBoundingClientRect())"
        )
        return width, height

    def click(self, text: str, below: str = "") -> None:
        """Click in the middle of a text that the terminal shows, the first one from another text on."""
        self.browser.click(*self.place(text, len(text) / 2, below))

    def place(self, text: str, column: float, below: str = "") -> tuple[float, float]:
        """Where a column of a text is in the window, CSS pixels."""
        lines = self.text.splitlines()
        first = next(row for row, line in enumerate(lines) if below in line)
        row = next(row for row in range(first, len(lines)) if text in lines[row])
        width, height = self.size
        at = lines[row].index(text) + column
        return (at + 0.01) * width / self._screen.columns, (row + 0.5) * height / self._screen.lines

    def _catch_up(self) -> None:
        """Take in what has come."""
        socket = self.browser.sockets[-1] if self.browser.sockets else ""
        if self._shown != (self.browser.loads, socket):
            self._shown, self._fed = (self.browser.loads, socket), 0
            found = re.search(r"width=(\d+)&height=(\d+)", socket)
            self._screen = pyte.Screen(*map(int, found.groups() if found else (80, 24)))
            self._stream = pyte.ByteStream(self._screen)
        for data in self.browser.received[self._fed :]:
            self._stream.feed(data)
        self._fed = len(self.browser.received)
