"""One row of the candidate table as text, and which columns a width has room for.

Pure; knows nothing of widgets.
"""

from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len, set_cell_size

from token_explorer.core.scores import Candidates
from token_explorer.core.tokens import Vocabulary
from token_explorer.ui import figures

_EIGHTHS = " ▏▎▍▌▋▊▉█"
TOKEN = 20
LEAST_TOKEN = 8
BAR = 12
RANK, ID, P, CUMULATIVE = 5, 9, 10, 9
GAP = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate.

    Attributes:
        id: of the token.
        shown: the token on one line, safe for the screen.
        logprob: natural log of its probability.
        cumulative: probability of this and all more likely tokens.
    """

    id: int
    shown: str
    logprob: float
    cumulative: float


def rows(candidates: Candidates, vocabulary: Vocabulary) -> tuple[Row, ...]:
    """The rows of a distribution, most likely first."""
    masses = np.exp(candidates.logprobs.astype(np.float64))
    # From the far end: what lies beyond a row keeps its digits where 1 minus it would lose them.
    beyond = candidates.tail + np.concatenate([np.cumsum(masses[:0:-1])[::-1], [0.0]])[: len(masses)]
    listed = zip(candidates.ids.tolist(), candidates.logprobs.tolist(), (1.0 - beyond).tolist(), strict=True)
    return tuple(Row(id, vocabulary[id].shown, logprob, cum) for id, logprob, cum in listed)


def eighths(part: float, cells: int) -> str:
    """A bar as long as `part` of so many cells, to an eighth of a cell; what isn't nothing has one."""
    steps = round(min(max(part, 0.0), 1.0) * cells * 8)
    if part > 0.0:
        steps = max(1, steps)
    full, rest = divmod(steps, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns; 0 for one that there is no room for.

    Attributes:
        bar: of the bar, or of what is drawn in its place.
    """

    token: int
    id: int
    p: int
    cumulative: int
    bar: int

    @classmethod
    def fitting(cls, width: int) -> "Columns":
        """The columns for a width: the narrower, the fewer, and the token last to go."""
        room = width - RANK
        id, cumulative = ID, CUMULATIVE
        if room < LEAST_TOKEN + P + id + cumulative + BAR:
            cumulative = 0
        bar = BAR if room >= LEAST_TOKEN + P + id + cumulative + BAR else 0
        if room < LEAST_TOKEN + P + id:
            id = 0
        token = max(1, min(TOKEN, room - P - id - cumulative - bar))
        bar = bar and room - token - P - id - cumulative - GAP
        return cls(token, id, P, cumulative, bar)

    @classmethod
    def beside(cls, width: int, cells: int) -> "Columns":
        """The columns that leave so many cells in the bar's place, or as many as token and p can spare."""
        room = width - RANK - P - GAP
        for id, cumulative in ((ID, CUMULATIVE), (ID, 0), (0, 0)):
            if room - TOKEN - id - cumulative >= cells:
                return cls(TOKEN, id, P, cumulative, room - TOKEN - id - cumulative)
        token = max(1, min(TOKEN, max(LEAST_TOKEN, room - cells), room))
        return cls(token, 0, P, 0, max(0, room - token))

    @property
    def header(self) -> str:
        """The columns' names."""
        return "   # " + self._joined("token", "id", "p", "cum")

    def row(self, rank: int, row: Row) -> tuple[str, str]:
        """A row's text, and its bar."""
        cumulative = figures.fraction(row.cumulative)
        text = self._joined(row.shown, str(row.id), figures.probability(row.logprob), cumulative)
        return f"{rank:>4} {text}", self._bar(row.logprob)

    def _joined(self, token: str, id: str, p: str, cumulative: str) -> str:
        numbers = (id, self.id), (p, self.p), (cumulative, self.cumulative)
        return fitted(token, self.token) + "".join(f"{text:>{width}}" for text, width in numbers if width)

    def _bar(self, logprob: float) -> str:
        return " " * GAP + eighths(float(np.exp(logprob)), self.bar) if self.bar else ""


def fitted(text: str, cells: int) -> str:
    """Text in exactly so many cells, with a … where it was cut."""
    return set_cell_size(text, cells) if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"
