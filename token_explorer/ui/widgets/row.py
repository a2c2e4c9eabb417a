"""One row of the candidate table as text, and which columns a width has room for.

Pure; knows nothing of widgets.
"""

import math
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len, set_cell_size

from token_explorer.core.listing import Listed
from token_explorer.core.tokens import Vocabulary
from token_explorer.results import figures
from token_explorer.results.blocks import bar

TOKEN = 20
LEAST_TOKEN = 8
BAR = 12
# The largest vocabularies have ranks and ids of six digits; a sign stands between the rank and the token.
RANK = 7
ID, P, SAMPLED, CUMULATIVE = 8, 10, 10, 9
GAP = 2
# Before the token that stands in this place of the prompt, and before one that was removed.
ACTUAL, REMOVED = "▸", "×"
NONE = "—"


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate.

    Attributes:
        id: of the token.
        shown: the token on one line, safe for the screen.
        logprob: natural log of its probability.
        cumulative: probability of this and all more likely tokens; NaN where not all of them are known.
        rank: 1 + how many tokens of the whole vocabulary are more likely.
        actual: whether it is the token that stands in this place of the prompt.
        sampled: its probability after the sampler; None where that is off.
        removed: title of the sampler's stage that removed it; '' where none did.
    """

    id: int
    shown: str
    logprob: float
    cumulative: float
    rank: int
    actual: bool = False
    sampled: float | None = None
    removed: str = ""

    @property
    def probability(self) -> float:
        """What it may come with: after the sampler, where that is on."""
        return float(np.exp(self.logprob)) if self.sampled is None else self.sampled


def rows(listed: Listed, vocabulary: Vocabulary) -> tuple[Row, ...]:
    """The rows of what is listed, in its order."""
    nothing = [None] * len(listed)
    columns = zip(
        listed.ids.tolist(),
        listed.logprobs.tolist(),
        listed.cumulative.tolist(),
        listed.ranks.tolist(),
        nothing if listed.sampled is None else listed.sampled.tolist(),
        listed.removed or [""] * len(listed),
        strict=True,
    )
    return tuple(
        Row(id, vocabulary[id].shown, logprob, cumulative, rank, id == listed.actual, sampled, removed)
        for id, logprob, cumulative, rank, sampled, removed in columns
    )


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns; 0 for one that there is no room for.

    Attributes:
        sampled: of the probability after the sampler; 0 also where that is off.
        bar: of the bar, or of what is drawn in its place.
    """

    token: int
    id: int
    p: int
    sampled: int
    cumulative: int
    bar: int

    @classmethod
    def fitting(cls, width: int, sampled: bool = False) -> "Columns":
        """The columns for a width: the narrower, the fewer, and the token last to go.

        Args:
            sampled: whether the sampler is on.
        """
        after = SAMPLED if sampled and width >= RANK + LEAST_TOKEN + P + SAMPLED else 0
        room = width - RANK - P - after
        id, cumulative = ID, CUMULATIVE
        if room < LEAST_TOKEN + id + cumulative + BAR:
            cumulative = 0
        bar = BAR if room >= LEAST_TOKEN + id + cumulative + BAR else 0
        if room < LEAST_TOKEN + id:
            id = 0
        token = max(1, min(TOKEN, room - id - cumulative - bar))
        bar = bar and room - token - id - cumulative - GAP
        return cls(token, id, P, after, cumulative, bar)

    @classmethod
    def beside(cls, width: int, cells: int, sampled: bool = False) -> "Columns":
        """The columns that leave so many cells in the bar's place, or as many as token and p can spare."""
        room, after = width - RANK - P - GAP, SAMPLED if sampled else 0
        for id, cumulative in ((ID, CUMULATIVE), (ID, 0), (0, 0)):
            if (rest := room - TOKEN - after - id - cumulative) >= cells:
                return cls(TOKEN, id, P, after, cumulative, rest)
        if room - LEAST_TOKEN - after < cells:
            after = 0
        token = max(1, min(TOKEN, max(LEAST_TOKEN, room - after - cells), room))
        return cls(token, 0, P, after, 0, max(0, room - after - token))

    @property
    def header(self) -> str:
        """The columns' names."""
        return f"{'#':>{RANK - 1}} " + self._joined("token", "id", "p", "sampled", "cum")

    def row(self, row: Row) -> tuple[str, str]:
        """A row's text; and its bar, or which stage of the sampler removed it."""
        if not self.bar:
            return self.text(row), ""
        drawn = fitted(row.removed, self.bar) if row.removed else bar(row.probability, self.bar)
        return self._text(row, NONE if row.removed else _after(row)), " " * GAP + drawn

    def text(self, row: Row) -> str:
        """A row's text where it has no bar: the stage that removed it stands where its probability would."""
        if row.removed and self.sampled:
            return self._text(row, fitted(row.removed, self.sampled - GAP))
        return self._text(row, _after(row))

    def _text(self, row: Row, after: str) -> str:
        cumulative = NONE if math.isnan(row.cumulative) else figures.fraction(row.cumulative)
        numbers = str(row.id), figures.probability(row.logprob), after, cumulative
        return f"{row.rank:>{RANK - 1}}{self._sign(row)}{self._joined(row.shown, *numbers)}"

    def _sign(self, row: Row) -> str:
        """What stands before a token; that it was removed only where no column says so."""
        if row.actual:
            return ACTUAL
        return REMOVED if row.removed and not self.sampled else " "

    def _joined(self, token: str, id: str, p: str, sampled: str, cumulative: str) -> str:
        widths = self.id, self.p, self.sampled, self.cumulative
        numbers = zip((id, p, sampled, cumulative), widths, strict=True)
        return fitted(token, self.token) + "".join(f"{text:>{width}}" for text, width in numbers if width)


def _after(row: Row) -> str:
    """The probability after the sampler of a token that it leaves; '' where it is off."""
    return "" if row.sampled is None else figures.fraction(row.sampled)


def fitted(text: str, cells: int) -> str:
    """Text in exactly so many cells, with a … where it was cut."""
    return set_cell_size(text, cells) if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"
