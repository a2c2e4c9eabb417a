"""How far two next-token distributions are apart, and whether they speak of the same tokens.

Pure numpy; knows nothing of how the distributions were had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.scores import NATS_PER_BIT, Floats
from token_explorer.core.tokens import Vocabulary

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gap:
    """KL divergences of two distributions, bits.

    D(A || B), the sum of p_A log2(p_A / p_B), is how many bits more a token of A takes when it is coded for B
    (Kullback and Leibler 1951, "On Information and Sufficiency").

    Attributes:
        a_to_b: D(A || B); infinite where B rules out a token that A doesn't.
        b_to_a: D(B || A).
    """

    a_to_b: float
    b_to_a: float


# Of distributions that speak of different tokens, or of one that isn't there.
NO_GAP = Gap(float("nan"), float("nan"))


def gap(a: Floats, b: Floats) -> Gap:
    """How far two distributions are apart, from the raw logits of all tokens.

    Where one has more logits than the other, the table of its tokens is padded: both are then taken as
    distributions over the tokens that both have, which sum to 1.

    Args:
        a (V,), b (W,): logits; -inf for a token that is ruled out.
    """
    shared = min(len(a), len(b))
    one, other = logprobs(a[:shared]), logprobs(b[:shared])
    return Gap(_divergence(one, other), _divergence(other, one))


def mean(gaps: Sequence[Gap]) -> Gap:
    """The means of both directions."""
    return Gap(float(np.mean([each.a_to_b for each in gaps])), float(np.mean([each.b_to_a for each in gaps])))


def logprobs(logits: Floats) -> Doubles:
    """(V,) natural log of each token's softmax probability, in float64."""
    fallen = logits.astype(np.float64) - float(logits.max())
    return np.asarray(fallen - np.log(np.exp(fallen).sum()))


def differing_token(a: Vocabulary, b: Vocabulary) -> int | None:
    """The first id that stands for other bytes in one vocabulary than in the other; None where none does.

    Vocabularies may be padded to different lengths: ids that only one has differ if it has bytes for them.
    """
    pairs = zip_longest(a.pieces, b.pieces, fillvalue=b"")
    return next((id for id, (one, other) in enumerate(pairs) if one != other), None)


def _divergence(one: Doubles, other: Doubles) -> float:
    """D(one || other) of log probabilities (V,), bits; tokens that `one` rules out count nothing."""
    possible = one > -np.inf
    one, other = one[possible], other[possible]
    if np.isneginf(other).any():
        return float("inf")  # said apart, as a probability below float64 times infinity is NaN
    return float((np.exp(one) * (one - other)).sum()) / NATS_PER_BIT
