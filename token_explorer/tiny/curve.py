"""The plot of a training: the loss of each step, and of each evaluation."""

from collections.abc import Sequence

from token_explorer.results import canvas
from token_explorer.results.canvas import BLUE, FAINT, INK, ORANGE, axes, blank
from token_explorer.tiny.training import Evaluation

_WIDTH, _HEIGHT = 7.0, 3.4
_STEPS = "#b0b0b0"


def curve(title: str, losses: Sequence[float], history: Sequence[Evaluation]) -> bytes:
    """The plot, as a PNG file.

    Args:
        title: what was trained, in plain text.
        losses: of each step.
        history: the evaluations.
    """
    with canvas.look():
        figure = blank(_WIDTH, _HEIGHT)
        place = axes(figure, 0.7, 0.5, _WIDTH - 0.9, _HEIGHT - 0.9)
        place.grid(color=FAINT)
        place.set_axisbelow(True)
        place.plot(range(len(losses)), losses, color=_STEPS, label="of each step", linewidth=1.0)
        iterations = [each.iteration for each in history]
        place.plot(iterations, [each.training for each in history], color=BLUE, marker="o", label="training")
        validation = [each.validation for each in history]
        place.plot(iterations, validation, color=ORANGE, marker="s", linestyle="--", label="validation")
        place.set_ylim(bottom=0.0)
        place.set_xlabel("iteration", color=INK)
        place.set_ylabel("loss (nats a token)", color=INK)
        place.set_title(canvas.printable(title))
        place.legend(frameon=False)
        return canvas.png(figure)
