"""One line with something at its left and something at its right: titles, borders, the footer.

Draws segments as they are given; whoever makes them has passed hostile text through `display`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from token_explorer.ui.widgets.styled import Styled

Runs = Sequence[Segment]


def run(text: str, *, bold: bool = False, dim: bool = False) -> Segment:
    """A stretch of text in the bar's own colours."""
    return Segment(text, _style(bold, dim))


@lru_cache
def _style(bold: bool, dim: bool) -> Style:
    return Style(bold=bold or None, dim=dim or None)


class Bar(Styled):
    """A line of text; what stands at the right gives way to the left last.

    Args:
        ends: drawn at both edges, such as the corners of a frame.
        fill: drawn between left and right.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--fill"}
    DEFAULT_CSS = """
    Bar { height: 1; }
    Bar > .bar--fill { color: $primary; }
    """
    ALLOW_SELECT = False

    def __init__(self, ends: tuple[str, str] = (" ", " "), fill: str = " ", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ends, self._fill = ends, fill
        self._left: Runs = ()
        self._rights: Sequence[Runs] = ()

    def set(self, left: Runs, *rights: Runs) -> None:
        """Draw other things.

        Args:
            left: cut where it doesn't fit.
            rights: from long to short; the first that fits beside the left, or the last if none does.
        """
        if (left, rights) != (self._left, self._rights):
            self._left, self._rights = left, rights
            self.refresh()

    def render_line(self, y: int) -> Strip:
        fill, base = self.get_component_rich_style("bar--fill"), self.base
        inner = max(0, self.outer_size.width - 2 * len(self._ends[0]))
        left, right = self._fit(inner)
        gap = max(0, inner - left.cell_length - right.cell_length)
        middle = Strip([Segment(self._fill * gap, fill)], gap)
        edges = [Strip([Segment(end, fill)], len(end)) for end in self._ends]
        return Strip.join([edges[0], left, middle, right, edges[1]]).apply_style(base)

    def _fit(self, inner: int) -> tuple[Strip, Strip]:
        left = Strip(self._left)
        rights = [Strip(each) for each in self._rights] or [Strip.blank(0)]
        room = inner - left.cell_length - 1
        right = next((each for each in rights if each.cell_length <= room), rights[-1]).crop(0, inner)
        return _cut(left, max(0, inner - right.cell_length)), right


def _cut(strip: Strip, cells: int) -> Strip:
    """A strip in so many cells at most, with a … where it was cut."""
    if strip.cell_length <= cells or cells < 2:
        return strip.crop(0, cells)
    return Strip.join([strip.crop(0, cells - 2), Strip([run("… ")])])
