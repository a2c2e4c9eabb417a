"""Exercises: one number of a forward at a time, to be computed by hand, and whether an answer is right.

Pure; knows nothing of terminals, nor of where anybody was.
"""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from token_explorer.byhand.forward import Forward
from token_explorer.byhand.lines import MINUS, Dot, Line, Sum, spelled, written
from token_explorer.byhand.step import Step
from token_explorer.errors import InputError

# Numbers are given to so many decimals; computing with those misses by less than the tolerance.
DIGITS = 4
TOLERANCE = 0.01
# Numbers nearer to 0, and weights nearer to 1, are guessed too easily.
GUESSED = 0.05
# The probability that is asked for is no smaller, if there is such a one.
LIKELY = 0.05
# In the order of a forward: what is asked for, in words.
KINDS = {
    "embeddings": "a sum of two embeddings",
    "norm-1-mean": "the mean of a row",
    "scores": "a score: a dot product, divided",
    "attention": "a softmax weight",
    "mix": "a weighted value",
    "residual-1": "a sum in the residual stream",
    "activation": "an activation",
    "final-norm": "a normed number",
    "logits": "a logit: a dot product",
    "probabilities": "a final probability",
}
_ANSWER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A number to be computed.

    Attributes:
        step: of the forward that it is in.
        row, column: where in it, counted from 0.
    """

    step: Step
    row: int
    column: int

    @property
    def name(self) -> str:
        """The number, in symbols."""
        return self.step.at(self.row, self.column)

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KINDS[self.step.label.part]

    @property
    def value(self) -> float:
        """The number."""
        return float(self.step.values[self.row, self.column])

    @property
    def lines(self) -> tuple[Line, ...]:
        """How it comes about."""
        return self.step.working(self.row, self.column)

    @property
    def formulas(self) -> list[str]:
        """How to compute it, in symbols."""
        return [f"{line.name} = {line.formula}" for line in self.lines]

    @property
    def given(self) -> list[str]:
        """The numbers that it takes, but for those that are to be computed on the way."""
        if self.step.label.part in ("attention", "probabilities"):
            return list(self._row_given())
        return [text for line in self.lines for text in _operands(line, [each.name for each in self.lines])]

    def _row_given(self) -> Iterator[str]:
        """Of a softmax, what it is taken of; of many, the sum of the exponentials."""
        source = self.step.sources[0]
        row = [value for value in source.values[self.row].tolist() if value > float("-inf")]
        if self.step.label.part == "attention":
            yield f"{source.row(self.row)} = {_listed(row)}"
        else:
            one, total = self.lines[0], self.lines[1]
            value = float(source.values[self.row, self.column])
            yield f"{source.at(self.row, self.column)} = {written(value, DIGITS)}"
            yield f"max {source.row(self.row)} = {written(max(row), DIGITS)}"
            yield f"{total.name} = {written(total.value, DIGITS)}, and {one.name} is to be computed"

    @property
    def hint(self) -> str:
        """Something on the way: the first intermediate number, or between which whole numbers it lies."""
        if len(self.lines) > 1:
            return f"{self.lines[0].name} = {written(self.lines[0].value, DIGITS)}"
        low = math.floor(self.value)
        return f"it lies between {written(low, 0)} and {written(low + 1, 0)}"

    def is_right(self, answer: float) -> bool:
        """Whether an answer is the number, as nearly as the given decimals allow."""
        return abs(answer - self.value) <= max(TOLERANCE, TOLERANCE * abs(self.value)) + 1e-12


def questions(made: Forward, seed: int) -> list[Question]:
    """A question of each kind, in the order of the forward; the same for the same forward and seed.

    They are about the later half of the tokens, which have others before them.
    """
    choose = random.Random(seed)
    return [_chosen(made, part, choose) for part in KINDS]


def _chosen(made: Forward, part: str, choose: random.Random) -> Question:
    """A number that isn't too easily guessed, where there is one."""
    steps = [step for step in made.steps if step.label.part == part]
    every = [question for step in steps for question in _of(step, len(made.ids) // 2)]
    likely = [question for question in every if question.value >= LIKELY] if part == "probabilities" else []
    plain = [question for question in every if _is_plain(question)]
    return choose.choice(likely or plain or every)


def _of(step: Step, first: int) -> Iterator[Question]:
    """All numbers of a step from a row on, but for keys that come later."""
    for row in range(first, len(step.values)):
        keys = row + 1 if step.label.columns == "key" else step.values.shape[1]
        yield from (Question(step, row, column) for column in range(keys))


def _is_plain(question: Question) -> bool:
    """Whether a number is neither nearly 0 nor nearly all of a row's weight."""
    value = abs(question.value)
    return value > GUESSED and (question.step.label.part != "attention" or value < 1 - GUESSED)


def read_answer(text: str) -> float:
    """A number as people write it: 0.5, .5, 0,5, −0.5, 50%, 1/2, 5e-1. Raises InputError."""
    plain = text.strip().replace(MINUS, "-").replace("–", "-").replace(" ", "")
    try:
        if plain.endswith("%"):
            return _decimal(plain[:-1]) / 100
        above, stroke, below = plain.partition("/")
        if stroke:
            return _decimal(above) / _decimal(below)
        return _decimal(plain)
    except (ValueError, ZeroDivisionError, OverflowError):
        shown = text.strip()[:40]
        hint = "Write one such as 0.25, −1.5, 1/4 or 25%."
        raise InputError("Not a number", f"{shown!r} is none.", hint) from None


def _decimal(text: str) -> float:
    if not _ANSWER.fullmatch(text):
        raise ValueError(text)
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise OverflowError(text)
    return value


def _operands(line: Line, computed: Sequence[str]) -> Iterator[str]:
    """The numbers of a line that nobody has computed yet."""
    if isinstance(line, Dot):
        yield f"{line.left_name} = {_listed(line.left.tolist())}"
        yield f"{line.right_name} = {_listed(line.right.tolist())}"
    elif isinstance(line, Sum):
        yield f"{line.formula}: {_listed(line.terms.tolist())}"
    else:
        known = [name for name in computed if name != line.name and name in line.formula]
        figures = line.figures[len(known) :] if known else line.figures
        if figures:
            shown = [*known, *(spelled(figure, DIGITS) for figure in figures)]
            yield f"{line.name} = {line.template.format(*shown)}"


def _listed(values: Sequence[float]) -> str:
    return "(" + ", ".join(written(value, DIGITS) for value in values) + ")"
