"""The sampler: what is done to a model's logits before a token is drawn, stage by stage.

The stages and their order are those of transformers' `generate`. Pure numpy; knows nothing of models.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.knobs import KNOBS, Knob, Sampler, knob, step
from token_explorer.core.scores import Floats, Ints
from token_explorer.core.tokens import TokenIds, Vocabulary

__all__ = ["KNOBS", "Knob", "Sampled", "Sampler", "draw", "knob", "reshape", "step"]

_GONE = np.float32(-np.inf)
# Below this, a logit divided by the temperature may be beyond float32.
_COLD = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What the sampler makes of a distribution.

    Attributes:
        probabilities (V,): of each token to be drawn; they sum to 1, or to 0 where no token is left.
        removed (V,): index into KNOBS of the stage that removed a token; -1 for those that are left, and for
            those that the model itself rules out.
    """

    probabilities: Floats
    removed: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the logits stand: after which prompt, and after how many tokens of the run."""

    ids: TokenIds
    step: int
    vocabulary: Vocabulary


def reshape(sampler: Sampler, logits: Floats, ids: TokenIds, step: int, vocabulary: Vocabulary) -> Sampled:
    """What a sampler makes of the raw logits (V,) after a prompt; they aren't changed themselves.

    Args:
        ids: the prompt.
        step: how many tokens were written since the run began, this one not counted.
    """
    left = np.asarray(logits, dtype=np.float32)
    removed = np.full(len(left), -1, dtype=np.int8)
    place = _Place(ids, step, vocabulary)
    for index, each in enumerate(KNOBS):
        if getattr(sampler, each.name) == each.off:
            continue
        changed = _STAGES[each.name](left, sampler, place)
        removed[(changed == _GONE) & (left > _GONE)] = index
        left = changed
    return Sampled(_softmax(left).astype(np.float32), removed)


def draw(sampled: Sampled, seed: int, place: int) -> int | None:
    """The token for a place, drawn with a seed: the same for the same three; None where no token is left.

    Inverts the cumulative distribution at the Philox generator's number (Salmon et al. 2011) whose key is
    the seed and whose counter is the place.

    Args:
        seed: from 0 to 2**128 - 1.
        place: from 0.
    """
    masses = np.cumsum(sampled.probabilities, dtype=np.float64)
    total = float(masses[-1])
    if not total > 0:
        return None
    bits = int(np.random.Philox(key=seed, counter=place).random_raw())
    # Rounding may lift the product to the total, which no token reaches beyond.
    mark = min((bits >> 11) / 2**53 * total, float(np.nextafter(total, 0.0)))
    return int(np.searchsorted(masses, mark, side="right"))


def _softmax(logits: Floats) -> NDArray[np.float64]:
    """(V,) probabilities; zeros where no logit is left, or where the largest one isn't a number."""
    top = float(logits.max())
    if not np.isfinite(top):
        return np.zeros(len(logits))
    weights = np.exp(logits.astype(np.float64) - top)
    return np.asarray(weights / weights.sum())


def _known(ids: Iterable[int], size: int) -> Ints:
    """Those ids that have a logit: the tokens of a prompt may be more than a model can write."""
    known = np.fromiter(ids, dtype=np.int64)
    return known[known < size]


def _without(logits: Floats, ids: Ints) -> Floats:
    left = logits.copy()
    left[ids] = _GONE
    return left


# The stages. Each works in float32, as transformers' do, so that the same logits tie. None writes into its
# argument: the caller compares.


def _repetition_penalty(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    penalty = np.float32(sampler.repetition_penalty)
    seen = _known(place.ids, len(logits))
    changed = logits.copy()
    changed[seen] = np.where(logits[seen] < 0, logits[seen] * penalty, logits[seen] / penalty)
    return changed


def _no_repeat_ngram(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    size = sampler.no_repeat_ngram
    if len(place.ids) < size:
        return logits
    ids = np.array(place.ids, dtype=np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(ids, size)
    begun = (runs[:, :-1] == ids[len(ids) + 1 - size :]).all(axis=1)
    return _without(logits, _known(runs[begun, -1], len(logits)))


def _block_end(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    if place.step >= sampler.block_end:
        return logits
    return _without(logits, _known(place.vocabulary.ends, len(logits)))


def _block_blank(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    if place.step >= sampler.block_blank:
        return logits
    return _without(logits, _known(place.vocabulary.blanks, len(logits)))


def _temperature(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    if sampler.temperature == 0:
        best = int(logits.argmax())
        only = np.full_like(logits, _GONE)
        only[best] = logits[best]
        return only
    if sampler.temperature < _COLD and np.isfinite(top := logits.max()):
        with np.errstate(over="ignore"):
            return np.asarray((logits - top).astype(np.float64) / sampler.temperature, dtype=np.float32)
    return logits / np.float32(sampler.temperature)


def _top_k(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    last = len(logits) - min(sampler.top_k, len(logits))
    return np.where(logits < np.partition(logits, last)[last], _GONE, logits)


def _top_p(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    """Of tokens that tie at the limit those with the lowest ids stay; transformers leaves it to chance."""
    ascending = np.sort(logits)
    masses = np.cumsum(_softmax(ascending))
    count = min(int(np.searchsorted(masses, 1 - sampler.top_p, side="right")), len(logits) - 1)
    unlikely = logits < ascending[count]
    ties = np.flatnonzero(logits == ascending[count])
    staying = len(ties) + int(np.count_nonzero(unlikely)) - count
    unlikely[ties[staying:]] = True
    return np.where(unlikely, _GONE, logits)


def _min_p(logits: Floats, sampler: Sampler, place: _Place) -> Floats:
    probabilities = _softmax(logits)
    return np.where(probabilities < sampler.min_p * probabilities.max(), _GONE, logits)


_STAGES: dict[str, Callable[[Floats, Sampler, _Place], Floats]] = {
    "repetition_penalty": _repetition_penalty,
    "no_repeat_ngram": _no_repeat_ngram,
    "block_end": _block_end,
    "block_blank": _block_blank,
    "temperature": _temperature,
    "top_k": _top_k,
    "top_p": _top_p,
    "min_p": _min_p,
}
