"""The overlay of change: what another prompt's difference did to the tokens that both have. Scores alone."""

import numpy as np

from token_explorer.core.reading import Reading
from token_explorer.core.scores import NATS_PER_BIT, Floats, Scores
from token_explorer.overlays.overlay import Glance

# Twice as likely, or half: a scale that ended below it would make rounding look like a change.
LEAST_SCALE_BITS = 1.0
_ALONE = "no other prompt whose scores are known: copy this one first"
_BESIDE = "against the prompt it was copied from"


def change(glance: Glance, _: None = None) -> Reading:
    """How much more probable each token is than in the prompt that this one was copied from, bits; signed.

    log2 of the two probabilities' ratio, where both prompts have the same token in the same place.
    """
    other = glance.other
    values = np.full(len(glance.scores.ids), np.nan, np.float32)
    if other is not None:
        count = min(len(values), len(other.ids))
        values[:count] = _gained(glance.scores, other, count)
    high = float(np.abs(values[np.isfinite(values)]).max(initial=LEAST_SCALE_BITS))
    return Reading(
        key="change",
        title="change",
        unit="bits",
        values=values,
        low=-high,
        high=high,
        note=_ALONE if other is None else _BESIDE,
        scale="signed",
    )


def _gained(here: Scores, there: Scores, count: int) -> Floats:
    """(count,) bits that each of the first tokens is more probable here; NaN where another stands there."""
    same = np.equal(here.ids[:count], there.ids[:count])
    with np.errstate(invalid="ignore"):  # a token that is impossible in both has no change
        bits = (here.logprobs[:count] - there.logprobs[:count]) / NATS_PER_BIT
    return np.asarray(np.where(same, bits, np.nan), dtype=np.float32)
