"""A room: a screen beside the explorer's that shows the same prompt in another way, by the same keys.

It is told what is known and says what it needs; it asks no engine itself.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from textual.message import Message
from textual.screen import Screen

from token_explorer.core.engine import Answer
from token_explorer.core.observation import Facet, Kind
from token_explorer.errors import ExplorerError
from token_explorer.ui.keys import Key
from token_explorer.ui.palette import Palettes
from token_explorer.ui.view import View


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
