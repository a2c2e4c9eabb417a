"""The two lists of the attention screen: all heads, and what one row of weights gives to each key.

Know nothing of how either is found.
"""

from collections.abc import Callable

import numpy as np
from textual import events
from textual.message import Message

from token_explorer.core.scores import Floats, Ints
from token_explorer.overlays.heads import Choice, Heads
from token_explorer.results import blocks, figures
from token_explorer.ui.widgets.listing import Listing
from token_explorer.ui.widgets.row import fitted

GAP = 1
LEAST_BAR = 3
LONGEST_TOKEN = 12


class HeadList(Listing):
    """All heads of all layers, the one whose weights vary most first."""

    class HeadClicked(Message):
        """A head was clicked."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._heads: Heads | None = None
        self._choice: Choice | None = None

    def show(self, heads: Heads, choice: Choice) -> None:
        """List the heads; the one that is chosen stands out, or all of the layer that are taken together."""
        before = self._heads, self._choice
        self._heads, self._choice = heads, choice
        place = heads.place(choice)
        self.fill(len(heads), place if choice.how == "head" else None)
        if before != (heads, choice) and place is not None:
            self.reveal(place)

    def on_resize(self) -> None:
        if self._heads and self._choice and (place := self._heads.place(self._choice)) is not None:
            self.reveal(place)

    def header(self, width: int) -> str:
        return "   # layer head  variance"

    def row(self, place: int, width: int) -> tuple[str, str]:
        assert self._heads is not None
        head, variances = self._heads.at(place), self._heads.variances
        variance, largest = (float(variances[self._heads.order[each]]) for each in (place, 0))
        text = f"{place + 1:>4} {head.layer:>5} {head.head:>4} {figures.fraction(variance):>9}"
        return text, _bar(variance / largest if largest > 0.0 else 0.0, width - len(text))

    def is_marked(self, place: int) -> bool:
        heads, choice = self._heads, self._choice
        if heads is None or choice is None or choice.how == "head":
            return False
        return heads.at(place).layer == choice.layer

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is not None and (head := self.at(place.y)) is not None:
            self.post_message(self.HeadClicked(head))


class WeightList(Listing):
    """What one row of weights gives to each key, most first."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._weights: Floats = np.zeros(0, np.float32)
        self._order: Ints = np.zeros(0, np.int64)
        self._shown: Callable[[int], str] = str

    def show(self, weights: Floats, shown: Callable[[int], str]) -> None:
        """List weights (K,).

        Args:
            shown: the token at a key, safe for the screen.
        """
        same, self._shown = np.array_equal(weights, self._weights), shown
        if not same:
            self._weights, self._order = weights, np.argsort(-weights, kind="stable")
        self.fill(len(weights))
        if not same:
            self.reveal(0)

    def header(self, width: int) -> str:
        return f"  key {fitted('token', self._token(width))}   weight"

    def row(self, place: int, width: int) -> tuple[str, str]:
        key = int(self._order[place])
        weight = float(self._weights[key])
        token = fitted(self._shown(key), self._token(width))
        text = f"{key + 1:>5} {token} {figures.fraction(weight):>8}"
        return text, _bar(weight, width - self._token(width) - 15)

    @staticmethod
    def _token(width: int) -> int:
        """Cells of the token: as many as there are, but for a bar where that can be."""
        return max(1, min(LONGEST_TOKEN, width - 15))


def _bar(part: float, cells: int) -> str:
    """A bar in so many cells after a gap; none where they are too few."""
    return " " * GAP + blocks.bar(part, cells - GAP) if cells >= GAP + LEAST_BAR else ""
