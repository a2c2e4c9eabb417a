"""What an overlay is."""

from collections.abc import Callable
from dataclasses import dataclass

from token_explorer.core.reading import Reading
from token_explorer.core.scores import Scores


@dataclass(frozen=True, slots=True)
class Overlay:
    """A named way to colour a prompt.

    Attributes:
        name: in commands, configuration and the palette.
        help: one line for the help screen.
        read: the reading of a prompt's scores.
    """

    name: str
    help: str
    read: Callable[[Scores], Reading]
