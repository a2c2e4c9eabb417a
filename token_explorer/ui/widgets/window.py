"""Which part of an attention map a pane holds, and the pieces that it is asked for in.

Pure: from the query, the prompt's length and the pane's size. Knows nothing of widgets and engines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.observation import AttentionMap
from token_explorer.core.scores import Floats, Ints

# Most that is in view: on a giant terminal all there is, in all heads, would be gigabytes. The pieces of so
# much are 20 MiB in a layer of 32 heads.
MOST_QUERIES = 128
MOST_KEYS = 256
# Pieces lie on a grid, so that one serves wherever the window moves. Each costs a forward of its queries, so
# that those of few keys cost as much as those of many.
PIECE_QUERIES = 32
PIECE_KEYS = 512
# The window moves by so many tokens at once, so that the map stands still under a cursor that walks.
STEP = 16
# Key 1 and a separator, left of keys that don't begin with it.
PINNED_CELLS = 2

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a map; all are indices of the prompt.

    Attributes:
        query: the one that is looked at; it is in view.
        start, stop: queries [start, stop) are in view; start is even, as a line holds two.
        first, last: keys [first, last) are in view.
        length: of the prompt.
        capped: whether the pane could hold more than is allowed.
    """

    query: int
    start: int
    stop: int
    first: int
    last: int
    length: int
    capped: bool = False

    @classmethod
    def around(cls, query: int, length: int, lines: int, columns: int) -> "Window":
        """The window for a query, in a pane of so many lines, two queries each, and columns of a key each.

        Its place follows from these alone, not from where it was before.
        """
        rows, cells = min(2 * max(1, lines), MOST_QUERIES), min(max(PINNED_CELLS + 2, columns), MOST_KEYS)
        end = _end(query, rows, length + length % 2)
        stop = min(end, length)
        last = _end(query, cells, stop)
        first = 0 if last <= cells else last - (cells - PINNED_CELLS)
        start = max(0, end - rows)
        capped = min(length, 2 * lines) > MOST_QUERIES or min(length, columns) > MOST_KEYS
        return cls(query, start, stop, first, last, length, capped)

    @property
    def pinned(self) -> bool:
        """Whether key 0, the sink, stands alone at the left."""
        return self.first > 0

    @property
    def keys(self) -> Ints:
        """(C,) the keys in view, from left to right."""
        keys = np.arange(self.first, self.last)
        return np.concatenate([[0], keys]) if self.pinned else keys

    def pieces(self, layer: int) -> list[AttentionMap]:
        """The pieces that hold what is in view, those of the query first; none that only has later keys."""
        found = []
        for start in range(self.start // PIECE_QUERIES * PIECE_QUERIES, self.stop, PIECE_QUERIES):
            stop = min(start + PIECE_QUERIES, self.length)
            spans = self._spans(min(stop, self.stop), stop)
            found += [AttentionMap(layer, start, stop, *keys) for keys in spans]
        return sorted(found, key=lambda piece: not piece.start <= self.query < piece.stop)

    def _spans(self, end: int, stop: int) -> Iterator[tuple[int, int]]:
        """The spans of keys in view that queries before `end` can see, in a piece that ends at `stop`."""
        low = self.first // PIECE_KEYS * PIECE_KEYS
        if low > 0:
            yield 0, 1
        if low == 0 or self.first < end:
            for first in range(low, min(self.last, end), PIECE_KEYS):
                yield first, min(first + PIECE_KEYS, stop)

    def gather(self, pieces: Iterable[tuple[AttentionMap, Floats | None]]) -> tuple[Floats, Bools]:
        """Put together what is in view.

        Args:
            pieces: each with its weights (Q, K), or None where they aren't known.

        Returns:
            (R, C) weights, NaN where there is none; and which of them aren't known.
        """
        keys = self.keys
        weights = np.full((self.stop - self.start, len(keys)), np.nan, np.float32)
        unknown = np.zeros(weights.shape, np.bool_)
        causal = keys <= np.arange(self.start, self.stop)[:, None]
        for piece, values in pieces:
            low, high = max(piece.start, self.start), min(piece.stop, self.stop)
            columns = np.flatnonzero((keys >= piece.first_key) & (keys < piece.last_key))
            place = np.ix_(np.arange(low, high) - self.start, columns)
            if values is None:
                unknown[place] = causal[place]
            else:
                rows = values[low - piece.start : high - piece.start]
                weights[place] = rows[:, keys[columns] - piece.first_key]
        return weights, unknown


def _end(query: int, room: int, length: int) -> int:
    """Where a window of so much room ends that holds the query: as far as the steps go, or at the length."""
    step = max(2, min(STEP, room // 2) // 2 * 2)
    return min(max((query // step + 1) * step, room), length)
