"""Lines of a calculation: what is computed, with its numbers, to its value.

Knows nothing of models, nor of how lines are drawn.
"""

from dataclasses import dataclass
from typing import TypeAlias

from token_explorer.byhand.weights import Numbers

MINUS = "−"
TIMES = "×"


@dataclass(frozen=True, slots=True, eq=False)
class Dot:
    """Two rows of numbers multiplied pair by pair, and the products added up.

    Attributes:
        name: what comes out, in symbols.
        formula: how, in symbols.
        left, right (n,): the numbers.
        left_name, right_name: what they are.
    """

    name: str
    formula: str
    left: Numbers
    right: Numbers
    left_name: str
    right_name: str

    @property
    def value(self) -> float:
        """The sum of the products."""
        return float(self.left @ self.right)

    def numbers(self, digits: int) -> str:
        """The calculation with its numbers, each to so many decimals."""
        pairs = zip(self.left.tolist(), self.right.tolist(), strict=True)
        return " + ".join(f"{spelled(a, digits)}{TIMES}{spelled(b, digits)}" for a, b in pairs)


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """Numbers added up.

    Attributes:
        name, formula: see Dot.
        terms (n,): the numbers.
    """

    name: str
    formula: str
    terms: Numbers

    @property
    def value(self) -> float:
        """The sum."""
        return float(self.terms.sum())

    def numbers(self, digits: int) -> str:
        """See Dot.numbers."""
        return " + ".join(spelled(term, digits) for term in self.terms.tolist())


@dataclass(frozen=True, slots=True)
class Formula:
    """A value from a few numbers.

    Attributes:
        name, formula: see Dot.
        template: the formula with a pair of braces for each number.
        figures: the numbers.
        value: what comes out.
    """

    name: str
    formula: str
    template: str
    figures: tuple[float, ...]
    value: float

    def numbers(self, digits: int) -> str:
        """See Dot.numbers."""
        return self.template.format(*(spelled(figure, digits) for figure in self.figures))


Line: TypeAlias = Dot | Sum | Formula


def spelled(value: float, digits: int) -> str:
    """A number to so many decimals, negative ones in brackets so that they can stand behind a sign."""
    shown = written(value, digits)
    return f"({shown})" if shown.startswith(MINUS) else shown


def written(value: float, digits: int) -> str:
    """A number to so many decimals, with a minus sign of a plus sign's width; never a negative zero."""
    if value == float("-inf"):
        return f"{MINUS}∞"
    shown = f"{value:.{digits}f}"
    if not shown.startswith("-"):
        return shown
    return f"{MINUS}{shown[1:]}" if shown.strip("-0.") else shown[1:]
