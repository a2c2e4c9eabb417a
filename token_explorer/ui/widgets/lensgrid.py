"""The lens's cells: layers below each other, positions beside each other, with names that stay at the edges.

Paints what it is told, which is only what is in view. Knows nothing of what its numbers mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from token_explorer.results.palette import Palette
from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.widgets.row import fitted
from token_explorer.ui.widgets.wrapping import wrapped

# Cells of a column: a short word and a number.
LEAST_COLUMN = 12
# Mark, name of the layer, blank.
NAME = 5
GUTTER = NAME + 2
HEADER = 2
# A token in less room than this tells nothing beside its number.
LEAST_TOKEN = 2
UNKNOWN = -2


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and the token beside it.

    Attributes:
        token: as shown.
        figure: the value, short; '' for none.
        level: step of the palette; -1 for none.
    """

    token: str
    figure: str
    level: int

    def text(self, width: int) -> str:
        """Both in so many cells, a blank at the end; the number alone where there is no room for both."""
        inner = max(1, width - 1)
        if not self.figure:
            return fitted(self.token, inner) + " "
        room = inner - len(self.figure) - 1
        if room < LEAST_TOKEN:
            return fitted(f"{self.figure:>{inner}}", inner) + " "
        return f"{fitted(self.token, room)} {self.figure} "


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One position.

    Attributes:
        token: the one that stands there, as shown.
        cells: of the layers in view, from the top; None where they aren't known.
    """

    token: str
    cells: Sequence[Cell] | None


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """All that is in view.

    Attributes:
        top, bottom: layers [top, bottom) are in view; 0 is the embeddings.
        start: index of the first column's position.
        columns: the positions in view.
        layer, position: what is looked at.
        palette: of the cells.
        said: words in place of cells; '' for cells.
    """

    top: int
    bottom: int
    start: int
    columns: Sequence[Column]
    layer: int
    position: int
    palette: Palette
    said: str = ""


class LensGrid(LineView):
    """Cells of layers and positions, one of them looked at."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lens--header", "lens--marked", "lens--unknown"}
    DEFAULT_CSS = """
    LensGrid { overflow-y: hidden; scrollbar-gutter: auto; }
    LensGrid > .lens--header { color: $text-muted; }
    LensGrid > .lens--marked { color: $accent; text-style: bold; }
    LensGrid > .lens--unknown { color: $text-disabled; }
    """

    class CellClicked(Message):
        """A cell was clicked."""

        def __init__(self, layer: int, position: int) -> None:
            super().__init__()
            self.layer = layer
            self.position = position

    class Wheeled(Message):
        """The wheel was turned."""

        def __init__(self, layers: int, positions: int) -> None:
            super().__init__()
            self.layers = layers
            self.positions = positions

    class Resized(Message):
        """There is room for another part of the lens."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sheet: Sheet | None = None
        self._styles: dict[tuple[int, bool], Style] = {}

    @property
    def room(self) -> tuple[int, int]:
        """How many layers and positions there is room for; at least one of each."""
        return max(1, self.size.height - HEADER), max(1, (self.size.width - GUTTER) // LEAST_COLUMN)

    @property
    def column_width(self) -> int:
        """Cells of a column: the room is shared out evenly, whether all columns are used or not."""
        return max(1, (self.size.width - GUTTER) // self.room[1])

    def show(self, sheet: Sheet) -> None:
        """Draw cells."""
        if self._sheet is None or sheet.palette != self._sheet.palette:
            self._styles.clear()
        self._sheet = sheet
        self.refresh()

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def on_click(self, event: events.Click) -> None:
        place, sheet = event.get_content_offset(self), self._sheet
        if place is None or sheet is None or sheet.said:
            return
        row, column = place.y - HEADER, (place.x - GUTTER) // self.column_width
        if 0 <= column < len(sheet.columns) and row < sheet.bottom - sheet.top:
            # A click on the header is for the position alone.
            layer = sheet.layer if row < 0 else sheet.top + row
            self.post_message(self.CellClicked(layer, sheet.start + column))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, steps: int) -> None:
        """Down and up go through the layers; with shift, through the positions."""
        event.stop()
        self.post_message(self.Wheeled(0, steps) if event.shift else self.Wheeled(steps, 0))

    def render_line(self, y: int) -> Strip:
        sheet, width = self._sheet, self.size.width
        if sheet is None:
            return Strip.blank(width, self.base)
        segments = self._header(sheet, y) if y < HEADER else self._row(sheet, y - HEADER)
        return Strip(segments).adjust_cell_length(width, self.base)

    def _header(self, sheet: Sheet, line: int) -> list[Segment]:
        """Positions, counted from 1, and below them the tokens that stand there."""
        plain, marked = map(self.get_component_rich_style, ("lens--header", "lens--marked"))
        segments, width = [Segment(f" {('after', 'layer')[line]:>{NAME}} ", plain)], self.column_width
        for index, column in enumerate(sheet.columns, sheet.start):
            text = column.token if line else str(index + 1)
            style = marked if index == sheet.position else plain
            segments.append(Segment(fitted(text, max(1, width - 1)) + " ", style))
        return segments

    def _row(self, sheet: Sheet, row: int) -> list[Segment]:
        if sheet.said:
            lines = wrapped(sheet.said, max(1, self.size.width - 2))
            return [Segment(f" {lines[row]}" if row < len(lines) else "", self.base)]
        layer, width = sheet.top + row, self.column_width
        if layer >= sheet.bottom:
            return []
        here = layer == sheet.layer
        edge = self.get_component_rich_style("lens--marked" if here else "lens--header")
        segments = [Segment(f"{'▸' if here else ' '}{_layer_name(layer):>{NAME}} ", edge)]
        for position, column in enumerate(sheet.columns, sheet.start):
            cell = None if column.cells is None else column.cells[row]
            looked_at = here and position == sheet.position
            text = fitted("·", width) if cell is None else cell.text(width)
            text = f"{text[:-1]}◂" if looked_at and text.endswith(" ") else text
            segments.append(Segment(text, self._style(sheet.palette, cell, looked_at)))
        return segments

    def _style(self, palette: Palette, cell: Cell | None, looked_at: bool) -> Style:
        """The one that is looked at is reversed and bold beside its mark, as some screens have no colours."""
        key = UNKNOWN if cell is None else cell.level, looked_at
        if key not in self._styles:
            style = self.get_component_rich_style("lens--unknown") if cell is None else self.base
            style += palette.style(cell.level) if cell and cell.level >= 0 else Style()
            self._styles[key] = style + Style(reverse=True, bold=True) if looked_at else style
        return self._styles[key]


def _layer_name(layer: int) -> str:
    return f"{layer}" if layer else "emb 0"
