"""The plot of a snapshot of the attention: queries down, keys across. Knows nothing of files."""

import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from token_explorer.core.scores import Floats
from token_explorer.results import canvas
from token_explorer.results.attention import SIGNAL
from token_explorer.results.canvas import FAINT, QUIET, axes, blank, labels, subject
from token_explorer.trace.record import Snapshot, Trace

# Weights beyond the scale are paler than its end, and what comes after the query isn't there.
COLOURS = matplotlib.colormaps["viridis"].with_extremes(over="#fdf8d8", bad=FAINT)
# Every token has a label up to so many; beyond it the figure grows no more.
MOST_LABELS = 150
_MOST_SMALL = 36
_CELL, _LARGE_CELL, _LEAST_SIDE = 0.145, 0.4, 2.6
_BAR, _GAP = 0.16, 0.3
_CHARACTERS_PER_INCH, _LEAST_WORDS = 13, 56
_SIGNAL = f"{SIGNAL.capitalize()}."


def snapshot(trace: Trace, taken: Sequence[Snapshot]) -> Figure:
    """One head, or the heads together: one heatmap; each head by itself: small ones, on one scale."""
    if len(taken) == 1:
        return _single(trace, taken[0])
    return _multiples(trace, taken)


def _single(trace: Trace, taken: Snapshot) -> Figure:
    size = side(len(taken.weights), MOST_LABELS)
    figure = blank(size, size)
    place = axes(figure, 0.0, 0.0, size, size)
    scale = scale_of([taken])
    draw(place, trace, taken, scale, MOST_LABELS)
    place.set_title(f"{what(taken)}\n{when(trace, taken)}\n{subject(trace.model, trace.dtype)}")
    legend(figure, scale, (size + _GAP, 0.0, _BAR, min(size, 5.0) - 0.2))
    place.set_xlabel(f"key: the token that is attended to\n\n{note([taken], scale, size)}", loc="left")
    place.set_ylabel("query: the token that attends")
    return figure


def _multiples(trace: Trace, taken: Sequence[Snapshot]) -> Figure:
    """Labels stand at the figure's edges alone."""
    columns = int(np.ceil(np.sqrt(len(taken))))
    rows = -(-len(taken) // columns)
    size = side(len(taken[0].weights), _MOST_SMALL)
    step = size + 0.42
    figure = blank(columns * step, rows * step)
    scale = scale_of(taken)
    for number, each in enumerate(taken):
        row, column = divmod(number, columns)
        place = axes(figure, column * step, (rows - 1 - row) * step, size, size)
        draw(place, trace, each, scale, _MOST_SMALL)
        place.set_title(f"head {each.heads}", fontsize=9)
        place.tick_params(labelleft=column == 0, labelbottom=number + columns >= len(taken))
    legend(figure, scale, (columns * step, 0.0, _BAR, min(rows * step - 0.42, 5.0)))
    first = taken[0]
    what = f"Attention of each head in layer {first.layer}\n{when(trace, first)}"
    title = f"{what}\n{subject(trace.model, trace.dtype)}"
    up = figure.get_figheight()
    figure.text(0.0, 1.0 + 0.1 / up, title, fontsize=10.5, va="bottom")
    corner = figure.axes[(rows - 1) * columns]
    words = "across: key, the token that is attended to; down: query, the token that attends"
    corner.set_xlabel(f"{words}\n\n{note(taken, scale, columns * step)}", loc="left")
    return figure


def side(tokens: int, most: int) -> float:
    """The side of a heatmap, inches."""
    cell = min(_LARGE_CELL, max(_CELL, 6.0 / tokens))
    return max(_LEAST_SIDE, cell * min(tokens, most))


def draw(axes: Axes, trace: Trace, taken: Snapshot, scale: Normalize, most: int) -> None:
    """A heatmap, with labels for all tokens, or for each n-th where there are more than `most`."""
    count = len(taken.weights)
    axes.imshow(
        np.ma.masked_invalid(taken.weights), cmap=COLOURS, norm=scale, interpolation="nearest", aspect="auto"
    )
    step = canvas.every(count, most)
    places, names = canvas.thinned(labels(trace.vocabulary, trace.ids + trace.written[: taken.step]), step)
    size = 7.0 if count > 20 else 8.5
    axes.set_xticks(places, names, rotation=90, fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.tick_params(length=2, color=QUIET)
    axes.set_facecolor(FAINT)
    if taken.step > 0:
        edge = len(trace.ids) - 0.5
        axes.axhline(edge, color=QUIET, linewidth=0.8, linestyle="--")
        axes.plot([edge, edge], [edge, count - 0.5], color="white", linewidth=0.8, linestyle="--")


def legend(figure: Figure, scale: Normalize, place: tuple[float, float, float, float]) -> None:
    """The colours, with the numbers that they stand for."""
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), cax=axes(figure, *place), extend="max")
    bar.set_label("attention weight")


def scale_of(taken: Sequence[Snapshot]) -> Normalize:
    """From 0 to the largest weight of any token but the first, which would leave no colours to the others."""
    others = [each.weights[:, 1:] for each in taken if len(each.weights) > 1]
    high = max((float(np.nanmax(weights)) for weights in others), default=1.0)
    return Normalize(0.0, high if high > 0 else 1.0)


def note(taken: Sequence[Snapshot], scale: Normalize, width: float) -> str:
    """What must be known to read the colours, in lines of so many inches."""
    share = float(np.mean([_first(each.weights) for each in taken]))
    lines = [_SIGNAL if taken[0].heads == "max" else f"{_SIGNAL} The weights of a query sum to 1."]
    if len(taken[0].weights) > 1:
        lines.append(
            f"The first token, often a sink, takes {share:.0%} on average; the scale leaves it out "
            f"and ends at {scale.vmax:.3g}, the largest weight of another token."
        )
    if taken[0].heads == "max":
        lines.append("The largest weight of any head: these don't sum to 1.")
    if (step := canvas.every(len(taken[0].weights), MOST_LABELS if len(taken) == 1 else _MOST_SMALL)) > 1:
        lines.append(f"One token in {step} has a label.")
    cells = max(_LEAST_WORDS, int(_CHARACTERS_PER_INCH * width))
    return "\n".join(textwrap.fill(line, cells) for line in lines)


def _first(weights: Floats) -> float:
    """The mean weight of the first token, of all queries but its own."""
    return float(weights[1:, 0].mean()) if len(weights) > 1 else 1.0


def what(taken: Snapshot) -> str:
    """Which attention it is, in words."""
    heads = {"mean": "mean of its heads", "max": "largest weight of its heads"}.get(str(taken.heads))
    return f"Attention in layer {taken.layer}, {heads or f'head {taken.heads}'}"


def when(trace: Trace, taken: Snapshot) -> str:
    """After which step, in words."""
    if taken.step == 0:
        return "the prompt"
    last = labels(trace.vocabulary, trace.ids + trace.written[: taken.step])[-1]
    return f"after step {taken.step}, “{last}”; the prompt ends at the dashed line"
