"""How the text would go on after each row of the table: the columns for it at the table's right end.

Pure; knows nothing of how a model looks ahead, nor of widgets.
"""

from dataclasses import dataclass, replace

from token_explorer.core.tokens import visible_blanks
from token_explorer.results import figures
from token_explorer.ui.ahead import Continuation
from token_explorer.ui.widgets.row import GAP, NONE, Columns, fitted

# Two or three tokens. Beside the least bar they fit on a terminal of 80 columns.
LEAST = 10
# Four tokens are seldom longer.
MOST = 40
# A probability, and a blank before it.
JOINT = 10
# Narrower than this, the text takes all the room: it tells more than its probability does.
LEAST_BESIDE_JOINT = 16
# A bar of so many cells still has 64 lengths.
LEAST_BAR = 8
# The bar keeps this part of its room; beyond that it tells nothing more.
BAR_PART = 3


@dataclass(frozen=True, slots=True)
class ThenColumns:
    """Widths of the columns; 0 for one that there is no room for.

    Attributes:
        joint: of the probability of a candidate and its continuation together.
        text: of the continuation.
    """

    joint: int = 0
    text: int = 0

    @classmethod
    def fitting(cls, room: int) -> "ThenColumns":
        """The columns for so many cells, the gap between them and what stands before them included."""
        text = room - GAP
        if text < LEAST:
            return cls()
        if text - JOINT < LEAST_BESIDE_JOINT:
            return cls(0, min(text, MOST))
        return cls(JOINT, min(text - JOINT, MOST))

    @property
    def width(self) -> int:
        """Of all of it."""
        return self.joint + GAP + self.text if self.text else 0

    @property
    def header(self) -> str:
        """The columns' names."""
        return self._joined("joint", "then")

    def row(self, logprob: float, continuation: Continuation | None) -> str:
        """What a row says of its continuation; blanks while that isn't known.

        Args:
            logprob: natural log of the candidate's probability.
        """
        if continuation is None:
            return " " * self.width
        return self._joined(figures.probability(logprob + continuation.logprob), _text(continuation))

    def _joined(self, joint: str, text: str) -> str:
        if not self.text:
            return ""
        return (f"{joint:>{self.joint}}" if self.joint else "") + " " * GAP + fitted(text, self.text)


NO_COLUMNS = ThenColumns()


def beside_bar(columns: Columns) -> tuple[Columns, ThenColumns]:
    """The table's other columns, all in their places, and what their bar leaves of its room."""
    then = ThenColumns.fitting(columns.bar - max(LEAST_BAR, columns.bar // BAR_PART))
    return replace(columns, bar=columns.bar - then.width), then


def _text(continuation: Continuation) -> str:
    """Words are read more easily between blanks, but a blank at an end would be lost."""
    words = continuation.shown.strip(" ")
    before, _, after = continuation.shown.partition(words) if words else (continuation.shown, "", "")
    return visible_blanks(before) + words + visible_blanks(after) or NONE
