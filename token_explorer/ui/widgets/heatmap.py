"""A heat map of half blocks: two rows in a line, a column in a cell, with numbers at its edges.

Knows nothing of what its values mean: it is told where each lies on a scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from token_explorer.core.scores import Floats, Ints
from token_explorer.results.palette import Palette
from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.widgets.row import fitted
from token_explorer.ui.widgets.window import Bools
from token_explorer.ui.widgets.wrapping import wrapped

# What a palette without colours draws; the first is for nothing and for zero alone.
SHADES = " ░▒▓█"
NOTHING, UNKNOWN = -1, -2
LABEL, NARROW_LABEL = 10, 5
NARROW = 60
TICK = 10


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """Values to draw.

    Attributes:
        places (R, C): where each value lies on the scale, from 0 to 1; NaN for no value.
        unknown (R, C): values that aren't known yet.
        columns (C,): index of each column; a separator stands where they jump.
        first: index of the first row.
        marked: index of the row that is looked at.
        labels: of each row.
        largest: no row's index reaches it: room is left for its digits.
    """

    places: Floats
    unknown: Bools
    columns: Ints
    first: int
    marked: int
    labels: Sequence[str]
    largest: int


class HeatMap(LineView):
    """Values as colours; where a palette has none, as shades of the larger of two rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heat--axis", "heat--marked", "heat--unknown"}
    DEFAULT_CSS = """
    HeatMap { overflow-y: hidden; scrollbar-gutter: auto; }
    HeatMap > .heat--axis { color: $text-muted; }
    HeatMap > .heat--marked { color: $accent; text-style: bold; }
    HeatMap > .heat--unknown { color: $text-disabled; }
    """

    class RowClicked(Message):
        """A row was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    class Resized(Message):
        """There is room for another part of the map."""

    def __init__(self, palette: Palette, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.palette = palette
        self._heat: Heat | None = None
        self._said: list[str] = []
        self._levels: Ints = np.zeros((0, 0), np.int64)
        self._jump = 0  # the column before which the separator stands; 0 for none
        self._styles: dict[tuple[int, int], tuple[str, Style]] = {}

    def room(self, largest: int) -> tuple[int, int]:
        """How many lines and columns of a map with rows below `largest` there is room for."""
        return max(0, self.size.height - 1), max(0, self.size.width - self._gutter(largest))

    def show(self, heat: Heat) -> None:
        """Draw values."""
        self._heat, self._said = heat, []
        levels = self._shades(heat.places) if not self.palette.bg else self.palette.levels(heat.places)
        self._levels = np.where(heat.unknown, UNKNOWN, levels)
        jumps = np.flatnonzero(np.diff(heat.columns) > 1)
        self._jump = int(jumps[0]) + 1 if len(jumps) else 0
        self.refresh()

    def say(self, text: str) -> None:
        """Draw words in place of a map."""
        self._heat, self._said = None, wrapped(text, max(1, self.size.width - 2))
        self.refresh()

    @staticmethod
    def _shades(places: Floats) -> Ints:
        """The shade of each place; what isn't nothing has one."""
        shades = np.ceil(np.nan_to_num(places) * (len(SHADES) - 1)).astype(np.int64)
        return np.where(np.isnan(places), NOTHING, shades)

    def _label(self) -> int:
        return LABEL if self.size.width >= NARROW else NARROW_LABEL

    def _gutter(self, largest: int) -> int:
        """Cells of mark, number and label, with blanks between."""
        return 1 + len(str(largest)) + 1 + self._label() + 1

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def on_click(self, event: events.Click) -> None:
        """A line holds two rows: a click is for the first, or for the second where the first is marked."""
        place = event.get_content_offset(self)
        heat = self._heat
        if place is None or heat is None or not 0 < place.y <= (len(heat.places) + 1) // 2:
            return
        row = heat.first + 2 * (place.y - 1)
        other = row == heat.marked and row + 1 < heat.first + len(heat.places)
        self.post_message(self.RowClicked(row + other))

    def render_line(self, y: int) -> Strip:
        width, heat = self.size.width, self._heat
        if heat is None:
            text = f" {self._said[y - 1]}" if 0 < y <= len(self._said) else ""
            return Strip([Segment(text, self.base)]).adjust_cell_length(width, self.base)
        if y == 0:
            segments = [Segment(self._header(heat), self.get_component_rich_style("heat--axis"))]
        elif 2 * (y - 1) < len(heat.places):
            segments = [self._edge(heat, y - 1), *self._cells(y - 1)]
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, self.base)

    def _header(self, heat: Heat) -> str:
        """The number of the first column and of every tenth one, each ending above its column."""
        line = [" "] * (self._gutter(heat.largest) + len(heat.columns) + bool(self._jump))
        free = 0
        for column, index in enumerate(heat.columns.tolist()):
            number = str(index + 1)
            end = self._gutter(heat.largest) + column + bool(self._jump and column >= self._jump) + 1
            if (column == 0 or (index + 1) % TICK == 0) and end - len(number) >= free:
                line[end - len(number) : end] = number
                free = end + 1
        return "".join(line)

    def _edge(self, heat: Heat, line: int) -> Segment:
        """The number and label of the line's first row, or of the one that is marked."""
        row = heat.first + 2 * line
        marked = row <= heat.marked <= row + 1
        row = heat.marked if marked else row
        style = self.get_component_rich_style("heat--marked" if marked else "heat--axis")
        number = f"{row + 1:>{len(str(heat.largest))}}"
        label = fitted(heat.labels[row - heat.first], self._label())
        return Segment(f"{'▸' if marked else ' '}{number} {label} ", style)

    def _cells(self, line: int) -> list[Segment]:
        upper = self._levels[2 * line].tolist()
        odd = 2 * line + 1 >= len(self._levels)
        lower = [NOTHING] * len(upper) if odd else self._levels[2 * line + 1].tolist()
        pairs = list(zip(upper, lower, strict=True))
        if not self._jump:
            return self._runs(pairs)
        bar = Segment("│", self.get_component_rich_style("heat--axis"))
        return [*self._runs(pairs[: self._jump]), bar, *self._runs(pairs[self._jump :])]

    def _runs(self, pairs: list[tuple[int, int]]) -> list[Segment]:
        """Cells that look alike as one segment: the terminal is told their colours once."""
        found = []
        for pair, run in groupby(pairs):
            if pair not in self._styles:
                self._styles[pair] = self._cell(*pair)
            char, style = self._styles[pair]
            found.append(Segment(char * len(list(run)), style))
        return found

    def _cell(self, upper: int, lower: int) -> tuple[str, Style]:
        """How a pair of levels is drawn."""
        if UNKNOWN in (upper, lower):
            return "·", self.get_component_rich_style("heat--unknown")
        if not self.palette.bg:
            return SHADES[max(upper, lower, 0)], self.base
        if upper == lower == NOTHING:
            return " ", self.base
        if upper == NOTHING:
            return "▄", self.base + Style(color=self._colour(lower))
        ground = None if lower == NOTHING else self._colour(lower)
        return "▀", self.base + Style(color=self._colour(upper), bgcolor=ground)

    def _colour(self, level: int) -> Color:
        return Color.from_rgb(*self.palette.bg[level])
