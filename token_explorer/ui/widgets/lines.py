"""What a widget that paints itself line by line needs: scrolling, no focus, its styles and width at hand."""

from textual.geometry import Size
from textual.scroll_view import ScrollView

from token_explorer.ui.widgets.styled import Styled


class LineView(ScrollView, Styled, can_focus=False):
    """A scrolling widget with a `render_line` of its own; it takes no focus, so that keys go to the app."""

    DEFAULT_CSS = """
    LineView {
        overflow-x: hidden; overflow-y: auto;
        scrollbar-gutter: stable; scrollbar-size: 0 1;
    }
    """
    ALLOW_SELECT = False

    _measured: tuple[Size, int] | None = None

    def fit(self, lines: int, grows: bool = False) -> None:
        """Tell how many lines there are.

        A layout paints the whole screen anew, twice; it is asked for only where it could change something:
        where the scrollbar comes or goes, or where the widget `grows` with its lines.
        """
        size, height = Size(0, lines), self.scrollable_content_region.height
        if size == self.virtual_size:
            return
        if grows or (lines > height) != (self.virtual_size.height > height):
            self.virtual_size = size
            return
        self.set_reactive(LineView.virtual_size, size)
        self.vertical_scrollbar.window_virtual_size = lines
        self.scroll_y = self.validate_scroll_y(self.scroll_y)

    @property
    def line_width(self) -> int:
        """Cells of a line; the scrollbar's room is never part of it. Measured once for each size."""
        if self._measured is None or self._measured[0] != self.outer_size:
            self._measured = self.outer_size, self.scrollable_content_region.width
        return self._measured[1]
