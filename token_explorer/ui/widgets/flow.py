"""How tokens flow into lines of a given width. Pure; knows nothing of colours, terminals or widgets."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from token_explorer.core.tokens import Shown


@dataclass(frozen=True, slots=True)
class Piece:
    """A token, or a part of one, on one line.

    Attributes:
        token: its index in the prompt.
        text: what is drawn.
        width: cells that it takes; 0 for the nothing that follows a newline.
    """

    token: int
    text: str
    width: int


class Flow:
    """Lines of pieces; a token goes to the next line if it doesn't fit, one wider than a line is cut.

    Changes cost what changed, not the whole prompt.
    """

    def __init__(self, width: int) -> None:
        self.width = max(1, width)
        self._used = 0
        self.lines: list[list[Piece]] = [[]]
        self.first: list[int] = []

    def extend(self, shown: Sequence[Shown]) -> None:
        """Put tokens after those that are here."""
        for parts in shown:
            token = len(self.first)
            for part in parts[:-1]:
                self._place(token, part)
                self._break()
            self._place(token, parts[-1])

    def truncate(self, count: int) -> None:
        """Keep the first `count` tokens."""
        if count >= len(self.first):
            return
        del self.lines[self.first[count] + 1 :]
        self.lines[-1] = [piece for piece in self.lines[-1] if piece.token < count]
        # Then the token had opened the line; one that a newline opens holds the end of the newline's token.
        if not self.lines[-1] and len(self.lines) > 1:
            self.lines.pop()
        del self.first[count:]
        self._used = sum(piece.width for piece in self.lines[-1])

    def last(self, token: int) -> int:
        """The last line that a token stands on."""
        return self.first[token + 1] if token + 1 < len(self.first) else len(self.lines) - 1

    def at(self, line: int, column: int) -> int | None:
        """The token at a place; None where there is none."""
        if not 0 <= line < len(self.lines):
            return None
        for piece in self.lines[line]:
            column -= piece.width
            if column < 0:
                return piece.token
        return None

    def _place(self, token: int, text: str) -> None:
        width = cell_len(text)
        if self._used and self._used + width > self.width:
            self._break()
        if width <= self.width:
            self._put(token, text, width)
            return
        rows = _cut(text, self.width)
        for row in rows[:-1]:
            self._put(token, row, cell_len(row))
            self._break()
        self._put(token, rows[-1], cell_len(rows[-1]))

    def _put(self, token: int, text: str, width: int) -> None:
        if token == len(self.first):
            self.first.append(len(self.lines) - 1)
        self.lines[-1].append(Piece(token, text, width))
        self._used += width

    def _break(self) -> None:
        self.lines.append([])
        self._used = 0


def _cut(text: str, width: int) -> list[str]:
    """Text in rows of at most `width` cells; a character wider than that has a row of its own."""
    rows = [""]
    used = 0
    for char in text:
        cells = cell_len(char)
        if used and used + cells > width:
            rows.append("")
            used = 0
        rows[-1] += char
        used += cells
    return rows
