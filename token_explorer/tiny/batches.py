"""Which windows of a text a model learns from, and on which it is judged. Knows nothing of models."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.errors import InputError

Tokens = NDArray[np.int64]

# The part of a text that is kept for validation.
_VALIDATED = 0.1
# Windows of each part that an evaluation reads: all of a small text, a sample of a large one.
_EVALUATED = 512


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Stretches of a text, W of T tokens.

    Attributes:
        inputs (W, T): token ids.
        targets (W, T): of each, the token that comes next.
    """

    inputs: Tokens
    targets: Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A text in tokens.

    Attributes:
        training (N,): what a model learns from.
        validation (M,): the rest, from the text's end.
    """

    training: Tokens
    validation: Tokens


def split(ids: Tokens, positions: int) -> Parts:
    """A text in two parts, each with room for a window. Raises InputError where there is none."""
    need = positions + 1
    if len(ids) < 2 * need:
        message = f"the data has {len(ids)} tokens; a window, and one to be judged on, take {2 * need}."
        raise InputError("Too little data", message, "Take more text, or fewer --positions.")
    kept = max(need, int(len(ids) * _VALIDATED))
    return Parts(ids[:-kept], ids[-kept:])


def drawn(ids: Tokens, positions: int, count: int, seed: int, iteration: int) -> Windows:
    """Windows drawn for an iteration: the same for the same arguments, whatever was drawn before.

    The Philox generator (Salmon et al. 2011), its key the seed, its counter the iteration.
    """
    random = np.random.Generator(np.random.Philox(key=seed, counter=iteration << 64))
    return _windows(ids, positions, random.integers(0, len(ids) - positions, count))


def evaluated(ids: Tokens, positions: int) -> Windows:
    """Windows that stand for a whole text, evenly over it."""
    last = len(ids) - positions - 1
    return _windows(
        ids, positions, np.unique(np.linspace(0, last, min(last + 1, _EVALUATED)).astype(np.int64))
    )


def _windows(ids: Tokens, positions: int, starts: Tokens) -> Windows:
    places = starts[:, None] + np.arange(positions)
    return Windows(ids[places], ids[places + 1])
