"""Text that is being typed: what stands for each character on the screen, and which cells are in view.

Pure; knows nothing of keys, colours and widgets.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.cells import cell_len

from token_explorer.core.tokens import display

# What `display` puts before a mark that has no letter to stand on.
_DOTTED_CIRCLE = "◌"


class _Pieces(dict[str, str]):
    """What stands for a character that isn't the first, filled as characters are met."""

    def __missing__(self, char: str) -> str:
        shown = display(char)
        self[char] = shown if char == _DOTTED_CIRCLE else shown.removeprefix(_DOTTED_CIRCLE)
        return self[char]


class _Cells(dict[str, int]):
    """How many cells a piece takes, filled in the same way."""

    def __missing__(self, piece: str) -> int:
        self[piece] = cell_len(piece)
        return self[piece]


_PIECES, _CELLS = _Pieces(), _Cells()


@dataclass(frozen=True, slots=True)
class Typed:
    """Text as it is drawn, each character by itself, so that a cursor can stand on any of them.

    Attributes:
        pieces: (characters,) what stands for each, safe for the screen.
        ends: (characters + 1,) the cell that each begins at, and the one after the last.
    """

    pieces: Sequence[str]
    ends: Sequence[int]

    @classmethod
    def of(cls, text: str) -> "Typed":
        """How a text is drawn."""
        if text.isascii() and text.isprintable():
            return cls(text, range(len(text) + 1))
        pieces = [*map(display, text[:1]), *map(_PIECES.__getitem__, text[1:])]
        return cls(pieces, [0, *accumulate(map(_CELLS.__getitem__, pieces))])

    @property
    def cells(self) -> int:
        """Cells that all of it takes."""
        return self.ends[-1]

    def at(self, cell: int) -> int:
        """The character that stands at a cell; the nearest end where none does."""
        return min(max(0, bisect_right(self.ends, cell) - 1), len(self.pieces))

    def whole(self, place: int) -> range:
        """The characters that share their cells with one: a letter and the marks on it."""
        wide = self.ends[place] < self.ends[place + 1]
        start = place if wide else bisect_left(self.ends, self.ends[place]) - 1
        return range(start, bisect_right(self.ends, self.ends[start + 1]) - 1)

    def within(self, start: int, stop: int) -> range:
        """The characters in a range of cells; the first may begin before it, the last ends in it."""
        return range(self.at(start), bisect_right(self.ends, stop) - 1)


def window(start: int, cursor: range, cells: int, room: int) -> int:
    """The first cell in view, moved from `start` no further than needed to have the cursor in view.

    Args:
        cursor: the cells that it covers.
        cells: of the whole text.
        room: cells in view.
    """
    start = max(min(start, cursor.start), cursor.stop - room)
    return max(0, min(start, cells - room))
