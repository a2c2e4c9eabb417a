"""A matrix in numbers: tokens below each other, its columns beside each other, with names at the edges.

Paints the part around one number. Knows nothing of what the numbers mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from token_explorer.core.scores import Ints
from token_explorer.results.palette import Palette
from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.widgets.row import fitted
from token_explorer.ui.widgets.wrapping import wrapped
from token_explorer.ui.workings import COLUMN, NUMBER

LABEL, NARROW_LABEL = 10, 6
NARROW = 70


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """What is drawn.

    Attributes:
        values (T, C): the numbers.
        row, column: the one that is looked at.
        low, high: the ends of the scale.
        palette: of the scale.
        figure: writes a number.
        row_name, column_name: of each row and column, beside its number; None where columns have no names.
    """

    values: NDArray[np.float64]
    row: int
    column: int
    low: float
    high: float
    palette: Palette
    figure: Callable[[float], str]
    row_name: Callable[[int], str]
    column_name: Callable[[int], str] | None

    @property
    def header(self) -> int:
        """Lines above the numbers: the columns' numbers, and their names where they have any."""
        return 1 if self.column_name is None else 2

    def levels(self, row: int, start: int, stop: int) -> Ints:
        """The step of the palette of each of the row's columns [start, stop); -1 for none."""
        values = self.values[row, start:stop]
        if not self.high > self.low:
            return np.full(values.shape, -1, np.int64)
        places = np.where(np.isfinite(values), (values - self.low) / (self.high - self.low), np.nan)
        return self.palette.levels(places.astype(np.float32))


class NumberGrid(LineView):
    """Numbers on the colours of a scale, one of them looked at."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"numbers--edge", "numbers--marked"}
    DEFAULT_CSS = """
    NumberGrid { overflow-y: hidden; scrollbar-gutter: auto; }
    NumberGrid > .numbers--edge { color: $text-muted; }
    NumberGrid > .numbers--marked { color: $accent; text-style: bold; }
    """

    class CellClicked(Message):
        """A number was clicked; its column is None for a click on the name of a row, and the other way."""

        def __init__(self, row: int | None, column: int | None) -> None:
            super().__init__()
            self.row = row
            self.column = column

    class Wheeled(Message):
        """The wheel was turned."""

        def __init__(self, rows: int, columns: int) -> None:
            super().__init__()
            self.rows = rows
            self.columns = columns

    class Resized(Message):
        """There is room for another part."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._matrix: Matrix | None = None
        self._said = ""

    def show(self, matrix: Matrix) -> None:
        """Draw numbers."""
        self._matrix = matrix
        self.refresh()

    def say(self, text: str) -> None:
        """Draw words in place of numbers."""
        self._matrix, self._said = None, text
        self.refresh()

    @property
    def columns(self) -> int:
        """How many columns there is room for; at least one."""
        rows = 1 if self._matrix is None else len(self._matrix.values)
        return max(1, (self.size.width - self._gutter(rows)) // COLUMN)

    def _label(self) -> int:
        return LABEL if self.size.width >= NARROW else NARROW_LABEL

    def _gutter(self, rows: int) -> int:
        """Cells of mark, number and name."""
        return 1 + len(str(rows)) + 1 + self._label()

    def _rows_from(self, matrix: Matrix) -> int:
        """The first row in view: the one that is looked at is in the middle, where that can be."""
        room = max(1, self.size.height - matrix.header)
        return max(0, min(matrix.row - room // 2, len(matrix.values) - room))

    def _columns_in_view(self, matrix: Matrix) -> range:
        """The columns in view, page by page; the last page is full."""
        count, room = matrix.values.shape[1], self.columns
        start = max(0, min(matrix.column // room * room, count - room))
        return range(start, min(count, start + room))

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def on_click(self, event: events.Click) -> None:
        place, matrix = event.get_content_offset(self), self._matrix
        if place is None or matrix is None:
            return
        shown, cells = self._columns_in_view(matrix), place.x - self._gutter(len(matrix.values))
        row = self._rows_from(matrix) + place.y - matrix.header if place.y >= matrix.header else None
        column = shown.start + cells // COLUMN if cells >= 0 else None
        if (row is None or row < len(matrix.values)) and (column is None or column in shown):
            self.post_message(self.CellClicked(row, column))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, steps: int) -> None:
        """Down and up go through the tokens; with shift, through the columns."""
        event.stop()
        self.post_message(self.Wheeled(0, steps) if event.shift else self.Wheeled(steps, 0))

    def render_line(self, y: int) -> Strip:
        width, matrix = self.size.width, self._matrix
        if matrix is None:
            lines = wrapped(self._said, max(1, width - 2))
            text = f" {lines[y]}" if y < len(lines) else ""
            return Strip([Segment(text, self.base)]).adjust_cell_length(width, self.base)
        row = self._rows_from(matrix) + y - matrix.header
        if y < matrix.header:
            segments = self._header(matrix, y)
        else:
            segments = self._row(matrix, row) if row < len(matrix.values) else []
        return Strip(segments).adjust_cell_length(width, self.base)

    def _edge_style(self, marked: bool) -> Style:
        return self.get_component_rich_style("numbers--marked" if marked else "numbers--edge")

    def _header(self, matrix: Matrix, line: int) -> list[Segment]:
        """The columns' numbers, and below them their names."""
        segments = [Segment(" " * self._gutter(len(matrix.values)), self._edge_style(False))]
        for column in self._columns_in_view(matrix):
            text = matrix.column_name(column) if line and matrix.column_name else str(column + 1)
            segments.append(Segment(_above(text), self._edge_style(column == matrix.column)))
        return segments

    def _row(self, matrix: Matrix, row: int) -> list[Segment]:
        marked, shown = row == matrix.row, self._columns_in_view(matrix)
        number = f"{row + 1:>{len(str(len(matrix.values)))}}"
        name = fitted(matrix.row_name(row), self._label())
        segments = [Segment(f"{'▸' if marked else ' '}{number} {name}", self._edge_style(marked))]
        levels = matrix.levels(row, shown.start, shown.stop).tolist()
        for column, level in zip(shown, levels, strict=True):
            here = marked and column == matrix.column
            text = f"{matrix.figure(float(matrix.values[row, column])):>{NUMBER}}"
            text = f"{'▸' if here else ' '}{text}"
            style = self.base + matrix.palette.style(level) if level >= 0 else self.base
            # Reversed and bold beside the mark, as some screens have no colours.
            segments.append(Segment(text, style + Style(reverse=True, bold=True) if here else style))
        return segments


def _above(text: str) -> str:
    """A name above its column, at the right."""
    cells = min(NUMBER, max(1, cell_len(text)))
    return " " * (COLUMN - cells) + fitted(text, cells)
