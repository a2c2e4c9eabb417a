"""A list below a header that stays. Paints only the rows in view; a subclass says what they are."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.widgets.wrapping import wrapped


class Listing(LineView):
    """Rows of text with a bar each; a list that is stale is dimmed.

    Attributes:
        count: how many rows there are.
        chosen: the one that is chosen; None for none.
        stale: whether they belong to something else than what is shown now.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "listing--header",
        "listing--chosen",
        "listing--marked",
        "listing--bar",
        "listing--stale",
    }
    DEFAULT_CSS = """
    Listing > .listing--header { color: $text-muted; text-style: bold; }
    Listing > .listing--chosen {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    Listing > .listing--marked { text-style: bold; }
    Listing > .listing--bar { color: $primary; }
    Listing > .listing--stale { color: $text-disabled; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.count = 0
        self.chosen: int | None = None
        self.stale = True
        self._said = "…"

    def header(self, width: int) -> str:
        """The columns' names."""
        raise NotImplementedError

    def row(self, place: int, width: int) -> tuple[str, str]:
        """A row's text, and its bar."""
        raise NotImplementedError

    def is_marked(self, place: int) -> bool:
        """Whether a row belongs to what is looked at, without being chosen alone."""
        return False

    def wait(self) -> None:
        """Show that what is to be listed isn't known yet; rows that are there are dimmed."""
        self.stale, self._said = True, "…"
        self.refresh()

    def say(self, text: str) -> None:
        """Show words in place of rows."""
        self.count, self.chosen, self.stale, self._said = 0, None, True, text
        self.fit(1)
        self.refresh()

    @property
    def page(self) -> int:
        """How many rows are in view."""
        return max(1, self.size.height - 1)

    def fill(self, count: int, chosen: int | None = None) -> None:
        """Show so many rows of what the subclass holds."""
        self.count, self.chosen, self.stale, self._said = count, chosen, False, ""
        self.fit(count + 1)
        self.refresh()

    def reveal(self, place: int) -> None:
        """Scroll until a row is in the middle, or as near as can be, wherever the view was before."""
        self.scroll_to(y=max(0, place - self.page // 2), animate=False, force=True, immediate=True)
        # Textual tells a scrollbar only while it is shown, which it may be for the first time after this.
        self.vertical_scrollbar.position = self.scroll_y

    def at(self, y: int) -> int | None:
        """The row on a line of the view; None where there is none, or where it is stale."""
        place = y + self.scroll_offset.y - 1
        return place if y > 0 and place < self.count and not self.stale else None

    def render_line(self, y: int) -> Strip:
        width, base = self.line_width, self.base
        if not self.count:
            lines = wrapped(self._said, max(1, width))
            return Strip([Segment(lines[y] if y < len(lines) else "", base)]).adjust_cell_length(width, base)
        if y == 0:
            header = self.get_component_rich_style("listing--header")
            return Strip([Segment(self.header(width), header)]).adjust_cell_length(width, header)
        place = y + self.scroll_offset.y - 1
        if place >= self.count:
            return Strip.blank(width, base)
        style, bar = self._row_styles(place)
        text, part = self.row(place, width)
        return Strip([Segment(text, style), Segment(part, bar)]).adjust_cell_length(width, style)

    def _row_styles(self, place: int) -> tuple[Style, Style]:
        if self.stale:
            return (self.get_component_rich_style("listing--stale"),) * 2
        if place == self.chosen:
            return (self.get_component_rich_style("listing--chosen"),) * 2
        bar = self.get_component_rich_style("listing--bar")
        return (self.get_component_rich_style("listing--marked") if self.is_marked(place) else self.base), bar
