"""The plot of a training: its loss at each iteration, and at each evaluation on both parts of the data."""

import math

from token_explorer.results.canvas import BLUE, FAINT, INK, ORANGE, QUIET, axes, blank, look, png, printable
from token_explorer.tiny.training import Progress

_WIDTH, _HEIGHT = 7.0, 3.2
_BATCHES = "#c4c7cc"


def plot(progress: Progress, size: int, about: str) -> bytes:
    """A PNG file.

    Args:
        size: how many tokens there are: log of it is the loss of a model that knows nothing.
        about: what was trained, for the title.
    """
    with look():
        figure = blank(_WIDTH, _HEIGHT)
        drawn = axes(figure, 0.0, 0.0, _WIDTH, _HEIGHT)
        drawn.plot(
            range(1, len(progress.losses) + 1),
            progress.losses,
            color=_BATCHES,
            label="batches of one iteration",
        )
        at = [each.iteration for each in progress.evaluations]
        drawn.plot(
            at, [each.training for each in progress.evaluations], "o-", color=BLUE, label="training data"
        )
        drawn.plot(
            at,
            [each.validation for each in progress.evaluations],
            "s--",
            color=ORANGE,
            label="validation data",
        )
        knows_nothing = math.log(size)
        drawn.axhline(knows_nothing, color=QUIET, linestyle=":", linewidth=1)
        drawn.annotate(
            f"ln {size}: all tokens alike",
            (0, knows_nothing),
            (2, 3),
            textcoords="offset points",
            fontsize=7,
            color=QUIET,
        )
        best = progress.best_evaluation
        drawn.plot([best.iteration], [best.validation], "o", markersize=11, fillstyle="none", color=INK)
        drawn.set_ylim(bottom=0.0)
        drawn.set_xlabel("iteration; the model with the ring was saved")
        drawn.set_ylabel("cross-entropy of a token (nats)")
        drawn.set_title(
            printable(f"{about}\nvalidation loss {best.validation:.3f} after {best.iteration} iterations")
        )
        drawn.grid(color=FAINT)
        drawn.set_axisbelow(True)
        drawn.legend(frameon=False, fontsize=8)
        return png(figure)
