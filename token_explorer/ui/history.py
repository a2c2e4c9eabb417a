"""The lines that were submitted before, and the way back and forth through them.

Pure; knows nothing of keys, of what the lines mean, and of files: it lasts as long as the program.
"""

MOST = 200


class History:
    """Lines, oldest first, and a place among them; below the last one is what was being typed.

    Args:
        most: how many are kept; the oldest go first.
    """

    def __init__(self, most: int = MOST) -> None:
        self.lines: list[str] = []
        self._most = most
        self._place = 0
        self._typed = ""

    def add(self, line: str) -> None:
        """Remember a line, unless it is blank or the last one again; walking starts below it."""
        if line.strip() and self.lines[-1:] != [line]:
            self.lines = [*self.lines, line][-self._most :]
        self.rest()

    def rest(self) -> None:
        """Go below the last line, with nothing typed."""
        self._place, self._typed = len(self.lines), ""

    def walk(self, steps: int, line: str) -> str:
        """The line so many steps up (negative) or down, or the one at that end.

        Args:
            line: what is on the screen now; if it isn't as the last step left it, it was typed, and is
                what comes back at the bottom.
        """
        if line != self._here:
            self._typed = line
        self._place = max(0, min(len(self.lines), self._place + steps))
        return self._here

    @property
    def _here(self) -> str:
        return self.lines[self._place] if self._place < len(self.lines) else self._typed
