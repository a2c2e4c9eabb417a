"""Candidates layer by layer: cells beside the table's rows, their legend, and the numbers behind them.

Knows nothing of the lens that the numbers come from.
"""

import math
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from token_explorer.core.reading import Grid
from token_explorer.core.scores import Floats
from token_explorer.results import figures
from token_explorer.results.palette import Palette
from token_explorer.ui.widgets.bar import run
from token_explorer.ui.widgets.row import Columns
from token_explorer.ui.widgets.then import NO_COLUMNS, ThenColumns

WIDEST_CELL = 2
LEGEND_CELLS = 12
# Every so many columns have their layer's number above them.
NUMBERED = 5
# A token with less than this is one of many to a layer.
APPEARS = 0.01
# So many layers' numbers fit beside each other on a wide screen.
MOST_NUMBERS = 6
_HEIGHTS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class LayerColumns:
    """Which layers have a column, and how wide those are.

    Attributes:
        beside: the other columns of the table.
        layers: how many there are.
        step: every so many of them are shown, the last one among them.
        cell: width of each column, in cells.
        then: the columns at their right.
    """

    beside: Columns
    layers: int
    step: int
    cell: int
    then: ThenColumns = NO_COLUMNS

    @classmethod
    def fitting(cls, width: int, layers: int, sampled: bool = False, ahead: bool = False) -> "LayerColumns":
        """The columns for a width: all layers before the other columns, but for token and p.

        Args:
            sampled: whether the sampler is on.
            ahead: whether what would follow is shown, where the layers leave room for it.
        """
        step = math.ceil(layers / max(1, Columns.beside(width, layers, sampled).bar))
        count = math.ceil(layers / step)
        beside = Columns.beside(width, count, sampled)
        then = _beside_layers(beside.bar, count) if ahead else NO_COLUMNS
        beside = replace(beside, bar=beside.bar - then.width)
        return cls(beside, layers, step, min(WIDEST_CELL, beside.bar // count), then)

    @property
    def shown(self) -> range:
        """The layers that have a column, counted from 1."""
        return range(self.layers - (self.layers - 1) // self.step * self.step, self.layers + 1, self.step)

    @property
    def header(self) -> str:
        """Layers' numbers, the last digit of each above its column; which layers, where some are left out."""
        if not self.cell:
            return ""
        line = [" "] * (len(self.shown) * self.cell)
        _write(line, str(self.layers), len(line))
        for words in self._left_out:
            if _write(line, words, len(words)):
                break
        _write(line, str(self.shown[0]), self.cell)
        for place, layer in enumerate(self.shown):
            if self._numbered(place, layer):
                _write(line, str(layer), (place + 1) * self.cell)
        return "".join(line)

    @property
    def _left_out(self) -> tuple[str, ...]:
        """Which layers are shown, where some are left out; the same from long to short."""
        return (f"every {_ordinal(self.step)} layer", f"1 in {self.step}") if self.step > 1 else ()

    def _numbered(self, place: int, layer: int) -> bool:
        """Multiples of five; where layers are left out there may be none, so that columns are counted."""
        return (layer if self.step == 1 else len(self.shown) - 1 - place) % NUMBERED == 0


def _beside_layers(room: int, layers: int) -> ThenColumns:
    """What fits beside so many layers, which give up width for it where that makes room for all of it."""
    wide = ThenColumns.fitting(room - WIDEST_CELL * layers)
    return wide if wide.joint else ThenColumns.fitting(room - layers)


def _write(line: list[str], text: str, end: int) -> bool:
    """Write a text that ends at a place, unless it would touch another; whether it was written."""
    start = end - len(text)
    if start < 0 or any(char != " " for char in line[max(0, start - 1) : end + 1]):
        return False
    line[start:end] = text
    return True


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


class LayerCells:
    """A grid's values as cells: colours, or heights on a terminal that has none.

    Args:
        grid: a row for each layer, a column for each candidate.
        palette: of its scale.
    """

    def __init__(self, grid: Grid, palette: Palette) -> None:
        self.layers, self.candidates = grid.values.shape
        self._made_of = grid, palette
        self._ink = _Ink(palette)
        self._steps = self._ink.steps(grid.places)

    def are_of(self, grid: Grid, palette: Palette) -> bool:
        """Whether they are made of this very grid."""
        return self._made_of[0] is grid and self._made_of[1] is palette

    def row(self, candidate: int, columns: LayerColumns, base: Style) -> list[Segment]:
        """The cells of a candidate, one for each layer that has a column.

        Args:
            base: of cells without a value.
        """
        steps = self._steps[[layer - 1 for layer in columns.shown], candidate]
        return self._ink.cells(steps.tolist(), columns.cell, base)


class _Ink:
    """How steps of a scale are drawn; -1 is no value, and drawn as nothing."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._styles = tuple(palette.style(level) for level in range(len(palette.bg)))

    def steps(self, places: Floats) -> NDArray[np.int64]:
        """The step of each place on the scale; what isn't nothing has some height."""
        if self._styles:
            return self._palette.levels(places)
        heights = np.ceil(np.nan_to_num(places, nan=0.0) * (len(_HEIGHTS) - 1)).astype(np.int64)
        return np.where(np.isnan(places), -1, heights)

    def cells(self, steps: list[int], width: int, base: Style) -> list[Segment]:
        """Cells of so many columns each; equal neighbours are one segment."""
        runs = ((step, len(list(group)) * width) for step, group in groupby(steps))
        return [self._segment(step, cells, base) for step, cells in runs]

    def _segment(self, step: int, cells: int, base: Style) -> Segment:
        if step < 0:
            return Segment(" " * cells, base)
        if self._styles:
            return Segment(" " * cells, self._styles[step])
        return Segment(_HEIGHTS[step] * cells, base)


def legend(grid: Grid, palette: Palette) -> list[Segment]:
    """The scale of a grid, drawn as its cells are."""
    note = [run(f"· {grid.note} ", dim=True)] if grid.note else []
    if palette.bands:
        named = [Segment(text, style) for text, style in palette.labels()]
        return [run(" "), run(f"{grid.title} ", bold=True), *named, run(" "), *note]
    ink = _Ink(palette)
    places = np.linspace(0.0, 1.0, LEGEND_CELLS, dtype=np.float32)
    cells = ink.cells(ink.steps(places).tolist(), 1, Style())
    end = f" {grid.high:g} {grid.unit}".rstrip()
    return [run(" "), run(grid.title, bold=True), run(f" {grid.low:g} "), *cells, run(f"{end} "), *note]


def exact(grid: Grid, column: int) -> list[list[Segment]]:
    """A candidate's values in the layers that tell most of it, in numbers; the same from long to short."""
    tellings = _telling(grid.values[:, column]) if column < grid.values.shape[1] else []
    variants = [sorted(tellings[:count]) for count in range(min(MOST_NUMBERS, len(tellings)), 0, -1)]
    return [[run(f" {_sentence(grid, column, rows)} ")] for rows in variants] or [[]]


def _telling(values: Floats) -> list[int]:
    """Rows in the order of what they tell: the last, the maximum, where the token appears, what follows."""
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        return []
    most = int(known[values[known].argmax()])
    first = next((int(row) for row in known if values[row] > APPEARS), most)
    rows = (int(known[-1]), most, first, *range(first + 1, len(values)))
    return [row for row in dict.fromkeys(rows) if not math.isnan(values[row])]


def _sentence(grid: Grid, column: int, rows: list[int]) -> str:
    parts, before = [], rows[0] - 1
    for row in rows:
        gap = "… · " if row > before + 1 else ""
        parts.append(f"{gap}{grid.rows[row]} {figures.fraction(float(grid.values[row, column]))}")
        before = row
    return "layer " + " · ".join(parts)
