"""A room: a screen beside the explorer's that shows the same prompt in another way, by the same keys.

It is told what is known and says what it needs; it asks no engine itself.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

from textual.message import Message
from textual.screen import Screen

from token_explorer.core.engine import Answer
from token_explorer.core.observation import Facet, Kind
from token_explorer.errors import ExplorerError
from token_explorer.results.palette import Palettes
from token_explorer.ui.keys import Key
from token_explorer.ui.view import View

# The class that a screen has while it is as narrow as a phone's: panes stand one below the other.
NARROW = [(0, "-narrow"), (60, "-broad")]


class Known(Protocol):
    """What is known of the prompt that is shown."""

    def __call__(self, facet: Facet[Answer]) -> Answer | ExplorerError | None:
        """The answer to a facet, or why there is none; None while it isn't known."""
        ...


class RoomKind(Protocol):
    """A class of rooms."""

    @property
    def needs(self) -> Kind:
        """What the model must have for such a room."""
        ...

    def __call__(self, palettes: Palettes, keys: Sequence[Key]) -> "Room":
        """Make a room, closed as yet.

        Args:
            keys: the table, as the user remapped it.
        """
        ...


class Room(Screen[None], inherit_bindings=False):
    """A screen beside the explorer's."""

    AUTO_FOCUS = None
    HORIZONTAL_BREAKPOINTS = NARROW
    needs: ClassVar[Kind]
    """What the model must have for this room."""

    class CursorMoved(Message):
        """The token cursor shall move; None takes it off."""

        def __init__(self, cursor: int | None) -> None:
            super().__init__()
            self.cursor = cursor

    class PinChosen(Message):
        """A token shall be followed through the layers; None for no token."""

        def __init__(self, token: int | None) -> None:
            super().__init__()
            self.token = token

    class Changed(Message):
        """Something else is in view: `wanted` may have changed."""

    def show(self, view: View, known: Known) -> None:
        """Draw a prompt with what is known of it. Called at each change of either, and once at the start."""
        raise NotImplementedError

    def wanted(self) -> Sequence[Facet[Any]]:
        """The facets of the prompt last shown that what is in view needs, most urgent first."""
        raise NotImplementedError

    def press(self, id: str) -> bool:
        """Do what a key of the table means here; False for one that means what it means everywhere."""
        raise NotImplementedError

    # The token that is looked at. Steps count from where the cursor is heading, so that fast keys lose none.

    _heading: int | None = None
    """Where the cursor was asked to go, until the application has moved it there."""

    def position(self, view: View) -> int:
        """The token that the cursor is on, or heads for; the last one where there is no cursor."""
        return cursor_of(view) if self._heading is None else self._heading

    def arrive(self, view: View, before: View | None) -> None:
        """The application shows another view: it has moved the cursor, or the prompt is another one."""
        if before is None or view.branch.ids != before.branch.ids or cursor_of(view) == self._heading:
            self._heading = None

    def go(self, place: int, view: View) -> None:
        """Ask for the cursor on a token, or the nearest there is; on the last one, for none."""
        last = len(view.branch.ids) - 1
        place = max(0, min(place, last))
        if place != self.position(view):
            self._heading = place
            self.post_message(self.CursorMoved(None if place == last else place))

    def step(self, steps: int, view: View) -> None:
        """Go so many tokens further."""
        self.go(self.position(view) + steps, view)

    def step_word(self, steps: int, view: View) -> None:
        """Go to the next or previous token that a word begins with, or to an end."""
        self.go(view.vocabulary.next_word(view.branch.ids, self.position(view), steps), view)

    def walks(self) -> dict[str, Callable[[View], None]]:
        """What keys do to the cursor in every room, by their ids."""
        return {
            **{id: partial(self.step, -1) for id in ("look-back", "pop")},
            **{id: partial(self.step, 1) for id in ("look-on", "append")},
            "word-back": partial(self.step_word, -1),
            "word-on": partial(self.step_word, 1),
            "look-first": partial(self.go, 0),
        }


def cursor_of(view: View) -> int:
    """The token that the cursor is on; the last one where there is none."""
    return len(view.branch.ids) - 1 if view.branch.cursor is None else view.branch.cursor
