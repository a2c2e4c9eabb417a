"""What an overlay says: a value for each token, with its unit and its scale. Knows nothing of colours."""

from dataclasses import dataclass

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
    """

    key: str
    title: str
    unit: str
    values: Floats
    low: float
    high: float
    note: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 1:
            raise ValueError(f"values are {self.values.shape}, should be (T,)")
        if not self.low < self.high:
            raise ValueError(f"the scale runs from {self.low} to {self.high}")
