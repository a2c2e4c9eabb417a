"""Search in a vocabulary: by a part of a token's text, by id, by regular expression.

Knows nothing of probabilities.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.tokens import Vocabulary

# How what was typed is read: as text whatever its case, as text exactly, or as a regular expression.
Mode = Literal["text", "exact", "regex"]
MODES: dict[Mode, str] = {
    "text": "any case",
    "exact": "as typed",
    "regex": "regular expression",
}


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: '#' and a number, in any mode but 'regex', is a token's id.

    Attributes:
        text: as typed, not empty; '␣' stands for a blank and '↵' for a newline, as the screen shows them.
        mode: see Mode.
    """

    text: str
    mode: Mode = "text"

    def __post_init__(self) -> None:
        """Raises InputError for an expression that is none: what is wrong with it, and where."""

    def matches(self, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """(V,) whether each token matches."""
        raise NotImplementedError

    def beginnings(self, vocabulary: Vocabulary) -> tuple[tuple[str, NDArray[np.bool_]], ...]:
        """What was typed, and the same after a blank, each with the tokens (V,) that begin with it."""
        raise NotImplementedError
