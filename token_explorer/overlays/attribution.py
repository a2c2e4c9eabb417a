"""The overlay of attribution: what each token gave to one token's logit. Knows nothing of gradients."""

import numpy as np

from token_explorer.core.observation import Attributed, Attribution
from token_explorer.core.reading import Reading
from token_explorer.core.scores import Floats
from token_explorer.overlays.overlay import Glance, of_first


def ask_attribution(glance: Glance) -> Attribution | None:
    """The logit of the token that is looked at, after those before it; at the end, of the chosen one."""
    ids = glance.scores.ids
    place = len(ids) if glance.cursor is None else glance.cursor
    token = glance.chosen if glance.cursor is None else ids[place]
    return None if token is None or place == 0 else Attribution(place, token)


def attribution(glance: Glance, answer: Attributed | None) -> Reading:
    """Gradient x input of each token before the target, in logits of the target; signed."""
    values = np.zeros(0, np.float32) if answer is None else answer.values
    high = _largest(values)
    return Reading(
        key="attribution",
        title="attribution",
        unit="logits",
        values=of_first(values, glance),
        low=-high,
        high=high,
        note=_why_not(glance) if answer is None else _target(glance, answer),
        scale="signed",
    )


def _largest(values: Floats) -> float:
    """How far the values are from zero at most; where all are zero, a scale that shows them in its middle."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max(initial=0.0)) or 1.0


def _target(glance: Glance, answer: Attributed) -> str:
    """What is attributed; positions are counted from 1."""
    whose = "the chosen next token" if glance.cursor is None else f"token {glance.cursor + 1}"
    return f"gradient x input for {whose}, logit {answer.logit:.2f}"


def _why_not(glance: Glance) -> str:
    return "no token is chosen" if glance.cursor is None else "nothing came before the first token"
