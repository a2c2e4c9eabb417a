"""How expected tokens were, and what may come next. Natural logs and nats; the screen turns them to bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.tokens import TokenIds

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NATS_PER_BIT = float(np.log(2))


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The next-token distribution: its K most likely tokens, and how much lies beyond them.

    Attributes:
        ids (K,): token ids, most likely first.
        logprobs (K,): natural log of each probability, descending.
        tail: probability mass of all tokens that are not listed.
        entropy: of the whole distribution, nats; not of the listed part.
    """

    ids: Ints
    logprobs: Floats
    tail: float
    entropy: float

    def __post_init__(self) -> None:
        if self.ids.shape != self.logprobs.shape or self.ids.ndim != 1:
            raise ValueError(f"ids {self.ids.shape} and logprobs {self.logprobs.shape} should both be (K,)")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def probabilities(self) -> Floats:
        """(K,) softmax probabilities of the listed tokens."""
        return np.exp(self.logprobs)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How expected each token of a prompt was, and the distribution after it.

    Attributes:
        ids: the prompt that this answers, T tokens.
        logprobs (T,): natural log probability of token i given those before it; NaN at 0, which has none.
        entropies (T,): entropy in nats of the distribution that produced token i; NaN at 0.
        ranks (T,): 1 + how many tokens were more likely than token i; 0 at 0, which has none.
        next: the distribution after the last token.
        reused: how many of the T tokens needed no computation for this answer.
    """

    ids: TokenIds
    logprobs: Floats
    entropies: Floats
    ranks: Ints
    next: Candidates
    reused: int

    def __post_init__(self) -> None:
        shapes = self.logprobs.shape, self.entropies.shape, self.ranks.shape
        if shapes != ((len(self.ids),),) * 3:
            raise ValueError(f"logprobs, entropies and ranks are {shapes} for {len(self.ids)} ids")

    @property
    def probabilities(self) -> Floats:
        """(T,) probability of each token given those before it; NaN at 0."""
        return np.exp(self.logprobs)

    @property
    def surprisals(self) -> Floats:
        """(T,) surprisal -log2 p of each token, bits; NaN at 0."""
        return np.asarray(-self.logprobs / NATS_PER_BIT, dtype=np.float32)

    @property
    def entropy_bits(self) -> Floats:
        """(T,) entropy of the distribution that produced each token, bits; NaN at 0."""
        return np.asarray(self.entropies / NATS_PER_BIT, dtype=np.float32)
