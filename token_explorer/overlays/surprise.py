"""Overlays that need nothing but the scores."""

import numpy as np

from token_explorer.core.reading import Reading
from token_explorer.core.scores import Scores

# Real text runs from 1 to 5 bits a token; on a scale to log2 V, 15 to 18 bits, all of it would look alike.
ENTROPY_SCALE_BITS = 8.0
# A token of one in four thousand; rarer ones are all the same surprise to the eye.
SURPRISAL_SCALE_BITS = 12.0
# Ranks are drawn by their ratio: from the first to the second is as far as from the 100th to the 200th.
LAST_RANK_DRAWN = 1000


def probability(scores: Scores) -> Reading:
    """Softmax probability of each token given those before it."""
    return Reading("probability", "probability", "", scores.probabilities, 0.0, 1.0)


def surprisal(scores: Scores) -> Reading:
    """Surprisal -log2 p of each token given those before it, bits."""
    return Reading("surprisal", "surprisal", "bits", scores.surprisals, 0.0, SURPRISAL_SCALE_BITS)


def rank(scores: Scores) -> Reading:
    """1 + how many tokens were more likely than each token."""
    values = np.where(scores.ranks > 0, scores.ranks, np.nan).astype(np.float32)
    return Reading("rank", "rank", "", values, 1.0, LAST_RANK_DRAWN, scale="log")


def entropy(scores: Scores) -> Reading:
    """Shannon entropy of the distribution that produced each token, bits."""
    return Reading("entropy", "entropy", "bits", scores.entropy_bits, 0.0, ENTROPY_SCALE_BITS)
