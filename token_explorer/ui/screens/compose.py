"""The screens to write text in: boxes, and beside them the tokens of what they hold, as they will be.

Ask no engine themselves; know nothing of what becomes of the tokens.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.message import Message

from token_explorer.core.cuts import Cut
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError
from token_explorer.results.palette import Palettes
from token_explorer.ui import roomwords, words
from token_explorer.ui.keys import Item, Key
from token_explorer.ui.screens.room import Known, Room
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Bar, run
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.textbox import TextBox
from token_explorer.ui.widgets.tokenlist import SPECIAL, TokenList

# Keys that mean the same everywhere, if they aren't letters of the text.
_EVERYWHERE = frozenset({"quit", "help", "commands", "cursor-off"})
_WIDE = 100


class Composer(Room):
    """Boxes of text and the list of its tokens. A subclass says what the boxes are, and what asks for tokens.

    Attributes:
        boxes: where text is written, from top to bottom.
        tokens: the list.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "apply", show=False),
        Binding("escape", "app.press('cursor-off')", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
        Binding("ctrl+up", "scroll_tokens(-1)", show=False),
        Binding("ctrl+down", "scroll_tokens(1)", show=False),
    ]
    DEFAULT_CSS = """
    Composer { layout: vertical; overflow: hidden; background: $background; }
    Composer #composer-title { background: $panel; }
    Composer #composer-body { height: 1fr; layout: horizontal; }
    Composer #composer-texts { width: 1fr; height: 1fr; }
    Composer #composer-tokens { width: 45%; min-width: 40; max-width: 70; height: 1fr; }
    Composer TokenList {
        height: 1fr; background: $background; border-left: solid $primary; border-right: solid $primary;
    }
    Composer.-stacked #composer-body { layout: vertical; }
    Composer.-stacked #composer-tokens { width: 1fr; max-width: 100%; }
    """
    heading: ClassVar[str]
    """What the screen is for, for its title."""
    opens_new: ClassVar[bool]
    """Whether what is written shall be another prompt, beside the one that is shown."""
    FOOTER: ClassVar[Sequence[Item]] = (Item(("ctrl+s",), "apply"), Item(("ctrl+z",), "undo", 3))
    """Keys and what they do here, but for those that leave."""

    class Applied(Message):
        """The tokens shall be used.

        Attributes:
            ids: of exactly the text that the boxes show.
            room: whose they are; it is for the application to close it.
        """

        def __init__(self, ids: TokenIds, room: "Composer") -> None:
            super().__init__()
            self.ids = ids
            self.room = room

    def __init__(self, palettes: Palettes, keys: Sequence[Key]) -> None:
        super().__init__()
        self.tokens = TokenList()
        self.boxes: Sequence[TextBox] = self.make_boxes()
        self._title, self._note = Bar(id="composer-title"), Bar()
        self._note.display = False
        self._tops = [Bar(("├", "┤") if place else ("╭", "╮"), "─") for place in range(len(self.boxes))]
        self._bottom = Bar(("╰", "╯"), "─")
        self._tokens_top, self._tokens_bottom = Bar(("╭", "╮"), "─"), Bar(("╰", "╯"), "─")
        scroll = Item(("ctrl+up", "ctrl+down"), "scroll tokens", 4, "Ctrl+↑↓")
        leave = [Item(("escape",), "leave as draft", 1), *roomwords.footer(keys, {"quit": "quit"})]
        self._footer = Footer([*self.FOOTER, scroll, *leave])
        self._shown: tuple[View, Known] | None = None
        self._texts = self.texts
        self._waits = False
        self._refused = ""

    # What a subclass says.

    def make_boxes(self) -> Sequence[TextBox]:
        """The boxes, from top to bottom."""
        raise NotImplementedError

    def labels(self) -> Sequence[str]:
        """What stands above each box."""
        raise NotImplementedError

    def facet(self) -> Facet[Cut]:
        """What asks for the tokens of the text in the boxes."""
        raise NotImplementedError

    def own(self, view: View) -> TokenIds | None:
        """The tokens where the text has some of its own, that no tokenizer needs to be asked for."""
        return None

    def notes(self, view: View) -> Iterator[str]:
        """What is to be known of the text, most important first."""
        return iter(())

    def origin(self, view: View) -> str:
        """Whose tokens are listed."""
        raise NotImplementedError

    def arrive(self, view: View, before: View | None) -> None:
        """See Room.arrive; here, what the boxes hold follows the prompt."""

    # What a room does.

    def compose(self) -> ComposeResult:
        yield from (self._title, self._note)
        with Container(id="composer-body"):
            with Vertical(id="composer-texts"):
                for top, box in zip(self._tops, self.boxes, strict=True):
                    yield from (top, box)
                yield self._bottom
            with Vertical(id="composer-tokens"):
                yield from (self._tokens_top, self.tokens, self._tokens_bottom)
        yield self._footer

    def on_resize(self) -> None:
        """Tokens stand below the text where there is no room beside it."""
        self.set_class(self.size.width < _WIDE, "-stacked")

    def show(self, view: View, known: Known) -> None:
        """See Room.show."""
        self.arrive(view, None if self._shown is None else self._shown[0])
        self._shown = view, known
        self._draw()
        if self._waits:
            self._try_to_apply(view)

    def wanted(self) -> Sequence[Facet[Any]]:
        """See Room.wanted."""
        if self._shown is None or self.own(self._shown[0]) is not None:
            return []
        return [self.facet()]

    def press(self, id: str) -> bool:
        """See Room.press: while a text is written, keys do nothing to the prompt."""
        return id not in _EVERYWHERE

    @property
    def texts(self) -> tuple[str, ...]:
        """What the boxes hold."""
        return tuple(box.text for box in self.boxes)

    def on_text_area_changed(self) -> None:
        """The text may be another one: what waited to be applied is no longer what was asked for."""
        if self._texts != (texts := self.texts):
            self._texts, self._waits, self._refused = texts, False, ""
            self._draw()
            self.post_message(self.Changed())

    def action_scroll_tokens(self, pages: int) -> None:
        """Look further up or down the list."""
        self.tokens.scroll_relative(y=pages * self.tokens.page, animate=False)

    # What becomes of the text.

    def action_apply(self) -> None:
        """Have the tokens used; as soon as they are known where they aren't."""
        if self._shown is not None:
            self._waits = True
            self._try_to_apply(self._shown[0])
            self._draw()

    def _try_to_apply(self, view: View) -> None:
        answer = self._answer()
        self._waits, self._refused = answer is None, ""
        if isinstance(answer, ExplorerError):
            self._refused = f"Not applied: {words.plain(answer.title)}"
        elif answer is not None:
            self.post_message(self.Applied(answer, self))

    def _answer(self) -> TokenIds | ExplorerError | None:
        """The tokens of exactly the text in the boxes, or why there are none; None while neither is known."""
        if self._shown is None:
            return None
        view, known = self._shown
        if (own := self.own(view)) is not None:
            return own
        answer = known(self.facet())
        return answer.tokens if isinstance(answer, Cut) else answer

    # What is shown.

    def _draw(self) -> None:
        if self._shown is None:
            return
        view, _ = self._shown
        self._title.set(roomwords.title(self.heading, view))
        for label, top in zip(self.labels(), self._tops, strict=True):
            top.set([run(f" {label} ", bold=True)])
        waiting = "Applied as soon as the tokens are known" if self._waits else ""
        notes = [each for each in (self._refused, waiting, *self.notes(view)) if each]
        self._note.display = bool(notes)
        self._note.set([run(" · ".join(notes), bold=True)])
        self._draw_tokens(view, self._answer())

    def _draw_tokens(self, view: View, found: TokenIds | ExplorerError | None) -> None:
        """List the tokens, or say why there are none; while they aren't known, those before are dimmed."""
        count, special, origin = " … ", False, ""
        if isinstance(found, ExplorerError):
            self.tokens.say(roomwords.why_not(found))
            count = " none "
        elif found is None:
            self.tokens.wait()
        else:
            self.tokens.show(found, view.vocabulary)
            count, origin = _counted(len(found), view), f" {self.origin(view)} "
            special = not view.vocabulary.special.isdisjoint(found)
        self._tokens_top.set([run(" tokens ", bold=True)], [run(count)])
        self._tokens_bottom.set([run(f" {SPECIAL} special ")] if special else [], [run(origin, dim=True)], [])


def _counted(tokens: int, view: View) -> str:
    """How many tokens there are, of how many that the model takes."""
    context = 0 if view.info is None else view.info.context
    return f" {tokens} of {context} " if context else f" {tokens} "
