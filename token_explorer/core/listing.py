"""What the table lists of a distribution: its likeliest tokens, or those that a search finds.

Pure numpy; knows nothing of widgets.
"""

from dataclasses import dataclass

from token_explorer.core.observation import Distribution
from token_explorer.core.sampling import Sampled
from token_explorer.core.scores import Candidates, Floats, Ints
from token_explorer.core.search import Query
from token_explorer.core.tokens import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search found in the whole vocabulary.

    Attributes:
        count: how many tokens match; not all of them need be listed.
        mass: their probability together.
        beginnings: texts, and the probability of all tokens that begin with each: what was typed, and the
            same after a blank. () for ids and regular expressions.
    """

    count: int
    mass: float
    beginnings: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Candidates as the table lists them, most likely first.

    Attributes:
        ids (K,): token ids.
        logprobs (K,): natural log of each probability, as the model gives it.
        ranks (K,): 1 + how many tokens of the whole vocabulary are more likely.
        cumulative (K,): probability of the token and of all that rank before it.
        tail: probability of all tokens that aren't listed.
        entropy: of the whole distribution, nats.
        actual: id of the token that stands in this place of the prompt, which is among the ids; None at its
            end.
        sampled (K,): probability after the sampler; None where it is off.
        removed: for each token the title of the sampler's stage that removed it, '' for those that are left;
            () where the sampler is off.
        left: how many tokens of the vocabulary the sampler leaves; None where it is off.
        found: what the search found; None where there is none.
    """

    ids: Ints
    logprobs: Floats
    ranks: Ints
    cumulative: Floats
    tail: float
    entropy: float
    actual: int | None = None
    sampled: Floats | None = None
    removed: tuple[str, ...] = ()
    left: int | None = None
    found: Found | None = None

    def __len__(self) -> int:
        return len(self.ids)


def of_candidates(candidates: Candidates) -> Listed:
    """The likeliest tokens at the end of a prompt, where the rest of the distribution isn't known."""
    raise NotImplementedError


def of_distribution(
    distribution: Distribution,
    vocabulary: Vocabulary,
    top_k: int,
    actual: int | None = None,
    sampled: Sampled | None = None,
    query: Query | None = None,
) -> Listed:
    """The `top_k` likeliest tokens of a distribution, or of those that a query matches.

    Args:
        actual: id of the token that stands there; it comes last where it isn't among the likeliest.
        sampled: what the sampler makes of the distribution; None where it is off.
        query: what is searched for; then only matches are listed, `actual` too only if it matches.
    """
    raise NotImplementedError
