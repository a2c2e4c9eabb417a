"""The plot of a step's probabilities: the model's and the sampler's, side by side. Knows nothing of files."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from token_explorer.core.listing import Listed, of_candidates
from token_explorer.results import figures
from token_explorer.results.canvas import BLUE, FAINT, INK, ORANGE, QUIET, axes, blank, label, subject
from token_explorer.trace.record import Trace

_WIDTH = 7.0
_ROW = 0.34
_THICK = 0.38


def final(trace: Trace) -> Figure | None:
    """What the last token was taken from; what would come where none was written; None where neither is."""
    listed = listed_last(trace)
    if listed is None:
        return None
    height = _ROW * (len(listed) + 0.6)
    figure = blank(_WIDTH, height)
    draw(axes(figure, 0.0, 0.0, _WIDTH, height), trace, listed)
    return figure


def listed_last(trace: Trace) -> Listed | None:
    """What stands in the plot."""
    if trace.steps:
        return trace.steps[-1].listed
    return None if trace.next is None else of_candidates(trace.next)


def highest(listed: Listed) -> float:
    """The largest probability, of the model or the sampler."""
    model = float(np.exp(listed.logprobs.astype(np.float64)).max())
    return model if listed.sampled is None else max(model, float(listed.sampled.max()))


def draw(axes: Axes, trace: Trace, listed: Listed) -> None:
    """Bars of each listed token, likeliest first; the taken one is marked."""
    places, model = np.arange(len(listed)), np.exp(listed.logprobs.astype(np.float64))
    both = listed.sampled is not None
    shift = _THICK / 2 if both else 0.0
    axes.barh(places - shift, model, _THICK, color=BLUE, label="the model")
    if listed.sampled is not None:
        parts = listed.sampled
        look: dict[str, Any] = {"color": ORANGE, "edgecolor": INK, "hatch": "////"}
        axes.barh(places + shift, parts, _THICK, label="after the sampler", **look)
        for place, part, stage in zip(places, parts, listed.removed, strict=True):
            _value(axes, part, place + shift, f"× {stage}" if stage else figures.fraction(float(part)))
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=2, frameon=False, fontsize=8)
    for place, part in zip(places, model, strict=True):
        _value(axes, part, place - shift, figures.fraction(float(part)))
    _name(axes, trace, listed)
    axes.set_xlim(0.0, highest(listed) * 1.16)
    axes.set_ylim(len(listed) - 0.4, -0.6)
    axes.set_xlabel(f"probability; all other tokens together: {figures.fraction(listed.tail)}")
    axes.set_ylabel("rank and token")
    axes.grid(axis="x", color=FAINT)
    axes.set_axisbelow(True)


def _value(axes: Axes, part: float, place: float, text: str) -> None:
    axes.annotate(
        text, (part, place), (3, 0), textcoords="offset points", va="center", fontsize=7, color=QUIET
    )


def _name(axes: Axes, trace: Trace, listed: Listed) -> None:
    """The title, and a label for each bar."""
    names = [label(trace.vocabulary[int(id)].shown) for id in listed.ids]
    ranked = [f"{rank}  {name}" for rank, name in zip(listed.ranks, names, strict=True)]
    what = "After the prompt: nothing was written"
    for place in np.flatnonzero(listed.ids == listed.actual):
        ranked[place] = f"▶ {ranked[place]}"
        axes.axhspan(place - 0.5, place + 0.5, color=FAINT, zorder=0)
        how = ", the likeliest, was taken" if listed.sampled is None else " was drawn"
        what = f"Step {len(trace.steps)}, the last: “{names[place]}”{how}"
    axes.set_yticks(range(len(names)), ranked)
    axes.set_title(f"{what}\n{subject(trace.model, trace.dtype)}", pad=6 if listed.sampled is None else 22)
