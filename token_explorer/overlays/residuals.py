"""Overlays of the residual stream: how alike the tokens' states are in one layer, and how long.

Knows nothing of how the stream is recorded.
"""

import numpy as np

from token_explorer.core.observation import ResidualMeasures, Residuals
from token_explorer.core.reading import Reading
from token_explorer.core.scores import Floats
from token_explorer.overlays.overlay import Glance

UNKNOWN = "the residual stream isn't known"


def ask_residuals(glance: Glance) -> Residuals:
    """The whole stream: its answer serves every layer."""
    return Residuals()


def similarity(glance: Glance, measures: ResidualMeasures | None) -> Reading:
    """Cosine of each token's state and the last token's, in one layer."""
    values = _row(glance, None if measures is None else measures.similarities)
    notes = ["with the last token" if measures is not None else UNKNOWN]
    if (values < 0.0).any():
        notes.append("below 0 drawn as 0")
    # States of one layer lie in a narrow cone (Ethayarajh 2019), so that cosines below 0 are rare past the
    # first layers: a scale from -1 would spend half of its colours on them.
    return Reading(
        key="similarity",
        title=f"similarity, {_layer(glance)}",
        unit="",
        values=values,
        low=0.0,
        high=1.0,
        note=" · ".join(notes),
    )


def norm(glance: Glance, measures: ResidualMeasures | None) -> Reading:
    """Euclidean norm of each token's state in one layer."""
    values = _row(glance, None if measures is None else measures.norms)
    low, high = _ends(values)
    # By ratio: massive activations (Sun et al. 2024) make the first token's norm a hundred times the others',
    # and on an even scale all of those would look alike.
    return Reading(
        key="norm",
        title=f"norm, {_layer(glance)}",
        unit="",
        values=values,
        low=low,
        high=high,
        note="" if measures is not None else UNKNOWN,
        scale="log",
    )


def _row(glance: Glance, table: Floats | None) -> Floats:
    return np.full(len(glance.scores.ids), np.nan, np.float32) if table is None else table[glance.layer]


def _layer(glance: Glance) -> str:
    return f"layer {glance.layer}" if glance.layer else "embeddings"


def _ends(norms: Floats) -> tuple[float, float]:
    """The smallest and the largest norm; at least a doubling apart, so that rounding gets no colours."""
    drawn = norms[np.isfinite(norms) & (norms > 0.0)].astype(np.float64)
    low = float(drawn.min(initial=np.inf))
    return (low, max(2.0 * low, float(drawn.max()))) if drawn.size else (1.0, 2.0)
