"""The plots of a trace, as PNG files with their names. matplotlib, here and in what draws each of them."""

from collections.abc import Iterator
from itertools import groupby

from token_explorer.results import canvas
from token_explorer.trace import chances, comparison, heatmap, names, surprisal
from token_explorer.trace.record import Snapshot, Trace


def plots(trace: Trace) -> Iterator[tuple[str, bytes]]:
    """Each plot that the trace has the numbers for, one after the other: its file's name, and the file."""
    with canvas.look():
        final = chances.final(trace)
        if final is not None:
            yield names.FINAL, canvas.png(final)
        yield names.SURPRISAL, canvas.png(surprisal.whole(trace))
        for step, taken in groupby(trace.attention, _step):
            yield names.snapshot(step), canvas.png(heatmap.snapshot(trace, list(taken)))


def comparing(left: Trace, right: Trace) -> bytes:
    """The plot of two traces, as a file."""
    with canvas.look():
        return canvas.png(comparison.compared(left, right))


def _step(snapshot: Snapshot) -> int:
    return snapshot.step
