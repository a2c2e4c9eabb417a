"""The models: those that are here, and a line for the name of any other; then how far the chosen one is.

Knows nothing of how a model is opened: it tells which one was chosen, or that it is given up.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from token_explorer.core.engine import Progress
from token_explorer.core.tokens import display
from token_explorer.errors import ExplorerError
from token_explorer.results.blocks import bar
from token_explorer.ui import words

BAR = 24
NAME = "name"
HINT = "a hub id, a folder, a .gguf file"


class ModelScreen(ModalScreen[None], inherit_bindings=False):
    """Models to choose from; stays open while the chosen one loads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]
    DEFAULT_CSS = """
    ModelScreen { align: center middle; }
    ModelScreen Vertical {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1; border-subtitle-color: $text-muted;
    }
    ModelScreen OptionList {
        height: auto; max-height: 60vh; border: none; background: $surface; scrollbar-size-vertical: 1;
    }
    ModelScreen Input { margin: 1 0 0 0; height: 3; }
    ModelScreen Static { margin: 1 0 0 0; height: auto; }
    ModelScreen .wrong { color: $error; }
    """

    class Chosen(Message):
        """A model shall be opened in place of the one in use."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class GivenUp(Message):
        """The model that loads isn't wanted any more."""

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self.loading_name = ""
        """Name of the model that loads; '' while none does."""
        self._offered: list[str] = []
        self._list = OptionList(markup=False)
        self._field = Input(placeholder=f"or {HINT}", id=NAME)
        self._status = Static("Looking for models …", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title, box.border_subtitle = "Model", "Enter or a click opens it · Esc leaves"
            yield from (self._list, self._field, self._status)

    def offer(self, models: Sequence[tuple[str, str]]) -> None:
        """List models by name, each with a few words about it."""
        self._offered = [name for name, _ in models]
        self._list.clear_options()
        self._list.add_options([Option(self._line(*each)) for each in models])
        if models and not self.loading_name:
            self._list.highlighted = 0
            self._list.focus()
        if not self.loading_name:
            self._status.update("")

    def _line(self, name: str, about: str) -> Content:
        now = " · in use" if name == self._current else ""
        return Content.assemble((display(name), "bold"), f"  {display(about)}{now}")

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self._choose(self._offered[message.option_index])

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if name := message.value.strip():
            self._choose(name)

    def _choose(self, name: str) -> None:
        if not self.loading_name:
            self.post_message(self.Chosen(name))

    def load(self, name: str) -> None:
        """Show that a model loads; nothing else can be chosen meanwhile."""
        self.loading_name = name
        self._list.display = self._field.display = False
        self._tell(f"Opening {display(name)} …\n\nEsc or a click here gives it up.")

    def show_progress(self, progress: Progress) -> None:
        """Show how far it is."""
        part = min(1.0, progress.done / progress.total) if progress.total else None
        drawn = "…" if part is None else f"{bar(part, BAR).ljust(BAR, '·')} {part:.0%}"
        stage = f"{display(self.loading_name)}: {words.plain(progress.stage)}\n{drawn}"
        self._tell(f"{stage}\n\nEsc or a click here gives it up. The model in use stays till it is there.")

    def fail(self, error: ExplorerError) -> None:
        """Show why it can't be had, and let another one be chosen."""
        self.loading_name = ""
        self._list.display = self._field.display = True
        said = "\n".join(part for part in (f"{error.title}: {error.message}", error.hint) if part)
        self._tell(words.plain(said), wrong=True)
        (self._list if self._offered else self._field).focus()

    def _tell(self, text: str, wrong: bool = False) -> None:
        self._status.set_class(wrong, "wrong")
        self._status.update(text)

    def on_click(self) -> None:
        if self.loading_name:
            self.post_message(self.GivenUp())

    def action_leave(self) -> None:
        if self.loading_name:
            self.post_message(self.GivenUp())
        else:
            self.dismiss()
