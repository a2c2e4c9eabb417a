"""How a number comes about, line by line; it scrolls. Knows nothing of what is computed."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.workings import Calculation, Look


class WorkingPane(LineView):
    """The lines of a calculation."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"working--dim", "working--bold"}
    DEFAULT_CSS = """
    WorkingPane > .working--dim { color: $text-muted; }
    WorkingPane > .working--bold { color: $accent; text-style: bold; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._calculation: Calculation | None = None

    @property
    def width(self) -> int:
        """Cells of a line, a blank at the left not counted."""
        return max(1, self.line_width - 1)

    def show(self, calculation: Calculation | None) -> None:
        """Draw a calculation, another one from its first line on; None for nothing."""
        if calculation is self._calculation:
            return
        self._calculation = calculation
        self.fit(0 if calculation is None else len(calculation))
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.refresh()

    def turn(self, pages: int) -> None:
        """Scroll by so many pages."""
        page = max(1, self.size.height - 1)
        self.scroll_to(y=self.scroll_y + pages * page, animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        width, place = self.line_width, y + self.scroll_offset.y
        if self._calculation is None or place >= len(self._calculation):
            return Strip.blank(width, self.base)
        text, look = self._calculation[place]
        return Strip([Segment(f" {text}", self._style(look))]).adjust_cell_length(width, self.base)

    def _style(self, look: Look) -> Style:
        return self.base if look == "plain" else self.get_component_rich_style(f"working--{look}")
