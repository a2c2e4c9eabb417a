"""The help screen: what every key and every overlay does, made from the tables that they live in.

Knows nothing of how any of it is done.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from token_explorer.core.search import MODES
from token_explorer.overlays import Overlay
from token_explorer.ui.keys import Key, shown_key
from token_explorer.ui.screens.compose import Composer
from token_explorer.ui.widgets.wrapping import wrapped

# A row: a key or a thing, and what it does. A section: a heading, and its rows.
Row = tuple[str, str]
Section = tuple[str, Iterable[Row]]

BOX = 76
# Cells of a line: the box without its border, its padding and the bar that scrolls it.
WIDTH = BOX - 2 - 4 - 1
# Cells before what a row says: room for what it is about, between blanks.
INDENT = 14


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """Keys and overlays; closes with escape, q, or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "close", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]
    DEFAULT_CSS = f"""
    HelpScreen {{ align: center middle; }}
    HelpScreen VerticalScroll {{
        width: {BOX}; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 2;
        border-subtitle-color: $text-muted; scrollbar-size-vertical: 1;
    }}
    """

    def __init__(self, keys: Iterable[Key], overlays: Iterable[Overlay]) -> None:
        super().__init__()
        self._keys, self._overlays = tuple(keys), tuple(overlays)
        self._said = Static(markup=False)
        for key in self._keys:
            if key.id == "help":
                for name in key.keys:
                    self._bindings.bind(name, "dismiss", "close", show=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False) as box:
            box.border_title = "Token Explorer"
            box.border_subtitle = "↑↓ Space scroll · Esc closes"
            yield self._said

    def on_resize(self) -> None:
        """A row goes on below itself, on a narrow screen earlier."""
        self._said.update(self.text(min(WIDTH, self.size.width - (BOX - WIDTH))))

    def text(self, width: int = WIDTH) -> Text:
        """The whole help, in so many cells."""
        text = Text()
        for heading, rows in self._sections():
            text.append(f"{heading}\n", Style(bold=True))
            for name, help in rows:
                _add_row(text, name, help, width)
            text.append("\n")
        text.rstrip()
        return text

    def _sections(self) -> Iterator[Section]:
        for group, keys in groupby(self._keys, key=lambda key: key.group):
            yield group, [(key.shown, key.help) for key in keys]
        plain = ("text", "no colours; what you added is underlined")
        yield "Overlays", [plain, *((overlay.name, overlay.help) for overlay in self._overlays)]
        yield "In the table", _columns()
        yield "While you search", self._search()
        yield "While you type a command", self._command_line()
        yield "In the sampler's panel", self._panel()
        yield "In a room", self._rooms()
        yield "Mouse", _mouse()

    def _keys_of(self, *ids: str, between: str = " ") -> str:
        """The first key of each id; the name of one that has none, as it is a command too."""
        first = {key.id: shown_key(key.keys[0]) if key.keys else f":{key.id}" for key in self._keys}
        return between.join(first[id] for id in ids)

    def _search(self) -> Iterator[Row]:
        yield "Tab", f"how it is read: {', '.join(MODES.values())}"
        yield "#14", "the token with this id, but in a regular expression"
        yield "␣ ↵", "a blank, and the end of a line"
        yield "Enter", "back to the other keys, with what was found"
        yield "Esc", "all tokens again"

    def _command_line(self) -> Iterator[Row]:
        listed = self._keys_of("commands")
        yield "a name", f"as {listed} lists it or as [keys] names what keys do: undo, run 50"
        yield "14", "look at the token with this number"
        yield "Tab", "complete it; again, with the next name that fits"
        yield "↑ ↓", "commands given before"

    def _panel(self) -> Iterator[Row]:
        yield self._keys_of("choose-up", "choose-down"), "choose a line"
        yield self._keys_of("pop", "append"), "turn it down, and up"
        yield self._keys_of("pin"), "switch the sampler on or off"
        yield self._keys_of("sampler", "cursor-off"), "close the panel"

    def _rooms(self) -> Iterator[Row]:
        looks = self._keys_of("lens", "attention", between=" and ")
        writes = self._keys_of("edit", "chat", between=" and ")
        apply = next(item.shown for item in Composer.FOOTER if item.label == "apply")
        yield self._keys_of("cursor-off"), f"leave it; from {looks} also by that key"
        yield apply, f"in {writes}: use what was written; leaving keeps a draft"
        yield "others", "stand at its bottom"

    def action_scroll(self, lines: int) -> None:
        """Scroll the box."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _columns() -> Iterator[Row]:
    yield "p", "probability of the token, as the model has it"
    yield "sampled", "the same after the sampler, where that is on"
    yield "cum", "probability of the token and all likelier ones together"
    yield "then", "what would follow the token, the likeliest one each time"
    yield "joint", "probability of the token and that together, as the model has it"


def _mouse() -> Iterator[Row]:
    yield "token", "look at it, and at what else could have stood there"
    yield "candidate", "choose it; once more, or by a double click, take it"
    yield "sparkline", "look at the token there"
    yield "panel", "choose a line; on its arrows, turn it"
    yield "footer", "do what the key does; ☰ lists all keys"


def _add_row(text: Text, name: str, help: str, width: int) -> None:
    """Add a row; what it says goes on below itself, and begins there where the name takes its place."""
    lines = wrapped(help, max(1, width - INDENT))
    if len(name) > INDENT - 3:
        lines = ["", *lines]
    text.append(f"  {name:<{INDENT - 2}}", Style(bold=True))
    text.append(f"\n{'':{INDENT}}".join(lines)).append("\n")
