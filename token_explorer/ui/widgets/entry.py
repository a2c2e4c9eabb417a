"""The line at the bottom of the screen that the user types in: to search, to insert, to command.

Hidden until it is opened with an Entry. Knows nothing of what becomes of the text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual import events
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from token_explorer.ui.history import History
from token_explorer.ui.widgets.field import Field

# The entry whose text goes to the model, so that its line ends are kept.
VERBATIM = "insert"

Given: TypeAlias = events.Key | events.Paste
"""What is typed or pasted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line is typed for.

    Attributes:
        name: 'find', 'insert', 'open', 'command'.
        label: what stands before the text.
        hint: stands at the right until something is told there.
        offers: completions of the whole line, best first; None where the tab key is for others.
        remembers: up and down go through the lines that were submitted under this name.
    """

    name: str
    label: str
    hint: str = ""
    offers: Callable[[str], Sequence[str]] | None = None
    remembers: bool = False

    @property
    def verbatim(self) -> bool:
        """Whether line ends are part of the text; else they become blanks."""
        return self.name == VERBATIM


class EntryLine(Widget):
    """One line to type in, until Enter or Escape. What happens to it is told in messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "complete", show=False),
        Binding("shift+tab", "complete(-1)", "complete backwards", show=False),
        Binding("up", "recall(-1)", "earlier line", show=False),
        Binding("down", "recall(1)", "later line", show=False),
    ]
    DEFAULT_CSS = """
    EntryLine { display: none; height: 1; width: 1fr; background: $panel; }
    """

    @dataclass
    class Changed(Message):
        """The text is another one."""

        entry: Entry
        text: str

        def can_replace(self, message: Message) -> bool:
            """Of texts that wait in the queue only the last matters."""
            return isinstance(message, EntryLine.Changed) and message.entry is self.entry

    class Turned(Message):
        """The line was opened or closed."""

    @dataclass
    class Submitted(Message):
        """Enter was pressed, which closed the line."""

        entry: Entry
        text: str

    @dataclass
    class Left(Message):
        """Escape was pressed, which closed the line."""

        entry: Entry

    @dataclass
    class Strayed(Message):
        """What came when the line had closed: it is for others, as it is after Enter or Escape."""

        input: Given

    @dataclass
    class Tabbed(Message):
        """Tab was pressed where nothing is offered."""

        entry: Entry

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.entry: Entry | None = None
        """What is typed for; None while the line is closed."""
        self._field = Field(self._end)
        self._histories: dict[str, History] = {}
        self._ring: Sequence[str] = ()  # what tab goes round: what was typed, and all that was offered for it
        self._turn = 0
        self.passed: events.Key | None = None
        """The last key that was left to others, after it was offered to the line."""

    def compose(self) -> ComposeResult:
        yield self._field

    def on_mount(self) -> None:
        # A watcher runs at once; a message of the field's could arrive when another entry is open.
        self.watch(self._field, "value", self._take, init=False)

    @property
    def text(self) -> str:
        """What is typed now."""
        return self._field.value

    def open(self, entry: Entry, text: str = "") -> None:
        """Show the line with a text in it, and take the keys; another entry's text is gone."""
        self.entry, self._ring = None, ()
        self._field.begin(entry.label, entry.hint, entry.verbatim)
        self.entry = entry
        self._history(entry).rest()
        self._field.put(text)
        self.display = True
        # At once, not as Widget.focus does it: a key that comes before that would not be text.
        self.screen.set_focus(self._field, scroll_visible=False)
        self.post_message(self.Turned())

    def close(self) -> None:
        """Hide the line, and give the keys back."""
        self.entry = None
        if self.screen.focused is self._field:
            self.screen.set_focus(None)
        self.display = False
        self._field.begin("", "", False)
        self.post_message(self.Turned())

    def tell(self, words: str, wrong: bool = False) -> None:
        """Put words at the right; none bring the entry's own hint back.

        Args:
            wrong: they tell of an error.
        """
        hint = "" if self.entry is None else self.entry.hint
        self._field.say(words or hint, told=bool(words), wrong=wrong and bool(words))

    def take(self, key: events.Key) -> None:
        """Type a key that went elsewhere, as it was pressed before the line had opened."""
        self._field._forward_event(_again(key))

    def on_key(self, event: events.Key) -> None:
        self.passed = event

    # What is typed.

    def _take(self, text: str) -> None:
        if self.entry is None:
            return
        offers = self.entry.offers(text) if self.entry.offers and text else ()
        longer = (offer for offer in offers if offer.startswith(text) and offer != text)
        self._field.rest = next(longer, text).removeprefix(text)
        self.post_message(self.Changed(self.entry, text))

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()

    def on_input_blurred(self, message: Input.Blurred) -> None:
        message.stop()

    def _end(self, given: Given) -> bool:
        """Close the line where a key does that, and pass on what comes after it; whether that was done.

        Not by a binding: when that acts, the keys behind it have been typed already.
        """
        entry, text = self.entry, self.text
        key = given.key if isinstance(given, events.Key) else ""
        if entry is None:
            self.post_message(self.Strayed(_again(given)))
        elif key == "enter":
            if entry.remembers:
                self._history(entry).add(text)
            self.close()
            self.post_message(self.Submitted(entry, text))
        elif key == "escape":
            self.close()
            self.post_message(self.Left(entry))
        else:
            return False
        return True

    # What the other keys do.

    def action_recall(self, steps: int) -> None:
        """Go to a line that was submitted before, where they are remembered."""
        if self.entry is None or not self.entry.remembers:
            raise SkipAction
        self._field.put(self._history(self.entry).walk(steps, self.text))

    def action_complete(self, steps: int) -> None:
        """Put what is offered in the place of what is typed; again, the next of it."""
        if self.entry is None:
            raise SkipAction
        if self.entry.offers is not None:
            self._turn_ring(self.entry.offers, steps)
        elif steps > 0:
            self.post_message(self.Tabbed(self.entry))

    def _turn_ring(self, offers: Callable[[str], Sequence[str]], steps: int) -> None:
        text = self.text
        if not self._ring or self._ring[self._turn] != text:
            self._ring, self._turn = (text, *(offer for offer in offers(text) if offer != text)), 0
        self._turn = (self._turn + steps) % len(self._ring)
        self._field.put(self._ring[self._turn])
        if len(self._ring) == 2:  # the only one is taken; tab goes on from there
            self._ring = ()

    def _history(self, entry: Entry) -> History:
        return self._histories.setdefault(entry.name, History())


def _again(given: Given) -> Given:
    """The same, to be dealt with from the start."""
    if isinstance(given, events.Key):
        return events.Key(given.key, given.character)
    return events.Paste(given.text)
