"""What an overlay says: values with their unit and their scale. Knows nothing of colours."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from token_explorer.core.scores import Floats

# Equal steps of colour are equal differences, or equal ratios, or differences to both sides of zero.
ScaleKind = Literal["linear", "log", "signed"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measured:
    """Values, what they count, and the scale that they are drawn on.

    Attributes:
        title: their name on the screen.
        unit: what they count, '' for a pure number.
        values: NaN where there is no value.
        low, high: ends of the scale; values beyond them get the end's colour.
        note: what the reader should know, '' for nothing.
        scale: see ScaleKind; a signed one runs from -high to high.
        chance: whether the values are probabilities of tokens, on a scale from 0 to 1.
    """

    title: str
    unit: str
    values: Floats
    low: float
    high: float
    note: str = ""
    scale: ScaleKind = "linear"
    chance: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"the scale runs from {self.low} to {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"a scale of ratios can't begin at {self.low}")
        if self.scale == "signed" and self.low != -self.high:
            raise ValueError(f"a signed scale can't run from {self.low} to {self.high}")
        if self.chance and (self.low, self.high, self.scale) != (0.0, 1.0, "linear"):
            raise ValueError(f"a scale of probabilities can't run from {self.low} to {self.high}")

    @property
    def places(self) -> Floats:
        """Where each value lies on the scale: 0 is its low end, 1 its high end, NaN for no value."""
        values = np.clip(self.values.astype(np.float64), self.low, self.high)
        ends = np.array([self.low, self.high], np.float64)
        if self.scale == "log":
            values, ends = np.log(values), np.log(ends)
        return np.asarray((values - ends[0]) / (ends[1] - ends[0]), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading(Measured):
    """One value a token: values are (T,).

    Attributes:
        key: the overlay's name in commands and configuration.
    """

    key: str

    def __post_init__(self) -> None:
        Measured.__post_init__(self)  # super() doesn't work in a class that slots=True makes anew
        if self.values.ndim != 1:
            raise ValueError(f"values are {self.values.shape}, should be (T,)")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid(Measured):
    """One value a row and column, such as a layer and a token: values are (R, C).

    Attributes:
        rows: the name of each row.
    """

    rows: tuple[str, ...]

    def __post_init__(self) -> None:
        Measured.__post_init__(self)
        if self.values.ndim != 2 or len(self.values) != len(self.rows):
            raise ValueError(f"values are {self.values.shape} for {len(self.rows)} rows")
