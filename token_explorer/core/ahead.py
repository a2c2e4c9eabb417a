"""Looking ahead: where the text would go after each candidate, if the likeliest token followed each time.

The question and its answer. Knows nothing of how an engine finds out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.observation import Facet
from token_explorer.core.scores import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Futures:
    """Greedy continuations of R candidates, of D tokens each.

    Attributes:
        tokens (R, D): id of the likeliest token after all before it, the lowest of equally likely ones; -1
            where none is: after a token that ends the text, and where the context is full.
        logprobs (R, D): natural log of each one's probability; NaN where there is none.
    """

    tokens: Ints
    logprobs: Floats

    def __post_init__(self) -> None:
        if self.tokens.ndim != 2 or self.tokens.shape != self.logprobs.shape:
            raise ValueError(f"tokens {self.tokens.shape} and logprobs {self.logprobs.shape} don't fit")

    @property
    def joint(self) -> NDArray[np.float64]:
        """(R,) natural log of the probability of each row's continuation, given its candidate."""
        return np.asarray(np.nansum(self.logprobs, axis=1, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Ahead(Facet[Futures]):
    """The continuations of candidates that may come after the first `place` tokens.

    The engine keeps all that it runs for them: a prompt that goes on so is scored by no forward.

    Attributes:
        tokens: ids of the candidates, the likeliest first.
        depth: how many tokens follow each candidate; 1 or more.
    """

    kind = "ahead"
    place: int
    tokens: tuple[int, ...]
    depth: int

    def reach(self, length: int) -> int:
        return self.place
