"""The raw logit lens as grids: what each layer would say next, measured in several ways.

nostalgebraist 2020, "interpreting GPT: the logit lens". Knows nothing of where its cells come from,
nor of how grids are drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from token_explorer.core.observation import LensCells
from token_explorer.core.reading import Grid
from token_explorer.core.scores import NATS_PER_BIT, Floats, Ints
from token_explorer.overlays.surprise import ENTROPY_SCALE_BITS

# To a layer so far from the model's output, what the output expects is one in a million.
DIVERGENCE_SCALE_BITS = 20.0
# Vocabularies are about as large, and early layers put a token anywhere among them.
LAST_RANK_DRAWN = 100_000

Counts = Literal["probability", "bits", "rank"]


@dataclass(frozen=True, slots=True)
class LensMode:
    """A named way to read the lens.

    Attributes:
        name: on the screen.
        help: one line for the help screen.
        counts: what its values are, and so how they are written.
        read: the grid (L + 1, n) of some cells.
        of_pin: whether it is of the pinned token; its grid has no values where none is pinned.
    """

    name: str
    help: str
    counts: Counts
    read: Callable[[LensCells], Grid]
    of_pin: bool = False


def probability(cells: LensCells) -> Grid:
    """Probability of each layer's most likely next token."""
    return _chances(cells, np.exp(cells.logprobs))


def entropy(cells: LensCells) -> Grid:
    """Shannon entropy of each layer's whole distribution, bits."""
    return _grid(cells, "entropy", cells.entropies / NATS_PER_BIT, 0.0, ENTROPY_SCALE_BITS, "bits")


def divergence(cells: LensCells) -> Grid:
    """KL divergence D(final || layer) from each layer's distribution to the model's output, bits."""
    values = cells.divergences / NATS_PER_BIT
    return _grid(cells, "KL(final || layer)", values, 0.0, DIVERGENCE_SCALE_BITS, "bits")


def pinned_probability(cells: LensCells) -> Grid:
    """Probability of the pinned token in each layer."""
    values = _nothing(cells) if cells.pinned is None else np.exp(cells.pinned)
    return _chances(cells, values)


def pinned_rank(cells: LensCells) -> Grid:
    """1 + how many tokens each layer finds more likely than the pinned one, drawn by its ratio."""
    ranks = cells.ranks
    return Grid(
        title="rank",
        unit="",
        values=_nothing(cells) if ranks is None else _as_floats(np.where(ranks > 0, ranks, np.nan)),
        low=1.0,
        high=LAST_RANK_DRAWN,
        scale="log",
        rows=_rows(cells),
    )


def _chances(cells: LensCells, values: Floats) -> Grid:
    values, rows = _as_floats(values), _rows(cells)
    return Grid(title="probability", unit="", values=values, low=0.0, high=1.0, chance=True, rows=rows)


def _grid(cells: LensCells, title: str, values: Floats, low: float, high: float, unit: str = "") -> Grid:
    values = _as_floats(values)
    return Grid(title=title, unit=unit, values=values, low=low, high=high, rows=_rows(cells))


def _rows(cells: LensCells) -> tuple[str, ...]:
    """The layers' names; 0 is the embeddings."""
    return tuple(map(str, range(len(cells.tops))))


def _nothing(cells: LensCells) -> Floats:
    return np.full(cells.tops.shape, np.nan, np.float32)


def _as_floats(values: Floats | Ints) -> Floats:
    return np.asarray(values, dtype=np.float32)


# The key `e` goes through them in this order; those of the pinned token only while there is one.
LENS_MODES: tuple[LensMode, ...] = (
    LensMode("top token", "what each layer puts first, and how likely that is", "probability", probability),
    LensMode("entropy", "how open the choice is to each layer", "bits", entropy),
    LensMode("KL to the output", "how far each layer is from the model's output", "bits", divergence),
    LensMode(
        "pinned probability",
        "how likely the pinned token is to each layer",
        "probability",
        pinned_probability,
        of_pin=True,
    ),
    LensMode(
        "pinned rank",
        "how many tokens each layer puts before the pinned one, counting from 1",
        "rank",
        pinned_rank,
        of_pin=True,
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """The pinned token through the layers, after one position.

    Attributes:
        logprobs (L + 1,): natural log of its probability; embeddings first, the last is the model's own.
        ranks (L + 1,): 1 + how many tokens are more likely.
    """

    logprobs: Floats
    ranks: Ints

    @property
    def first(self) -> int | None:
        """The first layer that puts it before all others, which later ones needn't; None where none does."""
        leading = np.flatnonzero(self.ranks == 1)
        return int(leading[0]) if len(leading) else None


def follow(cells: LensCells, column: int) -> Followed | None:
    """The pinned token through the layers in one column; None where none is pinned, or it isn't known."""
    if cells.pinned is None or cells.ranks is None or not (cells.ranks[:, column] > 0).all():
        return None
    return Followed(cells.pinned[:, column], cells.ranks[:, column])
