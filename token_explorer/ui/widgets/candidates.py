"""The table of the candidates for a place. Knows nothing of models: it is told rows, and their layers.

Paints only the rows in view. A table that waits shows old rows dimmed, and none of them can be taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from token_explorer.core.reading import Grid
from token_explorer.results import blocks
from token_explorer.results.palette import Palette
from token_explorer.ui.ahead import Continuation
from token_explorer.ui.widgets.layers import LayerCells, LayerColumns
from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.widgets.row import GAP, Columns, Row
from token_explorer.ui.widgets.then import NO_COLUMNS, ThenColumns, beside_bar
from token_explorer.ui.widgets.wrapping import wrapped


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is shown where there are no rows yet.

    Attributes:
        what: what is waited for.
        part: how much of it is done, from 0 to 1; None where that isn't known.
    """

    what: str
    part: float | None = None


class CandidateTable(LineView):
    """Rows of candidates, one of them chosen; the header stays."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "candidates--header",
        "candidates--chosen",
        "candidates--actual",
        "candidates--removed",
        "candidates--bar",
        "candidates--stale",
    }
    DEFAULT_CSS = """
    CandidateTable > .candidates--header { color: $text-muted; text-style: bold; }
    CandidateTable > .candidates--chosen {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    CandidateTable > .candidates--actual { text-style: bold; }
    CandidateTable > .candidates--removed { color: $text-disabled; }
    CandidateTable > .candidates--bar { color: $primary; }
    CandidateTable > .candidates--stale { color: $text-disabled; }
    """

    class RowClicked(Message):
        """A row was clicked."""

        def __init__(self, row: int, takes: bool) -> None:
            super().__init__()
            self.row = row
            self.takes = takes
            """Whether it shall be taken: it was the chosen one already, or is clicked twice."""

    class RowChosen(Message):
        """Another row is the chosen one, or the rows are others."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

        def can_replace(self, message: Message) -> bool:
            """Of rows passed by only the last matters."""
            return isinstance(message, CandidateTable.RowChosen)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: tuple[Row, ...] = ()
        self.chosen = 0
        self.stale = True
        """Whether the rows belong to another prompt than the one shown; none of them can be taken then."""
        self._dimmed = True
        self._waiting: Waiting | None = None
        self._said = ""  # in place of rows
        self._took = False  # whether a chain of clicks has taken a row
        self._sampled = False  # whether the sampler has a column
        self._layers = 0  # how many have a column; 0 for bars
        self._cells: LayerCells | None = None
        self._ahead = False  # whether what would follow has its columns
        self._continuations: Mapping[int, Continuation] = {}

    def show(self, rows: tuple[Row, ...], chosen: int = 0) -> None:
        """Show the rows of the prompt that is shown, one of them chosen; their layers aren't known yet."""
        self._fill(rows)
        self.chosen = max(0, min(chosen, len(rows) - 1))
        self._fit_height()
        self._reveal()
        if rows:
            self._sampled = rows[0].sampled is not None
            self.post_message(self.RowChosen(self.chosen))

    def say(self, text: str) -> None:
        """Show words in place of rows: that there are none to be shown.

        Args:
            text: safe for the screen.
        """
        self._fill((), text)
        self._fit_height()

    def show_layers(self, grid: Grid | None, palette: Palette | None) -> None:
        """Draw the layers of the rows that are shown, in the place of the bars, or draw the bars again.

        Args:
            grid: a row for each layer, a column for each row of the table; None while it isn't known, which
                leaves the place of the last ones empty, so that nothing jumps meanwhile.
            palette: of its scale; None for bars.
        """
        if palette is None:
            changed, self._cells, self._layers = self._layers > 0, None, 0
        elif grid is None:
            changed, self._cells = self._cells is not None, None
        elif changed := self._cells is None or not self._cells.are_of(grid, palette):
            self._cells = LayerCells(grid, palette)
            self._layers = self._cells.layers
        if changed:
            self.refresh()

    def show_ahead(self, known: Mapping[int, Continuation] | None) -> None:
        """Draw what would follow the rows that are shown, as far as it is known; paints what that changes.

        Args:
            known: by the candidate's id; None for no columns, which otherwise keep their place.
        """
        if self._ahead != (known is not None):
            self._ahead = known is not None
            self.refresh()
        if self.stale:
            return  # what would follow old rows stays as long as those rows
        before, self._continuations = self._continuations, known or {}
        changed = [
            place
            for place, row in enumerate(self.rows)
            if before.get(row.id) != self._continuations.get(row.id)
        ]
        if changed:
            self._refresh_then(changed[0], changed[-1])

    def _refresh_then(self, first: int, last: int) -> None:
        """Paint what would follow some rows."""
        right = self.line_width
        width = self._then(right).width
        top = max(1, first + 1 - self.scroll_offset.y)
        self.refresh(Region(right - width, top, width, last + 2 - self.scroll_offset.y - top))

    def wait(self, waiting: Waiting, keep: bool = True) -> None:
        """Show that the rows of the prompt aren't known yet; old ones are dimmed, or dropped."""
        self.rows = self.rows if keep else ()
        self.stale, self._dimmed, self._waiting, self.chosen = True, True, waiting, 0
        self._cells, self._continuations = None, {}
        self._fit_height()

    def choose(self, row: int) -> None:
        """Choose a row, or the nearest there is; rows that are stale can't be chosen."""
        if self.stale:
            return
        before, self.chosen = self.chosen, max(0, min(row, len(self.rows) - 1))
        if self.chosen != before:
            self.post_message(self.RowChosen(self.chosen))
        self.refresh_lines(before + 1)
        self.refresh_lines(self.chosen + 1)
        self._reveal()

    @property
    def page(self) -> int:
        """How many rows are in view."""
        return max(1, self.size.height - 1)

    def _fill(self, rows: tuple[Row, ...], said: str = "") -> None:
        """Have other rows, that are what is asked for, and nothing known beyond them."""
        self.rows, self._said, self.chosen = rows, said, 0
        self._cells, self._continuations = None, {}
        self.stale, self._dimmed, self._waiting = False, False, None

    def _reveal(self) -> None:
        """Scroll until the chosen row is in view."""
        # The header covers the top line of the view: of a row above it, the line before must be in view.
        self.scroll_to_region(Region(0, self.chosen, 1, 2), animate=False, force=True)
        # Textual tells a scrollbar only while it is shown, which it may be for the first time after this.
        self.vertical_scrollbar.position = self.scroll_y

    def on_resize(self) -> None:
        if not self.stale:
            self._reveal()

    def _fit_height(self) -> None:
        self.fit(len(self.rows) + 1)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        row = -1 if place is None or place.y == 0 else place.y + self.scroll_offset.y - 1
        if 0 <= row < len(self.rows) and not self.stale:
            self._take_click(row, event.chain)

    def _take_click(self, row: int, chain: int) -> None:
        """One of a chain of clicks in one place: those after the one that took a row mean the old rows."""
        if chain == 1:
            self._took = False
        if not self._took:
            self._took = row == self.chosen or chain > 1
            self.post_message(self.RowClicked(row, self._took))

    def render_line(self, y: int) -> Strip:
        width, base = self.line_width, self.base
        if y == 0:
            header = self.get_component_rich_style("candidates--header")
            return Strip([Segment(self._header(width), header)]).adjust_cell_length(width, header)
        row = y + self.scroll_offset.y - 1
        if not self.rows and y >= 2:
            return self._line_without_rows(y - 2, width).adjust_cell_length(width, base)
        if row >= len(self.rows):
            return Strip.blank(width, base)
        segments, style = self._paint(row, width)
        return Strip(segments).adjust_cell_length(width, style)

    def _columns(self, width: int) -> Columns:
        return _bar_columns(width, self._sampled, self._ahead)[0]

    def _layer_columns(self, width: int) -> LayerColumns:
        return _layer_columns(width, self._layers, self._sampled, self._ahead)

    def _then(self, width: int) -> ThenColumns:
        """The columns at the right end."""
        if self._layers:
            return self._layer_columns(width).then
        return _bar_columns(width, self._sampled, self._ahead)[1]

    def _header(self, width: int) -> str:
        text, then = self._columns(width).header, self._then(width)
        if self._layers:
            columns = self._layer_columns(width)
            text = columns.beside.header + " " * GAP + columns.header
        return text.ljust(width - then.width) + then.header

    def _line_without_rows(self, line: int, width: int) -> Strip:
        if self._waiting:
            return self._wait_line(self._waiting) if line == 0 else Strip([])
        lines = wrapped(self._said, max(1, width - 2)) if self._said else []
        return Strip([Segment(f"  {lines[line]}", self.base)] if line < len(lines) else [])

    def _paint(self, row: int, width: int) -> tuple[list[Segment], Style]:
        """A row, and the style of what lies beyond it."""
        style, bar = self._styles(row)
        shown, then = self.rows[row], self._then(width)
        if self._layers:
            drawn = self._with_layers(row, width, style)
        else:
            text, bars = self._columns(width).row(shown)
            drawn = [Segment(text, style), Segment(bars, bar)]
        if then.width:
            gap = width - then.width - sum(segment.cell_length for segment in drawn)
            text = then.row(shown.logprob, self._continuations.get(shown.id))
            drawn.append(Segment(" " * gap + text, style))
        return drawn, style

    def _with_layers(self, row: int, width: int, style: Style) -> list[Segment]:
        columns = self._layer_columns(width)
        text = columns.beside.text(self.rows[row])
        known = self._cells is not None and row < self._cells.candidates
        cells = self._cells.row(row, columns, style) if self._cells and known else []
        return [Segment(text + " " * GAP, style), *cells]

    def _styles(self, row: int) -> tuple[Style, Style]:
        """The styles of a row's text and of its bar."""
        if self._dimmed:
            return (self.get_component_rich_style("candidates--stale"),) * 2
        if row == self.chosen:
            return (self.get_component_rich_style("candidates--chosen"),) * 2
        actual = ["candidates--actual"] * self.rows[row].actual
        if self.rows[row].removed:
            return (self.get_component_rich_style("candidates--removed", *actual),) * 2
        text = self.get_component_rich_style(*actual) if actual else self.base
        return text, self.get_component_rich_style("candidates--bar")

    def _wait_line(self, waiting: Waiting) -> Strip:
        base, bar = self.base, self.get_component_rich_style("candidates--bar")
        if waiting.part is None:
            return Strip([Segment(f"  {waiting.what}", base)])
        filled = blocks.bar(waiting.part, 24).ljust(24, "·")
        return Strip(
            [Segment(f"  {waiting.what} ", base), Segment(filled, bar), Segment(f" {waiting.part:.0%}", base)]
        )


# Each line asks for them a few times.
@lru_cache(maxsize=16)
def _bar_columns(width: int, sampled: bool, ahead: bool) -> tuple[Columns, ThenColumns]:
    columns = Columns.fitting(width, sampled)
    return beside_bar(columns) if ahead else (columns, NO_COLUMNS)


@lru_cache(maxsize=16)
def _layer_columns(width: int, layers: int, sampled: bool, ahead: bool) -> LayerColumns:
    return LayerColumns.fitting(width, layers, sampled, ahead)
