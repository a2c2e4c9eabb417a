"""The overlay of attention: which tokens one token drew on. Knows nothing of how attention is computed."""

import numpy as np

from token_explorer.core.observation import AttentionRow, AttentionRows
from token_explorer.core.reading import Reading
from token_explorer.core.scores import Floats
from token_explorer.overlays.overlay import Glance, of_first

# Weights in bfloat16 lack up to 2**-9 to 1 by rounding alone; what lacks more gave it to a learned sink.
ROUNDING = 2.0**-8


def ask_influence(glance: Glance) -> AttentionRow | None:
    """The attention that led to the token that is looked at; at the end, to the next one."""
    query = len(glance.scores.ids) - 1 if glance.cursor is None else glance.cursor - 1
    return AttentionRow(query) if query >= 0 else None


def influence(glance: Glance, rows: AttentionRows | None) -> Reading:
    """How much one token attended to each token, as a share of the most attended one.

    The mean of those heads' rows, of all layers, that vary most over the keys, divided by its maximum. Where
    the first token is left out of the scale, the maximum is that of the others, and its value may exceed 1.
    """
    if rows is None:
        return _reading(glance, np.zeros(0, np.float32), ["nothing came before the first token"])
    used = np.argsort(-rows.variances, kind="stable")[: glance.heads]
    drawn = AttentionRows(rows.weights[used], rows.heads[used])
    mean = drawn.weights.mean(axis=0, dtype=np.float64)
    largest = float(mean[0 if glance.sink else 1 :].max(initial=0.0))
    notes = [_whose(glance), *_sink(glance), *_missing(drawn.missing)]
    if largest > 0.0:
        return _reading(glance, np.asarray(mean / largest, dtype=np.float32), notes)
    return _reading(glance, np.zeros(0, np.float32), [*notes, "no attention is left to scale by"])


def _reading(glance: Glance, values: Floats, notes: list[str]) -> Reading:
    note = " · ".join(notes)
    values = of_first(values, glance)
    return Reading(key="influence", title="influence", unit="", values=values, low=0.0, high=1.0, note=note)


def _whose(glance: Glance) -> str:
    """The token that attends; positions are counted from 1, so it is the one before the cursor."""
    return "of the last token" if glance.cursor is None else f"of token {glance.cursor}"


def _sink(glance: Glance) -> list[str]:
    return [] if glance.sink else ["the first token is left out of the scale"]


def _missing(missing: Floats) -> list[str]:
    """What models with learned sinks give to no token at all."""
    if not (missing > ROUNDING).any():
        return []
    return [f"{missing.mean(dtype=np.float64):.1%} of it went to no token"]
