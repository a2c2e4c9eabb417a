"""A box to write text in, whatever the text is: what a terminal would obey is drawn as a harmless sign.

Knows nothing of tokens.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter, ne
from typing import ClassVar

from rich.containers import Lines
from rich.style import Style
from rich.text import Span, Text
from textual import events
from textual.geometry import Offset
from textual.widgets import TextArea
from textual.widgets.text_area import DocumentNavigator, Location, WrappedDocument

from token_explorer.ui.widgets.page import Page

# Terminals send a pasted newline as either.
_LINE_ENDS = re.compile("\r\n?")
_PLAIN = Style()


class _Line(Text):
    """A line for a text area to draw on. That has it looked through and cut anew for each of its rows; here,
    once for all of them: a text may be one line.
    """

    sheet: "_Sheet"

    def set_length(self, new_length: int) -> None:
        """See Text.set_length."""
        self.append(" " * max(0, new_length - len(self)))

    def divide(self, offsets: Iterable[int]) -> Lines:
        """See Text.divide."""
        return self.sheet.rows(self, tuple(offsets))


class _Sheet:
    """One line as it is drawn, what isn't drawn as it is marked; and how it was cut last."""

    def __init__(self, held: str = "", drawn: str = "", style: Style = _PLAIN) -> None:
        self.key = held, style
        self._drawn = Text(drawn)
        self._marks = [Span(start, end, style) for start, end in _changed(held, drawn)]
        self._cut: tuple[object, ...] = ()
        self._rows = Lines()

    def line(self) -> _Line:
        """The line, to be drawn on."""
        line = _Line(end="", no_wrap=True)
        line.append_text(self._drawn)
        line.spans, line.sheet = self._marks, self
        return line

    def rows(self, line: Text, offsets: tuple[int, ...]) -> Lines:
        """The rows of the line with what was drawn on it."""
        cut = len(line), offsets, line.spans[len(self._marks) :]
        if cut != self._cut:
            self._cut, self._rows = cut, Text.divide(line, offsets)
        return self._rows


def _changed(held: str, drawn: str) -> Iterator[tuple[int, int]]:
    """Where a line isn't drawn as it is: stretches, from their start to their end."""
    if held != drawn:
        odd = enumerate(map(ne, held, drawn))
        for is_odd, stretch in groupby(odd, key=itemgetter(1)):
            if is_odd:
                places = [place for place, _ in stretch]
                yield places[0], places[-1] + 1


class TextBox(TextArea):
    """Several lines of text, softly wrapped.

    Args:
        placeholder: shown while it is empty.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text-box--sign"}
    DEFAULT_CSS = """
    TextBox, TextBox:focus {
        border: none; border-left: solid $primary; border-right: solid $primary; background: $background;
        scrollbar-gutter: stable; scrollbar-size: 0 1;
    }
    TextBox > .text-box--sign { color: $text-warning; text-style: underline; }
    """

    def __init__(self, *, placeholder: str = "", id: str | None = None) -> None:
        self._sheet = _Sheet()
        super().__init__(highlight_cursor_line=False, placeholder=placeholder, id=id)

    def fill(self, text: str) -> None:
        """Hold another text, with the cursor at its end and nothing to undo."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    def rewrite(self, text: str) -> None:
        """Put another text in place of this one, as a change that can be undone."""
        self.history.checkpoint()
        self.replace(text, self.document.start, self.document.end, maintain_selection_offset=False)

    def on_paste(self, event: events.Paste) -> None:
        """Before the text area takes it."""
        event.text = _LINE_ENDS.sub("\n", event.text)

    def _set_document(self, text: str, language: str | None) -> None:
        """Hold the text in a document of our own; Textual's cuts it at signs that are no newlines."""
        self.document = self._page = Page(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor(self.document.start)
        self._rewrap_and_refresh_virtual_size()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """See there. An undo takes lines away before it takes the cursor from them."""
        if self.cursor_location[0] >= self.document.line_count:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """None: a text is no program, and a search goes through all of it at each key."""
        return None

    def get_line(self, line_index: int) -> Text:
        """See TextArea.get_line."""
        held, sign = self._page.get_line(line_index), self.get_component_rich_style("text-box--sign")
        if self._sheet.key != (held, sign):
            self._sheet = _Sheet(held, self._page.drawn(held), sign)
        return self._sheet.line()
