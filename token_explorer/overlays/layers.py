"""The candidates layer by layer: what the table of the next tokens draws beside them.

Pure; knows nothing of the lens that the numbers come from.
"""

import numpy as np

from token_explorer.core.observation import LayerTable
from token_explorer.core.reading import Grid
from token_explorer.core.scores import Floats


def probabilities(table: LayerTable) -> Grid:
    """Probability of each candidate in each layer's lens (L, K)."""
    values = np.exp(table.logprobs)
    return _grid("layer probability", values, "what the logit lens gives it in each layer", chance=True)


def correlations(table: LayerTable) -> Grid:
    """The same, each candidate's values divided by its own maximum over layers (L, K).

    Divided as logarithms, so that a candidate whose probabilities are below float32 keeps its curve. NaN for
    one that is impossible in every layer.
    """
    best = table.logprobs.max(axis=0)
    shares = np.exp(table.logprobs - np.where(np.isneginf(best), np.nan, best))
    return _grid("layer correlation", shares, "share of the token's own maximum over layers")


def _grid(title: str, values: Floats, note: str, chance: bool = False) -> Grid:
    rows = tuple(str(layer) for layer in range(1, len(values) + 1))
    values = np.asarray(values, dtype=np.float32)
    return Grid(title=title, unit="", values=values, low=0.0, high=1.0, note=note, chance=chance, rows=rows)
