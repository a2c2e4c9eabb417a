"""Which tokens of a prompt are worth a look, and where the next of them is. Knows nothing of cursors."""

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, common_length

Marks = NDArray[np.bool_]


def uncertain(scores: Scores, bits: float, probability: float) -> Marks:
    """(T,) whether the model was in doubt about a token, or held it for unlikely; not so of the first.

    Args:
        bits: entropy, in bits, that the distribution which produced a token must exceed.
        probability: that a token must stay below, from 0 to 1.
    """
    return np.asarray((scores.entropy_bits > bits) | (scores.probabilities < probability))


def not_top(scores: Scores) -> Marks:
    """(T,) whether another token was more likely than each; not so of the first."""
    return np.asarray(scores.ranks > 1)


def next_place(marks: Marks, place: int, steps: int) -> int | None:
    """The nearest marked index after (steps 1) or before (-1) a place; None where there is none.

    Args:
        marks (T,): what is looked for.
        place: from 0 to T, which is the end; itself it isn't found.
    """
    found = np.flatnonzero(marks[place + 1 :] if steps > 0 else marks[:place])
    if not len(found):
        return None
    return place + 1 + int(found[0]) if steps > 0 else int(found[-1])


def divergence(ids: TokenIds, other: TokenIds) -> int | None:
    """Index of the first token that the other prompt doesn't have there.

    None where there is no such token: all of them begin the other prompt too.
    """
    place = common_length(ids, other)
    return place if place < len(ids) else None
