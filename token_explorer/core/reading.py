"""What an overlay says: a value for each token, with its unit and its scale. Knows nothing of colours."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from token_explorer.core.scores import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One value a token.

    Attributes:
        key: the overlay's name in commands and configuration.
        title: its name on the screen.
        unit: what the values count, '' for a pure number.
        values (T,): NaN where a token has no value.
        low, high: ends of the scale that the values are drawn on; values beyond them get the end's colour.
        note: what the reader should know, '' for nothing.
        scale: whether equal steps of colour are equal differences or equal ratios.
    """

    key: str
    title: str
    unit: str
    values: Floats
    low: float
    high: float
    note: str = ""
    scale: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        if self.values.ndim != 1:
            raise ValueError(f"values are {self.values.shape}, should be (T,)")
        if not self.low < self.high:
            raise ValueError(f"the scale runs from {self.low} to {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"a scale of ratios can't begin at {self.low}")

    @property
    def places(self) -> Floats:
        """(T,) where each value lies on the scale: 0 is its low end, 1 its high end, NaN for no value."""
        values = np.clip(self.values.astype(np.float64), self.low, self.high)
        ends = np.array([self.low, self.high], np.float64)
        if self.scale == "log":
            values, ends = np.log(values), np.log(ends)
        return np.asarray((values - ends[0]) / (ends[1] - ends[0]), dtype=np.float32)
