"""The doors to the rooms: what each needs of the model is known before the room itself is imported.

The explorer's first picture waits for none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from token_explorer.core.observation import Kind
from token_explorer.results.palette import Palettes
from token_explorer.ui.keys import Key
from token_explorer.ui.screens.room import Room


@dataclass(frozen=True, slots=True)
class Door:
    """A RoomKind that imports its class when the first room of it is made.

    Attributes:
        module: of token_explorer.ui.screens.
        room: the class.
        needs: see RoomKind.
    """

    module: str
    room: str
    needs: Kind

    def __call__(self, palettes: Palettes, keys: Sequence[Key]) -> Room:
        """See RoomKind."""
        made: Room = self.kind(palettes, keys)
        return made

    @property
    def kind(self) -> type:
        """The room's class."""
        found: type = getattr(import_module(f"token_explorer.ui.screens.{self.module}"), self.room)
        return found


DOORS: dict[str, Door] = {
    "lens": Door("lens", "LensRoom", "lens"),
    "attention": Door("attention", "AttentionRoom", "attention"),
    "by-hand": Door("byhand", "ByHandRoom", "weights"),
    "edit": Door("edit", "EditRoom", "tokenizer"),
    "chat": Door("chat", "ChatRoom", "chat"),
}
"""By the ids of the rooms' keys."""
