"""Overlays that need nothing but the scores."""

from token_explorer.core.reading import Reading
from token_explorer.core.scores import Scores

# Real text runs from 1 to 5 bits a token; on a scale to log2 V, 15 to 18 bits, all of it would look alike.
ENTROPY_SCALE_BITS = 8.0


def probability(scores: Scores) -> Reading:
    """Softmax probability of each token given those before it."""
    return Reading("probability", "probability", "", scores.probabilities, 0.0, 1.0)


def entropy(scores: Scores) -> Reading:
    """Shannon entropy of the distribution that produced each token, bits."""
    return Reading("entropy", "entropy", "bits", scores.entropy_bits, 0.0, ENTROPY_SCALE_BITS)
