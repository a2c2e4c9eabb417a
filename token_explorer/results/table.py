"""Columns that stand straight on a terminal, and small drawings of numbers: bars and sparks.

Measures in cells. Knows nothing of what the columns hold; hostile text has passed `display` before.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import wcwidth
from rich.style import Style
from rich.text import Text

Cell = str | Text

HEADING = Style(dim=True)
STRONG = Style(bold=True)
QUIET = Style(dim=True)
DRAWN = Style(color="cyan")
# What stands where there is no value.
NONE = "—"

BAR_CELLS = 20
_GAP = "  "
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: above it; '' for none.
        align: where its cells stand.
        most: how many cells wide it may be, longer text is cut; 0 for no bound.
    """

    title: str
    align: Literal["left", "right"] = "left"
    most: int = 0


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> list[Text]:
    """A line of titles, then one for each row; each column is as wide as its widest cell.

    Raises ValueError for a row with another number of cells, and for text that a terminal would obey.
    """
    titles = [Text(column.title, HEADING) for column in columns]
    lines = [_fitted_row(columns, row) for row in (titles, *rows)]
    widths = [max(cells(cell.plain) for cell in each) for each in zip(*lines, strict=True)]
    return [_line(columns, widths, line) for line in lines]


def _fitted_row(columns: Sequence[Column], row: Sequence[Cell]) -> list[Text]:
    return [fitted(cell, column.most) for column, cell in zip(columns, row, strict=True)]


def _line(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Text]) -> Text:
    """One row, its cells padded; nothing is padded at its end."""
    line = Text()
    for column, width, cell in zip(columns, widths, row, strict=True):
        padding = " " * (width - cells(cell.plain))
        line.append(padding if column.align == "right" else "")
        line.append_text(cell)
        line.append((padding if column.align == "left" else "") + _GAP)
    line.rstrip()
    return line


def cells(shown: str) -> int:
    """How many cells a terminal gives a text. Raises ValueError where it would obey a part of it."""
    if not shown.isprintable():
        raise ValueError(f"{shown!r} hasn't passed display")
    return len(shown) if shown.isascii() else wcwidth.wcswidth(shown)


def fitted(cell: Cell, most: int) -> Text:
    """Text in so many cells at most, with a … where it was cut; 0 for no bound."""
    text = Text(cell) if isinstance(cell, str) else cell
    width = cells(str(cell))  # of the cell itself: Text leaves out some of what is refused
    if not most or width <= most:
        return text
    kept = bisect_right(range(len(text)), most - 1, key=lambda end: cells(text.plain[:end])) - 1
    return text[:kept].append(_CUT)


def padded(cell: Cell, width: int) -> Text:
    """Text in exactly so many cells: for lines that are written before the next ones are known."""
    text = fitted(cell, width)
    return text.copy().append(" " * (width - cells(text.plain)))


def blocks(widths: Sequence[int], margin: int, most: int) -> Iterator[tuple[int, int]]:
    """Stretches [start, stop) of columns that fit side by side; at least one column each.

    Args:
        widths: of the columns, cells.
        margin: cells before the first one, which each stretch has.
        most: cells of a line; 0 for no bound.
    """
    start, used = 0, margin
    for at, width in enumerate(widths):
        if most and at > start and used + width + len(_GAP) > most:
            yield start, at
            start, used = at, margin
        used += width + len(_GAP)
    if widths:
        yield start, len(widths)
