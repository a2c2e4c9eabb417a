"""The editor: the text of the prompt, to be written anew.

Asks no engine itself; knows nothing of what becomes of the prompt.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from token_explorer.core.cuts import Encoding
from token_explorer.core.tokens import TokenIds
from token_explorer.results.palette import Palettes
from token_explorer.ui.keys import Item, Key
from token_explorer.ui.screens.compose import Composer
from token_explorer.ui.view import View
from token_explorer.ui.widgets.textbox import TextBox


class EditRoom(Composer):
    """One box with the prompt's text. As long as it isn't changed, the tokens are the prompt's own."""

    needs = "tokenizer"
    heading = "Edit"
    opens_new = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "load", show=False)]
    FOOTER = (*Composer.FOOTER, Item(("ctrl+r",), "load the prompt", 3))

    def __init__(self, palettes: Palettes, keys: Sequence[Key]) -> None:
        super().__init__(palettes, keys)
        self._loaded: TokenIds = ()
        self._clean = ""
        """What the box held when it was loaded."""
        self._broken = False
        self._follows = True
        """Whether there is no draft, whatever is in the box: nothing was loaded, or all was applied."""

    @property
    def box(self) -> TextBox:
        """The one that there is."""
        return self.boxes[0]

    @property
    def drafted(self) -> bool:
        """Whether the text is another one than the prompt's that was loaded."""
        return self.box.text != self._clean

    def make_boxes(self) -> Sequence[TextBox]:
        """See Composer.make_boxes."""
        return (TextBox(),)

    def labels(self) -> Sequence[str]:
        """See Composer.labels."""
        return ("text, changed" if self.drafted else "text",)

    def facet(self) -> Encoding:
        """See Composer.facet."""
        return Encoding(self.box.text, whole=True)

    def own(self, view: View) -> TokenIds | None:
        """See Composer.own."""
        unchanged = view.branch.ids == self._loaded and not self.drafted
        return view.branch.ids if unchanged else None

    def origin(self, view: View) -> str:
        """See Composer.origin."""
        return "as the tokenizer cuts it" if self.own(view) is None else "the prompt's own"

    def notes(self, view: View) -> Iterator[str]:
        """See Composer.notes."""
        if view.branch.ids != self._loaded:
            yield "Draft of another prompt: Ctrl+R loads this prompt's text"
        elif self._broken:
            yield "U+FFFD stands for bytes that make no whole character"

    def arrive(self, view: View, before: View | None) -> None:
        """See Composer.arrive: the text of another prompt is loaded, unless there is a draft."""
        ids = view.branch.ids
        if before is not None and ids == before.branch.ids and not self._follows:
            return
        text = view.vocabulary.text(ids)
        if self._follows or not self.drafted or text == self.box.text:
            if text != self.box.text:
                self.box.fill(text)
            self._take(view)

    def action_load(self) -> None:
        """Put the prompt's own text in place of what is in the box; that can be undone there."""
        if self._shown is not None:
            view, _ = self._shown
            self.box.rewrite(view.vocabulary.text(view.branch.ids))
            self._take(view)
            self._draw()

    def on_composer_applied(self) -> None:
        self._follows = True

    def _take(self, view: View) -> None:
        """What the box holds now is the prompt's text."""
        ids = view.branch.ids
        self._loaded, self._clean, self._follows = ids, self.box.text, False
        whole = view.vocabulary.utf8(ids)
        self._broken = whole.decode("utf-8", errors="replace").encode() != whole
