"""What a trace keeps of the attention: snapshots of one layer, as the text grows.

Each token attends only to those before it, so a longer text adds rows to what is known and changes none.
Knows nothing of plots.
"""

from collections.abc import Mapping

import numpy as np

from token_explorer.core.engine import Stop
from token_explorer.core.observation import AttentionMap, AttentionRow
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import FacetUnavailable, InputError
from token_explorer.results.attention import How, choice
from token_explorer.results.opened import Opened
from token_explorer.trace.record import Snapshot
from token_explorer.trace.settings import Heads, TraceSettings

# Weights that the snapshots of a trace may have together: some 100 MB of JSON.
MOST_WEIGHTS = 8_000_000


class Lookout:
    """Looks at one layer of a text that grows.

    Args:
        layer: from 1.
        count: how many heads it has.
        heads: which of them are kept, or what of them together.
    """

    def __init__(self, opened: Opened, layer: int, count: int, heads: Heads) -> None:
        self._opened = opened
        self._layer = layer
        self._heads = heads
        self._planes: dict[How, Floats] = {
            plane: np.zeros((0, 0), np.float32) for plane in _names(count, heads)
        }
        self._weights = 0

    def room(self, tokens: int) -> bool:
        """Whether a snapshot of so many tokens is within the bound, with those that were taken."""
        return self._weights + len(self._planes) * tokens * (tokens + 1) // 2 <= MOST_WEIGHTS

    def look(self, ids: TokenIds, step: int, stop: Stop) -> list[Snapshot]:
        """The attention in a text that begins with what was looked at before.

        Raises FacetUnavailable, and Stopped soon after `stop` is set.
        """
        known, size = len(next(iter(self._planes.values()))), len(ids)
        facet = AttentionMap(self._layer, known, size, 0, size)
        rows = planes(self._opened.engine.observe(ids, facet, stop).weights, self._heads)
        self._planes = {plane: _grown(self._planes[plane], rows[plane]) for plane in rows}
        self._weights += len(self._planes) * size * (size + 1) // 2
        return [Snapshot(step, self._layer, plane, weights) for plane, weights in self._planes.items()]


def lookout(opened: Opened, ids: TokenIds, settings: TraceSettings, stop: Stop) -> Lookout:
    """What looks at the layer that settings name, or else at the last one that attends.

    Raises InputError for a layer or head that the model hasn't, FacetUnavailable for a model without
    attention, and Stopped.
    """
    known = opened.engine.observe(ids, AttentionRow(len(ids) - 1), stop).heads
    layers = sorted(set(known[:, 0].tolist()))
    layer = layers[-1] if settings.layer is None else settings.layer
    if layer not in layers:
        raise InputError(
            "No such layer", f"layer {layer} has no attention.", f"These have: {_listed(layers)}."
        )
    count = int(np.count_nonzero(known[:, 0] == layer))
    if isinstance(settings.heads, int) and settings.heads > count:
        hint = f"The heads of layer {layer} are 1 to {count}."
        raise InputError("No such head", f"there is no head {settings.heads} in layer {layer}.", hint)
    return Lookout(opened, layer, count, settings.heads)


def planes(weights: Floats, heads: Heads) -> Mapping[How, Floats]:
    """What is kept of a layer's weights (H, q, n): arrays (q, n)."""
    return {plane: choice(1, plane).of(weights) for plane in _names(len(weights), heads)}


def _names(count: int, heads: Heads) -> tuple[How, ...]:
    """The planes of a layer with so many heads."""
    return tuple(range(1, count + 1)) if heads == "all" else (heads,)


def _grown(known: Floats, rows: Floats) -> Floats:
    """Square weights with more rows: (k, k) and (n - k, n) make (n, n), NaN after each query."""
    size = rows.shape[1]
    grown = np.full((size, size), np.nan, np.float32)
    grown[: len(known), : len(known)] = known
    grown[len(known) :] = rows
    return grown


def _listed(numbers: list[int]) -> str:
    """Numbers in words, runs of them by their ends."""
    if numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def unavailable(error: FacetUnavailable) -> str:
    """A note that says why there is no attention."""
    return f"No attention is recorded: {error.message}"
