"""Overlays that need nothing but the scores."""

import numpy as np

from token_explorer.core.reading import Reading
from token_explorer.overlays.overlay import Glance

# Real text runs from 1 to 5 bits a token; on a scale to log2 V, 15 to 18 bits, all of it would look alike.
ENTROPY_SCALE_BITS = 8.0
# A token of one in four thousand; rarer ones are all the same surprise to the eye.
SURPRISAL_SCALE_BITS = 12.0
# Ranks are drawn by their ratio: from the first to the second is as far as from the 100th to the 200th.
LAST_RANK_DRAWN = 1000


def probability(glance: Glance, _: None = None) -> Reading:
    """Softmax probability of each token given those before it."""
    return Reading(
        key="probability",
        title="probability",
        unit="",
        values=glance.scores.probabilities,
        low=0.0,
        high=1.0,
        chance=True,
    )


def surprisal(glance: Glance, _: None = None) -> Reading:
    """Surprisal -log2 p of each token given those before it, bits."""
    return Reading(
        key="surprisal",
        title="surprisal",
        unit="bits",
        values=glance.scores.surprisals,
        low=0.0,
        high=SURPRISAL_SCALE_BITS,
    )


def rank(glance: Glance, _: None = None) -> Reading:
    """1 + how many tokens were more likely than each token."""
    values = np.where(glance.scores.ranks > 0, glance.scores.ranks, np.nan).astype(np.float32)
    return Reading(
        key="rank", title="rank", unit="", values=values, low=1.0, high=LAST_RANK_DRAWN, scale="log"
    )


def entropy(glance: Glance, _: None = None) -> Reading:
    """Shannon entropy of the distribution that produced each token, bits."""
    return Reading(
        key="entropy",
        title="entropy",
        unit="bits",
        values=glance.scores.entropy_bits,
        low=0.0,
        high=ENTROPY_SCALE_BITS,
    )
