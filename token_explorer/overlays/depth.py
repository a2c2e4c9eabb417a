"""The overlay of decision depth: where the model settled on each token. Knows nothing of the lens."""

import numpy as np

from token_explorer.core.observation import DecisionDepth, Depths
from token_explorer.core.reading import Reading
from token_explorer.overlays.overlay import Glance


def ask_depth(glance: Glance) -> DecisionDepth:
    """The depth of every token."""
    return DecisionDepth()


def depth(glance: Glance, answer: Depths | None) -> Reading:
    """The first layer from which on each token is the lens's most likely one; 0 for the embeddings."""
    unknown = np.full(len(glance.scores.ids), np.nan, np.float32)
    return Reading(
        key="depth",
        title="depth",
        unit="layers",
        values=unknown if answer is None else answer.layers,
        low=0.0,
        high=float(max(1, glance.layers)),
        note="the depths aren't known" if answer is None else "none where the model puts another token first",
    )
