"""The numbers of a forward by hand as people write them, and the workings of single ones as lines.

Knows nothing of models, nor of where lines go.
"""

from collections.abc import Sequence

from token_explorer.byhand.lines import MINUS, TIMES, Dot, Formula, Line, Sum, written
from token_explorer.byhand.step import LETTERS, SHARES, Step
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results import figures
from token_explorer.results.page import labels

DECIMALS = 4
# More than anyone wants to read.
_MOST_DECIMALS = 8


def letters(step: Step) -> tuple[str, str]:
    """What stands for the number of its rows, and of its columns."""
    return "T", LETTERS[step.label.columns]


def shape(step: Step) -> str:
    """How many rows and columns it has, in letters and numbers: "(T, d) = 3 × 8"."""
    rows, columns = step.values.shape
    return f"({', '.join(letters(step))}) = {rows} × {columns}"


def figure(value: float) -> str:
    """A number to four decimals, and one that would be a false zero with its power of ten."""
    if value == 0.0 or written(value, DECIMALS).strip(f"0.{MINUS}"):
        return written(value, DECIMALS)
    digits, power = f"{abs(value):.1e}".split("e")
    return f"{MINUS if value < 0 else ''}{digits}e{int(power)}"


def of_step(step: Step, value: float) -> str:
    """A number of a step: parts of 1 as probabilities are written."""
    return figures.fraction(value) if step.label.part in SHARES else figure(value)


def rows(vocabulary: Vocabulary, ids: TokenIds) -> list[str]:
    """What the rows of steps are called, by their number and token."""
    return [f"{place} {label}" for place, label in enumerate(labels(vocabulary, ids), 1)]


def columns(step: Step, vocabulary: Vocabulary, ids: TokenIds) -> list[str]:
    """What its columns are called: keys and words by their tokens, others by their number."""
    axis, count = step.label.columns, step.values.shape[1]
    if axis == "key":
        return rows(vocabulary, ids)
    if axis == "vocabulary":
        return [vocabulary[id].shown for id in range(count)]
    return [step.label.symbol] if axis == "one" else [str(place + 1) for place in range(count)]


def lines(working: Sequence[Line], step: Step) -> list[str]:
    """A working as lines: what is computed, with its numbers, to its value."""
    last = len(working) - 1
    return [_line(line, of_step(step, line.value), place == last) for place, line in enumerate(working)]


def _line(line: Line, value: str, last: bool) -> str:
    shown = value if last else figure(line.value)
    numbers = calculation(line)
    # What was only looked up is the value.
    middle = "" if isinstance(line, Formula) and line.template == "{}" else f" = {numbers}"
    return f"{line.name} = {line.formula}{'' if numbers == shown and middle else middle} = {shown}"


def calculation(line: Line) -> str:
    """A line's numbers, to as many decimals as none needs to be a false zero, where that can be."""
    if isinstance(line, Sum):
        return " + ".join(map(_operand, line.terms.tolist()))
    if isinstance(line, Dot):
        pairs = zip(line.left.tolist(), line.right.tolist(), strict=True)
        return " + ".join(f"{_operand(a)}{TIMES}{_operand(b)}" for a, b in pairs)
    for digits in range(DECIMALS, _MOST_DECIMALS):
        if not any(each != 0.0 and not written(each, digits).strip(f"0.{MINUS}") for each in line.figures):
            return line.numbers(digits)
    return line.numbers(_MOST_DECIMALS)


def _operand(value: float) -> str:
    """A number that can stand behind a sign."""
    shown = figure(value)
    return f"({shown})" if shown.startswith(MINUS) else shown
