"""A number to be worked out by hand from few others, and whether an answer is right.

Numbers are given to two decimals, and asked for to two. Knows nothing of where they come from.
"""

from dataclasses import dataclass

from token_explorer.byhand.lines import Line, written

DECIMALS = 2
# How far an answer may be from the number: one in the last decimal that is asked for.
TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Numbers that are given, rounded."""

    name: str
    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A number to be worked out.

    Attributes:
        title: what kind of number it is.
        step: name of the step that it is of.
        row: which token it is of, from 0.
        name: of the number, in symbols.
        formula: how it comes about, in symbols.
        given: what it comes about from.
        hint: how to begin, in words.
        working: from what is given to the number.
        exact: the number as the forward has it; from rounded ones another may come out.
        share: whether it is a part of 1.
        word: id of the next token that it is about; None where it is about none.
    """

    title: str
    step: str
    row: int
    name: str
    formula: str
    given: tuple[Given, ...]
    hint: str
    working: tuple[Line, ...]
    exact: float
    share: bool = False
    word: int | None = None

    @property
    def value(self) -> float:
        """What comes out of the numbers that are given."""
        return self.working[-1].value

    def is_right(self, answer: float) -> bool:
        """Whether an answer is within TOLERANCE of the number, or between what comes out either way."""
        low, high = sorted((self.value, self.exact))
        # So much more that an answer at the very edge doesn't fail for how floats are stored.
        return low - TOLERANCE - 1e-9 <= answer <= high + TOLERANCE + 1e-9


def shown(value: float) -> str:
    """A number as it is given and asked for."""
    return written(value, DECIMALS)
