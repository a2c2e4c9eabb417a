"""How tokens flow into lines of a given width. Pure; knows nothing of colours, terminals or widgets."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

from rich.cells import cell_len

from token_explorer.core.tokens import Shown

Piece: TypeAlias = tuple[int, str]
"""A token, or a part of one, on one line: its index in the prompt, and what is drawn; '' after a newline."""


class Flow:
    """Lines of pieces; a token goes to the next line if it doesn't fit, one wider than a line is cut.

    Changes cost what changed, not the whole prompt.
    """

    def __init__(self, width: int) -> None:
        self.width = max(1, width)
        self.first: list[int] = []
        """The line that each token begins on."""
        self._texts: list[str] = []  # of all pieces, in order
        self._tokens: list[int] = []  # that they are of
        self._starts = [0]  # index of each line's first piece
        self._used = 0  # cells of the last line

    def __len__(self) -> int:
        """How many lines there are; one for no tokens."""
        return len(self._starts)

    def line(self, number: int) -> list[Piece]:
        """The pieces of a line, from left to right."""
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self) else len(self._texts)
        return list(zip(self._tokens[start:end], self._texts[start:end], strict=True))

    def extend(self, shown: Sequence[Shown]) -> None:
        """Put tokens after those that are here."""
        for token, parts in enumerate(shown, len(self.first)):
            width = cell_len(parts[0])
            if self._used and self._used + width > self.width:
                self._break()
            self.first.append(len(self._starts) - 1)
            if len(parts) == 1 and width <= self.width:  # nearly all are so
                self._tokens.append(token)
                self._texts.append(parts[0])
                self._used += width
            else:
                self._put(token, parts)

    def truncate(self, count: int) -> None:
        """Keep the first `count` tokens."""
        if count >= len(self.first):
            return
        kept = bisect_left(self._tokens, count)
        del self._texts[kept:], self._tokens[kept:], self._starts[self.first[count] + 1 :]
        # Then the token had opened the line; one that a newline opens holds the end of the newline's token.
        if self._starts[-1] == kept and len(self._starts) > 1:
            self._starts.pop()
        del self.first[count:]
        self._used = sum(map(cell_len, self._texts[self._starts[-1] :]))

    def copy(self) -> "Flow":
        """The same tokens, to be changed without changing these."""
        other = Flow(self.width)
        other.first, other._texts, other._tokens = self.first[:], self._texts[:], self._tokens[:]
        other._starts, other._used = self._starts[:], self._used
        return other

    def begins(self, token: int) -> int:
        """The line that a token begins on; the last line for one that isn't here."""
        return self.first[token] if token < len(self.first) else len(self) - 1

    def last(self, token: int) -> int:
        """The last line that a token stands on."""
        return self.first[token + 1] if token + 1 < len(self.first) else len(self) - 1

    def at(self, line: int, column: int) -> int | None:
        """The token at a place; None where there is none."""
        if not 0 <= line < len(self):
            return None
        for token, text in self.line(line):
            column -= cell_len(text)
            if column < 0:
                return token
        return None

    def _put(self, token: int, parts: Shown) -> None:
        """Put a token on the last line and, with its newlines or where it is wider, on those after it."""
        rows = [row for part in parts for row in _cut(part, self.width)]
        for row in rows[:-1]:
            self._add(token, row)
            self._break()
        self._add(token, rows[-1])
        self._used += cell_len(rows[-1])

    def _add(self, token: int, text: str) -> None:
        self._tokens.append(token)
        self._texts.append(text)

    def _break(self) -> None:
        self._starts.append(len(self._texts))
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
