"""One line to type in: a label, the text, and words at the right end.

The text is kept as it is, line ends and escape codes too, and drawn safely; an Input draws it raw.
Knows nothing of what the text is for.
"""

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input

from token_explorer.core.tokens import display
from token_explorer.ui.typed import Typed, window
from token_explorer.ui.widgets.row import fitted

WRONG = "✗ "
# Cut to fewer cells than this, words say nothing.
LEAST_WORDS = 8
_LINE_END = re.compile(r"\r\n?")


class Field(Input):
    """An Input with a label before the text, words at its right end, and another way of drawing.

    It scrolls by itself, as how much of the text is in view depends on the words beside it.

    Args:
        deals: is offered each key and paste before it is typed, and says whether it has dealt with it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"field--label", "field--words", "field--wrong"}
    DEFAULT_CSS = """
    Field, Field:focus { background: $panel; background-tint: transparent; }
    Field > .field--label { color: $text-primary; text-style: bold; }
    Field > .field--words { color: $text-muted; }
    Field > .field--wrong { color: $text-error; text-style: bold; }
    """

    rest: reactive[str] = reactive("")
    """What is offered after the text: drawn while the cursor is at the end, taken with the right arrow."""

    _start = 0  # the first cell in view
    _label = ""
    _words = ""
    _told = _wrong = False
    _lines = False
    _shown: tuple[str, Typed] = " ", Typed.of(" ")

    def __init__(self, deals: Callable[[events.Key | events.Paste], bool]) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self._deals = deals
        self.cursor_blink = False  # a line that nobody types in costs nothing

    def begin(self, label: str, words: str, lines: bool) -> None:
        """Be another line, with nothing in it.

        Args:
            words: at the right, where there is room beside the text.
            lines: keep line ends; else each is a blank.
        """
        self.value, self.rest = "", ""
        gap = " " if label[-1:].isalnum() else ""
        self._label = f" {display(label)}{gap}" if label else " "
        self._lines = lines
        self.say(words)

    def say(self, words: str, told: bool = False, wrong: bool = False) -> None:
        """Have other words at the right.

        Args:
            told: they keep half of the line even where the text could use it.
            wrong: they tell of an error.
        """
        self._words = f"{WRONG if wrong else ''}{display(words)}" if words else ""
        self._told, self._wrong = told, wrong
        self.refresh()

    def put(self, text: str) -> None:
        """Have another text, the cursor at its end."""
        self.value = self._admitted(text)
        self.cursor_position = len(self.value)

    # What comes in.

    def replace(self, text: str, start: int, end: int) -> None:
        """See Input.replace; all that is typed, pasted and deleted comes this way."""
        super().replace(self._admitted(text), start, end)

    def _admitted(self, text: str) -> str:
        text = _LINE_END.sub("\n", text)
        return text if self._lines else text.strip("\n").replace("\n", " ")

    def on_key(self, event: events.Key) -> None:
        """Offer a key before an Input types it."""
        if self._deals(event):
            event.prevent_default().stop()

    def _on_paste(self, event: events.Paste) -> None:
        """Take all of it; an Input takes the first line."""
        event.prevent_default().stop()
        if not self._deals(event):
            self.replace(event.text, *self.selection)

    def action_cursor_right(self, select: bool = False) -> None:
        """See Input.action_cursor_right; at the end it takes what is offered."""
        if self.rest and self.cursor_at_end and self.selection.is_empty and not select:
            self.put(self.value + self.rest)
        else:
            super().action_cursor_right(select)

    # How it is drawn.

    def render_line(self, y: int) -> Strip:
        typed, start, room = self._view()
        places = typed.within(start, start + room)
        cut = start - typed.ends[places.start]
        text = Strip(self._segments(typed, places)).crop(cut, cut + room).adjust_cell_length(room)
        label = Strip([Segment(self._label, self.get_component_rich_style("field--label"))])
        line = Strip.join([label, text, self._words_strip(typed)])
        return line.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _typed(self) -> Typed:
        """The text, what is offered after it, and a blank for the cursor."""
        offered = self.rest if self.has_focus and self.cursor_at_end else ""
        if (whole := f"{self.value}{offered} ") != self._shown[0]:
            self._shown = whole, Typed.of(whole)
        return self._shown[1]

    def _view(self) -> tuple[Typed, int, int]:
        """What is drawn, the first cell of it in view, and how many are."""
        typed = self._typed()
        room = max(1, self.size.width - cell_len(self._label) - self._words_strip(typed).cell_length)
        under = typed.whole(self.cursor_position)
        cursor = range(typed.ends[under.start], typed.ends[under.stop])
        self._start = window(self._start, cursor, typed.cells, room)
        return typed, self._start, room

    def _words_strip(self, typed: Typed) -> Strip:
        """The words at the right, as much of them as there is room for, and a blank on both sides."""
        room, wanted = self.size.width - cell_len(self._label) - 2, cell_len(self._words)
        cells = min(wanted, max(room - typed.cells, room // 2 if self._told else 0))
        if not wanted or cells < min(LEAST_WORDS, wanted):
            return Strip.blank(0)
        style = self.get_component_rich_style("field--wrong" if self._wrong else "field--words")
        return Strip([Segment(f" {fitted(self._words, cells)} ", style)])

    def _segments(self, typed: Typed, places: range) -> Iterator[Segment]:
        selected, under = range(*sorted(self.selection)), typed.whole(self.cursor_position)
        active = self.has_focus
        names = ("cursor", "selection", "suggestion")
        cursor, selection, offered = (self.get_component_rich_style(f"input--{name}") for name in names)

        def style(place: int) -> Style | None:
            if active and place in under:
                return cursor
            if active and place in selected:
                return selection
            return offered if place >= len(self.value) else None

        for each, group in groupby(places, style):
            yield Segment("".join(typed.pieces[place] for place in group), each)

    # Where things are on the screen, for Input's own cursor and mouse.

    @property
    def content_width(self) -> int:
        """One cell, so that the scrolling of Input has nothing to do."""
        return 1

    @property
    def cursor_screen_offset(self) -> Offset:
        """See Input.cursor_screen_offset."""
        typed, start, _ = self._view()
        x, y, _, _ = self.content_region
        return Offset(x + cell_len(self._label) + typed.ends[self.cursor_position] - start, y)

    def _cell_offset_to_index(self, offset: int) -> int:
        typed, start, _ = self._view()
        return min(typed.at(start + offset - cell_len(self._label)), len(self.value))
