"""The help screen: what every key and every overlay does, made from the tables that they live in."""

from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from token_explorer.overlays import Overlay
from token_explorer.ui.keys import Key


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """Keys and overlays; closes with escape, q, or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "close", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 2;
        border-subtitle-color: $text-muted; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, keys: Iterable[Key], overlays: Iterable[Overlay]) -> None:
        super().__init__()
        self._keys, self._overlays = tuple(keys), tuple(overlays)
        for key in self._keys:
            if key.id == "help":
                for name in key.keys:
                    self._bindings.bind(name, "dismiss", "close", show=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False) as box:
            box.border_title = "Token Explorer"
            box.border_subtitle = "Esc closes"
            yield Static(self.text(), markup=False)

    def text(self) -> Text:
        """The whole help."""
        text = Text()
        for group, keys in groupby(self._keys, key=lambda key: key.group):
            text.append(f"{group}\n", Style(bold=True))
            for key in keys:
                text.append(f"  {key.shown:<12}", Style(bold=True)).append(f"{key.help}\n")
            text.append("\n")
        text.append("Overlays\n", Style(bold=True))
        text.append(f"  {'text':<12}", Style(bold=True)).append("no colours; what you added is underlined\n")
        for overlay in self._overlays:
            text.append(f"  {overlay.name:<12}", Style(bold=True)).append(f"{overlay.help}\n")
        text.append("\nRooms\n", Style(bold=True))
        text.append(f"  {self._rooms}\n")
        text.append("\nMouse\n", Style(bold=True))
        text.append("  click a token to look at it; click a candidate to choose it, again to append it")
        return text

    @property
    def _rooms(self) -> str:
        """How to get in and out of the rooms beside the explorer's."""
        shown = {key.id: key.shown for key in self._keys}
        ways = f"{shown['lens']} the logit lens, {shown['attention']} the attention maps"
        out = f"the same key or {shown['cursor-off']} closes."
        return f"{ways}; {out}\n  Each says at its bottom what keys do there."

    def action_scroll(self, lines: int) -> None:
        """Scroll the box."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
