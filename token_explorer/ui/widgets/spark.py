"""A line of blocks over the whole prompt: one value of each token, or the largest of a few in a cell.

Knows nothing of what the values mean.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from token_explorer.core.scores import Floats, Ints
from token_explorer.results import figures
from token_explorer.results.blocks import block, largest
from token_explorer.ui.widgets.styled import Styled

# Below so many cells for the blocks, the words before them are left out.
LEAST = 24


@dataclass(frozen=True, slots=True, eq=False)
class Spark:
    """A prompt's values in cells, from left to right.

    Attributes:
        peaks (C,): index of the token that each cell stands for: the first with the cell's largest value.
        blocks: what is drawn in each cell; a blank for no value.
        length: how many tokens there are.
    """

    peaks: Ints
    blocks: str
    length: int

    @classmethod
    def fitting(cls, values: Floats, width: int) -> "Spark":
        """Values (T,), NaN for none, in so many cells at most; the highest block is the largest of them."""
        length, cells = len(values), min(len(values), max(1, width))
        sizes = np.where(np.isnan(values), -np.inf, values)
        firsts = [-(-cell * length // cells) for cell in range(cells + 1)]
        peaks = [first + int(sizes[first:end].argmax()) for first, end in pairwise(firsts)]
        high = largest(values)
        return cls(np.array(peaks), "".join(block(value, high) for value in values[peaks].tolist()), length)

    def cell(self, place: int) -> int:
        """The cell that a token is in."""
        return place * len(self.peaks) // self.length

    def segments(self, place: int | None, style: Style, mark: Style) -> list[Segment]:
        """The cells, that of the token in a place drawn with another style."""
        if place is None or not 0 <= place < self.length:
            return [Segment(self.blocks, style)]
        cell = self.cell(place)
        parts = (self.blocks[:cell], style), (self.blocks[cell], mark), (self.blocks[cell + 1 :], style)
        return [Segment(text, how) for text, how in parts if text]


def words(values: Floats | None, label: str, unit: str) -> str:
    """What stands before the blocks: what they count, and how much the highest one is."""
    if values is None:
        return f" {label} … "
    if np.isnan(values).all():
        return f" {label}: no token has a value "
    most = "∞" if np.isposinf(values).any() else figures.bits(largest(values))
    return f" {label} ≤ {most} {unit}".rstrip() + " "


class Sparkline(Styled):
    """The values of a prompt's tokens in one line; the cell of the token that is looked at is marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"spark--words", "spark--cells", "spark--mark"}
    DEFAULT_CSS = """
    Sparkline { height: 1; }
    Sparkline > .spark--words { color: $text-muted; }
    Sparkline > .spark--cells { color: $primary; }
    Sparkline > .spark--mark { color: $primary; text-style: reverse; }
    """
    ALLOW_SELECT = False

    class PlaceClicked(Message):
        """A cell was clicked: the token that it stands for."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._values: Floats | None = None
        self._label, self._unit = "", ""
        self._place: int | None = None
        self._fitted: tuple[int, Spark] | None = None  # for which width

    def show(self, values: Floats | None, label: str, unit: str, place: int | None) -> None:
        """Draw values.

        Args:
            values (T,): none below 0, NaN where there is none; None while they aren't known.
            label: what they are.
            unit: what they count, '' for a pure number.
            place: index of the token that is looked at; None for none.
        """
        if not _same(values, self._values):
            self._values, self._fitted = values, None
        elif (label, unit, place) == (self._label, self._unit, self._place):
            return
        self._label, self._unit, self._place = label, unit, place
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        segments = [Segment(self._words(), self.get_component_rich_style("spark--words"))]
        if (spark := self._spark()) is not None:
            style, mark = map(self.get_component_rich_style, ("spark--cells", "spark--mark"))
            segments += spark.segments(self._place, style, mark)
        return Strip(segments).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        offset, spark = event.get_content_offset(self), self._spark()
        if offset is None or spark is None:
            return
        cell = offset.x - len(self._words())
        if 0 <= cell < len(spark.peaks):
            self.post_message(self.PlaceClicked(int(spark.peaks[cell])))

    def _words(self) -> str:
        """The words, where there is room for them beside the blocks."""
        text = words(self._values, self._label, self._unit)
        return text if self._spark() is None or len(text) + LEAST <= self.size.width else " "

    def _spark(self) -> Spark | None:
        """The cells that there is room for; None where there is nothing to draw."""
        values = self._values
        if values is None or np.isnan(values).all():
            return None
        room = self.size.width - len(words(values, self._label, self._unit))
        room = room if room >= LEAST else self.size.width - 2
        if self._fitted is None or self._fitted[0] != room:
            self._fitted = room, Spark.fitting(values, room)
        return self._fitted[1]


def _same(one: Floats | None, other: Floats | None) -> bool:
    """Whether two of them draw alike."""
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=True)
