"""The plot of how surprising each token was, prompt and continuation. Knows nothing of files."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from token_explorer.core.scores import NATS_PER_BIT, Floats
from token_explorer.results import canvas
from token_explorer.results.canvas import BLUE, FAINT, ORANGE, QUIET, axes, blank, labels, subject
from token_explorer.trace.record import Trace

# Tokens in a row of the figure, and the rows that it has; beyond both only some tokens have a label.
PER_ROW, MOST_ROWS = 60, 20
_CELL, _HEIGHT, _BELOW, _LEAST = 0.2, 2.1, 1.3, 24


def whole(trace: Trace) -> Figure:
    """All tokens, in rows."""
    values = measured(trace)
    count = len(values[0])
    rows = min(MOST_ROWS, -(-count // PER_ROW))
    per_row = -(-count // rows)
    width = _CELL * min(PER_ROW, max(_LEAST, per_row))
    figure = blank(width, rows * (_HEIGHT + _BELOW))
    top = ceiling(*values)
    for row in range(rows):
        place = axes(figure, 0.0, (rows - 1 - row) * (_HEIGHT + _BELOW), width, _HEIGHT)
        draw(place, trace, values, (row * per_row, min(count, (row + 1) * per_row)), PER_ROW)
        place.set_ylim(0.0, top)
        place.set_xlim(row * per_row - 0.8, row * per_row + max(per_row, _LEAST) - 0.2)
    figure.axes[0].set_title(f"How surprising each token was\n{subject(trace.model, trace.dtype)}", pad=22)
    name_marks(figure.axes[0])
    figure.axes[-1].set_xlabel(axis_name(per_row, PER_ROW))
    return figure


def axis_name(count: int, most: int) -> str:
    """What stands below the tokens, where `most` of `count` have room for a label."""
    step = canvas.every(count, most)
    return "token" if step == 1 else f"token; one in {step} has a label"


def name_marks(axes: Axes) -> None:
    """A legend, above the axes."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=3, frameon=False, fontsize=8)


def measured(trace: Trace) -> tuple[Floats, Floats]:
    """(n,) surprisal of each token, and entropy of what it was taken from, bits; NaN for the first."""
    scored = trace.scored
    return -scored.logprobs / np.float32(NATS_PER_BIT), scored.entropies / np.float32(NATS_PER_BIT)


def ceiling(surprisals: Floats, entropies: Floats) -> float:
    """The upper end of the scale, bits: above all values, with room for the legend."""
    values = np.concatenate([surprisals, entropies])
    finite = values[np.isfinite(values)]
    return 1.15 * max(1.0, float(finite.max()) if len(finite) else 1.0)


def draw(axes: Axes, trace: Trace, values: tuple[Floats, Floats], part: tuple[int, int], most: int) -> None:
    """The tokens of a part [start, end), with labels for `most` of them.

    Args:
        values: of all tokens, as `measured` gives them.
    """
    start, end = part
    look: dict[str, Any]
    surprisals, entropies = values
    places, border = np.arange(start, end), len(trace.ids)
    axes.axvspan(-0.8, border - 0.5, color=FAINT, zorder=0)
    axes.axvline(border - 0.5, color=QUIET, linewidth=1.0)
    axes.vlines(places, 0.0, np.nan_to_num(surprisals[start:end]), color=BLUE, linewidth=0.8, alpha=0.6)
    for mine, mark, face, which in (
        (places < border, "o", BLUE, "surprisal, prompt"),
        (places >= border, "s", "white", "surprisal, written"),
    ):
        look = {"color": BLUE, "markerfacecolor": face, "markersize": 4.5, "clip_on": False}
        axes.plot(places[mine], surprisals[start:end][mine], mark, label=which, **look)
    look = {"color": ORANGE, "markersize": 3.5, "clip_on": False}
    axes.plot(places, entropies[start:end], "^--", label="entropy before it", **look)
    names = labels(trace.vocabulary, trace.ids + trace.written)[start:end]
    shown, texts = canvas.thinned(names, canvas.every(len(names), most))
    axes.set_xticks([start + place for place in shown], texts, rotation=90, fontsize=7.5)
    axes.set_ylabel("bits")
    axes.grid(axis="y", color=FAINT)
    axes.set_axisbelow(True)
    _mark(axes, start, end, border)


def _mark(axes: Axes, start: int, end: int, border: int) -> None:
    """Words for what the marks can't say."""
    at: dict[str, Any] = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points"}
    if start == 0:
        axes.annotate(
            "no context", (0, 0.03), (0, 0), rotation=90, fontsize=6.5, color=QUIET, ha="center", **at
        )
    if start < border <= end:
        for word, side, away in (("prompt", "right", -3), ("written", "left", 3)):
            axes.annotate(word, (border - 0.5, 0.97), (away, 0), ha=side, va="top", fontsize=8, **at)
