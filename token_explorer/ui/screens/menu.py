"""The menu: all keys as lines to click or touch, for whoever has no keyboard at hand.

Made from the table of keys; knows nothing of what they do, but tells which one was chosen.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from token_explorer.ui.keys import Key

# Cells before what a key does.
INDENT = 10
CLOSE = "close"


class MenuScreen(ModalScreen[str | None], inherit_bindings=False):
    """Keys by their groups; gives the id of the chosen one, None where it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "close", show=False)]
    DEFAULT_CSS = """
    MenuScreen { align: center middle; }
    MenuScreen OptionList {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
        border-subtitle-color: $text-muted; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, table: Sequence[Key]) -> None:
        super().__init__()
        self._table = table
        for key in table:
            if key.id == "menu":
                for name in key.keys:
                    self._bindings.bind(name, "dismiss(None)", "close", show=False)

    def compose(self) -> ComposeResult:
        listed = OptionList(*_options(self._table), markup=False)
        listed.border_title, listed.border_subtitle = "Menu", "Enter or a click does it · Esc closes"
        yield listed

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.dismiss(None if message.option_id == CLOSE else message.option_id)


def _options(table: Iterable[Key]) -> Iterator[Option]:
    yield Option(_line("Esc", "close this menu"), CLOSE)
    for group, keys in groupby(table, key=lambda key: key.group):
        yield Option(Content.styled(group, "bold"), disabled=True)
        for key in keys:
            if key.id != "menu":
                yield Option(_line(key.shown, key.help), key.id)


def _line(keys: str, help: str) -> Content:
    return Content.assemble((f"{keys:<{INDENT}}", "bold"), " ", help)
