"""The models that may be chosen, as whoever starts the screen hands them over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from token_explorer.core.engine import Engine


@dataclass(frozen=True, slots=True)
class Models:
    """What a model is chosen with.

    Attributes:
        make: an engine for a name, that has loaded nothing yet; raises ExplorerError for one that can't be.
        available: names of models that are here, each with a few words about it; may take a while.
    """

    make: Callable[[str], Engine]
    available: Callable[[], Sequence[tuple[str, str]]]
