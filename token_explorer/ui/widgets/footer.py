"""The bottom of the screen: the keys that matter most, as many as fit; a click does what the key does.

Knows nothing of what keys do: it tells which one was clicked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from token_explorer.ui.keys import Item
from token_explorer.ui.widgets.bar import run
from token_explorer.ui.widgets.styled import Styled

# Narrow screens, as a phone's, are high, and have no keyboard: lines of keys below each of these widths.
LINES = ((60, 4), (80, 2))
# But of so many lines of the screen, keys take one at most.
PART = 8


@dataclass(frozen=True, slots=True)
class _Placed:
    """An item in a line, from its first cell on."""

    item: Item
    start: int

    def key_at(self, x: int) -> str | None:
        """The key that a click in a cell means: each has its share of the item."""
        part = (x - self.start) * len(self.item.keys) // _width(self.item)
        return self.item.keys[part] if 0 <= part < len(self.item.keys) else None


class Footer(Styled):
    """Keys and what they do; those of rank 1 stand at the right and are always shown."""

    DEFAULT_CSS = """
    Footer { background: $panel; height: 1; }
    """
    ALLOW_SELECT = False

    class Clicked(Message):
        """A key was clicked, or touched."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, items: Iterable[Item], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._items = tuple(items)
        self._lines: Sequence[Sequence[_Placed]] = ()

    def offer(self, items: Iterable[Item]) -> None:
        """Show other keys."""
        if (items := tuple(items)) != self._items:
            self._items = items
            self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.size.width
        wanted = next((lines for below, lines in LINES if width < below), 1)
        lines = min(wanted, max(1, self.screen.size.height // PART))
        self._lines = laid_out(self._items, width, lines)
        self.styles.height = max(1, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        segments, at = [], 0
        for placed in self._lines[y] if y < len(self._lines) else ():
            segments += [Segment(" " * (placed.start - at)), *_runs(placed.item)]
            at = placed.start + _width(placed.item)
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.base)

    def on_click(self, event: events.Click) -> None:
        for placed in self._lines[event.y] if event.y < len(self._lines) else ():
            if key := placed.key_at(event.x):
                self.post_message(self.Clicked(key))


def laid_out(items: Sequence[Item], width: int, lines: int) -> list[list[_Placed]]:
    """The items that there is room for, in their order, in so many lines at most."""
    right = [item for item in items if item.rank == 1]
    others = sorted((item for item in items if item.rank > 1), key=lambda item: item.rank)
    shown: list[Item] = []
    for item in others:
        fuller = [each for each in items if each in shown or each is item]
        if len(_broken(fuller, right, width)) <= lines:
            shown = fuller
    return _broken(shown, right, width)


def _broken(left: Sequence[Item], right: Sequence[Item], width: int) -> list[list[_Placed]]:
    """Items one after the other, on as many lines as they take; the last ones at the right end."""
    placed: list[list[_Placed]] = [[]]
    at = 1
    for item in left:
        if at + _width(item) > width and placed[-1]:
            placed.append([])
            at = 1
        placed[-1].append(_Placed(item, at))
        at += _width(item)
    end = sum(map(_width, right))
    if at + end > width and placed[-1]:
        placed.append([])
        at = 1
    at = max(at, width - end)
    for item in right:
        placed[-1].append(_Placed(item, at))
        at += _width(item)
    return placed


def _width(item: Item) -> int:
    return len(item.shown) + len(item.label) + 3


def _runs(item: Item) -> list[Segment]:
    return [run(item.shown, bold=True), run(f" {item.label}  ", dim=True)]
