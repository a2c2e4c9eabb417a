"""Two traces in one figure: final probabilities, surprisals, and the attention in the prompt, side by side.

Both sides have the same scales. Knows nothing of files.
"""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from token_explorer.results.canvas import QUIET, axes, blank
from token_explorer.trace import chances, heatmap, surprisal
from token_explorer.trace.record import Snapshot, Trace

_WIDTH, _BETWEEN, _HEIGHT, _LABELS = 9.0, 2.2, 2.3, 1.9
_ROW = 0.34
# Labels that a side has room for, in the surprisals and the heatmap.
_MOST = 44


def compared(left: Trace, right: Trace) -> Figure:
    """The two, each in a column."""
    sides = (left, right)
    likely = [each for each in map(chances.listed_last, sides) if each is not None]
    bars = _ROW * (max(map(len, likely), default=1) + 0.6)
    highest = max(map(chances.highest, likely), default=1.0)
    square = _WIDTH * 0.75
    figure = blank(2 * _WIDTH + _BETWEEN, bars + _HEIGHT + square + 2 * _LABELS)
    for column, trace in enumerate(sides):
        across = column * (_WIDTH + _BETWEEN)
        _draw_chances(figure, trace, (across, square + _HEIGHT + 2 * _LABELS, _WIDTH, bars), highest)
        _draw_surprisals(figure, trace, (across, square + _LABELS, _WIDTH, _HEIGHT), _ceiling(sides))
    _draw_attention(figure, sides, square)
    return figure


def _draw_chances(
    figure: Figure, trace: Trace, place: tuple[float, float, float, float], highest: float
) -> None:
    drawn, listed = axes(figure, *place), chances.listed_last(trace)
    if listed is not None:
        chances.draw(drawn, trace, listed)
    drawn.set_xlim(0.0, 1.16 * highest)


def _draw_surprisals(
    figure: Figure, trace: Trace, place: tuple[float, float, float, float], top: float
) -> None:
    drawn, count = axes(figure, *place), len(trace.ids) + len(trace.steps)
    surprisal.draw(drawn, trace, surprisal.measured(trace), (0, count), _MOST)
    drawn.set_xlim(-0.8, count - 0.2)
    drawn.set_ylim(0.0, top)
    drawn.set_title("How surprising each token was", pad=22)
    drawn.set_xlabel(surprisal.axis_name(count, _MOST))
    surprisal.name_marks(drawn)


def _ceiling(sides: tuple[Trace, Trace]) -> float:
    return max(surprisal.ceiling(*surprisal.measured(trace)) for trace in sides)


def _draw_attention(figure: Figure, sides: tuple[Trace, Trace], square: float) -> None:
    """The attention in the prompts, on one scale."""
    taken = [_prompt(trace) for trace in sides]
    known = [each for each in taken if each is not None]
    scale = heatmap.scale_of(known)
    for column, (trace, each) in enumerate(zip(sides, taken, strict=True)):
        drawn = axes(figure, column * (_WIDTH + _BETWEEN), 0.0, square, square)
        if each is None:
            drawn.set_axis_off()
            drawn.text(0.0, 1.0, "No attention is recorded.", va="top", color=QUIET)
            continue
        heatmap.draw(drawn, trace, each, scale, _MOST)
        drawn.set_title(f"{heatmap.what(each)}; the prompt")
        drawn.set_xlabel(
            f"key: the token that is attended to\n\n{heatmap.note([each], scale, square)}", loc="left"
        )
        drawn.set_ylabel("query: the token that attends")
    if known:
        heatmap.legend(figure, scale, (2 * _WIDTH + _BETWEEN - 1.4, 0.0, 0.16, square - 0.3))


def _prompt(trace: Trace) -> Snapshot | None:
    """The snapshot of the prompt; heads that were taken by themselves are put together."""
    taken = [each for each in trace.attention if each.step == 0]
    if len(taken) < 2:
        return taken[0] if taken else None
    mean = np.stack([each.weights for each in taken]).mean(axis=0, dtype=np.float64)
    return replace(taken[0], heads="mean", weights=mean.astype(np.float32))
