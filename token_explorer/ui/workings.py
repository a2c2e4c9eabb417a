"""The working of a number in lines of a given width: symbols, numbers in columns, what they come to.

Only lines that are asked for are written: a sum over a vocabulary has thousands. Knows nothing of widgets.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias

from rich.cells import cell_len

from token_explorer.byhand.lines import MINUS, TIMES, Dot, Formula, Line, Sum, written
from token_explorer.results import figures
from token_explorer.ui.widgets.wrapping import wrapped

DECIMALS = 4
# More than anyone wants to read.
MOST_DECIMALS = 8
# Cells of a number in a column, and of a column.
NUMBER = 8
COLUMN = NUMBER + 1

Look = Literal["plain", "dim", "bold"]
Written: TypeAlias = tuple[str, Look]
"""A line of text, and how it stands out."""


def figure(value: float) -> str:
    """A number in NUMBER cells at most: to four decimals, or fewer where it is large; never a false zero."""
    if _vanishes(value, DECIMALS):
        return _scientific(value)
    for digits in range(DECIMALS, -1, -1):
        if len(shown := written(value, digits)) <= NUMBER:
            return shown
    return _scientific(value)


def share(value: float) -> str:
    """A part of 1, as the table writes probabilities, in NUMBER cells at most."""
    shown = figures.fraction(value)
    return shown if len(shown) <= NUMBER else _scientific(value)


def _scientific(value: float) -> str:
    digits, power = f"{abs(value):.1e}".split("e")
    return f"{MINUS if value < 0 else ''}{digits}e{int(power)}"


@dataclass(frozen=True, slots=True)
class _Part:
    """Some lines.

    Attributes:
        height: how many.
        line: writes one of them.
    """

    height: int
    line: Callable[[int], Written]


class Calculation:
    """The working of a number.

    Args:
        lines: see Step.working.
        width: cells of a line.
        result: how the number itself is written.
    """

    def __init__(self, lines: Sequence[Line], width: int, result: Callable[[float], str] = figure) -> None:
        self._width = max(1, width)
        self._parts = [part for line in lines[:-1] for part in self._of_line(line, figure, False)]
        self._parts += [part for line in lines[-1:] for part in self._of_line(line, result, True)]
        self._starts = [0, *accumulate(part.height for part in self._parts)]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, number: int) -> Written:
        if not 0 <= number < len(self):
            raise IndexError(number)
        place = bisect_right(self._starts, number) - 1
        return self._parts[place].line(number - self._starts[place])

    def _of_line(self, line: Line, result: Callable[[float], str], last: bool) -> list[_Part]:
        """A line of the working: what it is, its numbers, and what comes out."""
        indent = cell_len(line.name) + 1
        found = [self._text(f"{line.name} = {line.formula}")]
        value = result(line.value)
        if isinstance(line, Formula):
            numbers = line.numbers(_decimals(line))
            if line.template != "{}" and numbers != value:  # what was only looked up is the value
                found.append(self._text(f"= {numbers}", indent))
        else:
            found.append(self._columns(line))
        found.append(self._text(f"= {value}", indent, "bold" if last else "plain"))
        return found if last else [*found, _Part(1, lambda number: ("", "plain"))]

    def _text(self, text: str, indent: int = 0, look: Look = "plain") -> _Part:
        lines = wrapped(text, max(1, self._width - indent))
        return _Part(len(lines), lambda number: (" " * indent + lines[number], look))

    def _columns(self, line: Dot | Sum) -> _Part:
        """Numbers below one another, as many in a line as there is room for; their places above them."""
        rows = _rows(line)
        edge = min(max(cell_len(name) for name, _, _ in rows) + 3, self._width)
        each = max(1, (self._width - edge) // COLUMN)
        count = len(line.terms if isinstance(line, Sum) else line.left)

        def write(number: int) -> Written:
            chunk, row = divmod(number, len(rows))
            name, cell, look = rows[row]
            cells = (cell(place) for place in range(chunk * each, min(count, (chunk + 1) * each)))
            return f" {name.rjust(edge - 2)} " + "".join(f"{text:>{COLUMN}}" for text in cells), look

        return _Part(len(rows) * -(-count // each), write)


def _rows(line: Dot | Sum) -> list[tuple[str, Callable[[int], str], Look]]:
    """What stands below one another: a name, the text of each number, and how that stands out."""
    places: tuple[str, Callable[[int], str], Look] = "", lambda place: str(place + 1), "dim"
    if isinstance(line, Sum):
        terms = line.terms
        return [places, ("+", lambda place: figure(float(terms[place])), "plain")]
    left, right = line.left, line.right
    return [
        places,
        (line.left_name, lambda place: figure(float(left[place])), "plain"),
        (f"{TIMES} {line.right_name}", lambda place: figure(float(right[place])), "plain"),
        ("=", lambda place: figure(float(left[place] * right[place])), "dim"),
    ]


def _decimals(line: Formula) -> int:
    """To how many decimals none of a formula's numbers is a false zero, where that can be."""
    for digits in range(DECIMALS, MOST_DECIMALS):
        if not any(_vanishes(each, digits) for each in line.figures):
            return digits
    return MOST_DECIMALS


def _vanishes(value: float, digits: int) -> bool:
    """Whether a number that isn't zero would be one to so many decimals."""
    return value != 0.0 and not written(value, digits).strip("0.")
