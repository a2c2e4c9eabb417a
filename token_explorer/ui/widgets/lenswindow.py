"""Which part of the lens a pane holds, the chunks that it is asked for in, and what is known of it.

Pure: from what is looked at, the prompt's length and the pane's size. Knows nothing of widgets and engines.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.observation import Lens, LensCells
from token_explorer.core.scores import Floats, Ints

# Positions asked for at once. Chunks lie on a grid, so that one serves wherever the window moves.
CHUNK = 4
# The window moves by so many layers or positions at once, so that it stands still under a cursor that walks.
STEP = 4


@dataclass(frozen=True, slots=True)
class LensWindow:
    """A part of the lens.

    Attributes:
        layer, position: what is looked at; it is in view.
        top, bottom: layers [top, bottom) are in view.
        start, stop: positions [start, stop) are in view, as indices of the prompt.
        layers: how many there are, with the embeddings.
        length: of the prompt.
    """

    layer: int
    position: int
    top: int
    bottom: int
    start: int
    stop: int
    layers: int
    length: int

    @classmethod
    def around(
        cls, layer: int, position: int, layers: int, length: int, lines: int, columns: int
    ) -> "LensWindow":
        """The window for a layer and position, in a pane of so many lines and columns, one or more of each.

        Its place follows from these alone, not from where it was before.
        """
        return cls(
            layer, position, *_span(layer, lines, layers), *_span(position, columns, length), layers, length
        )

    @property
    def column(self) -> int:
        """The column that is looked at."""
        return self.position - self.start

    def chunks(self, pin: int | None) -> list[Lens]:
        """The facets that hold what is in view, nearest to the position that is looked at first."""
        starts = range(self.start // CHUNK * CHUNK, self.stop, CHUNK)
        here = self.position // CHUNK * CHUNK
        near = sorted(starts, key=lambda start: abs(start - here))
        return [Lens(start, min(start + CHUNK, self.length), pin) for start in near]

    def gather(self, chunks: Iterable[tuple[Lens, LensCells]]) -> "Sight":
        """Put together what is known of the positions in view, in all layers."""
        shape = self.layers, self.stop - self.start
        floats = [np.full(shape, np.nan, np.float32) for _ in range(4)]
        ints = [np.zeros(shape, np.int64) for _ in range(2)]
        known = np.zeros(shape[1], np.bool_)
        for chunk, cells in chunks:
            low, high = max(chunk.start, self.start), min(chunk.stop, self.stop)
            there = slice(low - self.start, high - self.start)
            part = slice(low - chunk.start, high - chunk.start)
            found = cells.logprobs, cells.entropies, cells.divergences, cells.pinned
            _fill(zip(floats, found, strict=True), there, part)
            _fill(zip(ints, (cells.tops, cells.ranks), strict=True), there, part)
            known[there] = True
        tops, ranks = ints
        logprobs, entropies, divergences, pinned = floats
        return Sight(self, LensCells(tops, logprobs, entropies, divergences, pinned, ranks), known)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is known of a part of the lens.

    Attributes:
        window: which part.
        cells (L + 1, C): its positions in all layers; NaN, token 0 and rank 0 where they aren't known.
        known (C,): which positions are known, if not the pinned token's numbers there.
    """

    window: LensWindow
    cells: LensCells
    known: NDArray[np.bool_]

    @property
    def followed(self) -> NDArray[np.bool_]:
        """(C,) where the pinned token's numbers are known."""
        assert self.cells.ranks is not None
        return np.asarray((self.cells.ranks > 0).all(axis=0))

    @property
    def top(self) -> int | None:
        """Id of the top token of the cell that is looked at; None while it isn't known."""
        window = self.window
        return int(self.cells.tops[window.layer, window.column]) if self.known[window.column] else None


def _fill(pairs: Iterable[tuple[Floats | Ints, Floats | Ints | None]], there: slice, part: slice) -> None:
    for whole, values in pairs:
        if values is not None:
            whole[:, there] = values[:, part]


def _span(place: int, room: int, count: int) -> tuple[int, int]:
    """Which of `count` rows are in a view of so much room, near whose middle a place is."""
    step = min(STEP, room)
    before = (room - step) // 2
    start = max(0, min((place - before) // step * step, count - room))
    return start, min(start + room, count)
