"""A forward by hand: its steps as a document, as lines, and the working of single numbers.

Knows nothing of files, nor of where parameters come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from rich.text import Text

from token_explorer.byhand.forward import Forward, forward
from token_explorer.byhand.lines import equation, written
from token_explorer.byhand.step import Axis, Step
from token_explorer.byhand.weights import Parameters
from token_explorer.core.engine import Stop
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError
from token_explorer.results import document, figures, page
from token_explorer.results.document import Document
from token_explorer.results.opened import Opened
from token_explorer.results.table import QUIET, STRONG, Cell, Column, blocks, cells, table

DIGITS = 4
LETTERS: dict[Axis, str] = {
    "key": "T",
    "width": "D",
    "head width": "d",
    "MLP width": "F",
    "vocabulary": "V",
    "one": "1",
}
MEANINGS = "T tokens, D width, d width of a head, F width of the MLP, V vocabulary"
# How many of the likeliest next tokens end the text.
LISTED = 3
# A label of a row or column is cut after so many cells.
LONGEST = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """What is looked at, each counted from 1; () stands for all of a kind."""

    parts: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    heads: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()

    def takes(self, step: Step) -> bool:
        """Whether a step is looked at; one outside of the layers is, unless layers or heads are chosen."""
        label = step.label
        return (
            (not self.parts or label.part in self.parts or step.name in self.parts)
            and (not self.layers or label.layer in self.layers)
            and (not self.heads or label.head in self.heads)
        )

    def check(self, made: Forward) -> None:
        """Raise InputError for what isn't there."""
        weights = made.weights
        _check("layer", self.layers, weights.layers)
        _check("head", self.heads, weights.heads)
        _check("position", self.positions, len(made.ids))
        names = {step.label.part for step in made.steps} | {step.name for step in made.steps}
        for part in self.parts:
            if part not in names:
                near = get_close_matches(part, names, 1)
                parts = ", ".join(dict.fromkeys(step.label.part for step in made.steps))
                hint = f"Did you mean {near[0]}?" if near else f"There are {parts}."
                raise InputError("No such step", f"--step {part}.", hint)


def _check(what: str, numbers: Sequence[int], most: int) -> None:
    for number in numbers:
        if not 1 <= number <= most:
            message = f"--{what} {number}; here they are 1 to {most}."
            raise InputError(f"No such {what}", message, "Name one of them.")


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """Steps of a forward by hand.

    Attributes:
        opened: the model whose parameters it is made of.
        made: the whole forward.
        choice: what is looked at.
    """

    opened: Opened
    made: Forward
    choice: Choice

    @property
    def steps(self) -> list[Step]:
        """Those that are looked at, in their order."""
        return [step for step in self.made.steps if self.choice.takes(step)]

    @property
    def rows(self) -> list[int]:
        """The rows that are looked at, counted from 0."""
        return [place - 1 for place in self.choice.positions] or list(range(len(self.made.ids)))

    @property
    def tokens(self) -> list[str]:
        """The prompt's tokens on one line each."""
        return page.labels(self.opened.vocabulary, self.made.ids)

    def columns(self, step: Step) -> list[str]:
        """What stands above the columns of a step."""
        if step.label.columns == "key":
            return self.tokens
        if step.label.columns == "vocabulary":
            return [self.opened.vocabulary[id].shown for id in range(step.values.shape[1])]
        return [str(column + 1) for column in range(step.values.shape[1])]

    def shown_columns(self, step: Step) -> list[int]:
        """The columns that are looked at, counted from 0; none where the step has none of them."""
        if not self.choice.columns:
            return list(range(step.values.shape[1]))
        return [column - 1 for column in self.choice.columns if 1 <= column <= step.values.shape[1]]

    def document(self) -> Document:
        """The keys of `document.head`, then "parameters", "tied" and "steps".

        Each step is {"name", "step", "layer", "head", "title", "symbol", "formula", "columns", "shape",
        "rows", "values", "working"}: rows are the positions looked at, from 1; values has a list for each of
        them, null for minus infinity; working, where columns were chosen, has for each row and column
        {"position", "column", "lines"}, each line {"name", "formula", "numbers", "value"}.
        """
        weights = self.made.weights
        return {
            **document.head(self.opened, self.made.ids),
            "parameters": weights.count,
            "tied": weights.tied,
            "steps": [self._step(step) for step in self.steps],
        }

    def _step(self, step: Step) -> Document:
        label = step.label
        return {
            "name": step.name,
            "step": label.part,
            "layer": label.layer,
            "head": label.head,
            "title": label.title,
            "symbol": label.symbol,
            "formula": step.formula,
            "columns": label.columns,
            "shape": list(step.values.shape),
            "rows": [row + 1 for row in self.rows],
            "values": document.numbers(step.values[self.rows]),
            "working": [
                {"position": row + 1, "column": column + 1, "lines": _lines(step, row, column)}
                for row, column in self._worked(step)
            ],
        }

    def _worked(self, step: Step) -> Iterator[tuple[int, int]]:
        """The places whose working is shown: where columns were chosen."""
        if self.choice.columns:
            yield from ((row, column) for row in self.rows for column in self.shown_columns(step))

    def text(self, width: int = 0) -> Iterator[Text]:
        """All steps, each with its formula and numbers; then what is likeliest next.

        Args:
            width: cells of a line; more columns than fit stand below one another. 0 for no bound.
        """
        weights = self.made.weights
        tied = "the unembedding U is the embeddings' E" if weights.tied else "the unembedding U is its own"
        about = f"{page.about(self.opened.info)['model']} · {weights.count:,} parameters · {tied}"
        yield Text(about, QUIET)
        named = " ".join(f"{shown}={id}" for shown, id in zip(self.tokens, self.made.ids, strict=True))
        yield Text(f"tokens and ids: {named}", QUIET)
        yield Text(MEANINGS, QUIET)
        for step in self.steps:
            yield Text()
            yield from self._told(step, width)
        if self.made.probabilities in self.steps:
            yield Text()
            yield from self._next()

    def _told(self, step: Step, width: int) -> Iterator[Text]:
        rows, count = step.values.shape
        shape = f"(T, {LETTERS[step.label.columns]}) = {rows} × {count}"
        yield Text.assemble((step.name, STRONG), f" · {step.label.title} · ", (shape, QUIET))
        yield Text(f"  {step.formula}")
        columns = self.shown_columns(step)
        if not columns:
            yield Text("  it has no such column", QUIET)
        yield from self._matrix(step, columns, width)
        for row, column in self._worked(step):
            for line in step.working(row, column):
                yield Text(f"    {line.name} = {equation(line, DIGITS)}")

    def _matrix(self, step: Step, columns: list[int], width: int) -> Iterator[Text]:
        """The numbers, in as many blocks of columns as the width needs."""
        labels, rows = self.columns(step), self.rows
        taken = step.values[np.ix_(rows, columns)].tolist()
        numbers = [[written(value, DIGITS) for value in row] for row in taken]
        heads = [Column(labels[column], "right", LONGEST) for column in columns]
        above = [cells(_cut(labels[column])) for column in columns]
        wide = [max(above[at], *(cells(row[at]) for row in numbers)) for at in range(len(columns))]
        for start, stop in blocks(wide, self._margin, width):
            titles = [Column(""), Column("", "right"), Column("", most=LONGEST), *heads[start:stop]]
            lines: list[list[Cell]] = [
                ["", str(row + 1), self.tokens[row], *each[start:stop]]
                for row, each in zip(rows, numbers, strict=True)
            ]
            yield from table(titles, lines)

    @property
    def _margin(self) -> int:
        """Cells before the first column: an indent, the position, the token."""
        return 2 + len(str(len(self.made.ids))) + 2 + max(cells(_cut(token)) for token in self.tokens) + 2

    def _next(self) -> Iterator[Text]:
        row = self.rows[-1]
        logprobs = np.log(self.made.probabilities.values[row])
        likeliest = np.argsort(-logprobs, kind="stable")[:LISTED].tolist()
        yield Text(f"likeliest after {self.tokens[row]}:", QUIET)
        for id in likeliest:
            shown = Text(self.opened.vocabulary[id].shown, STRONG)
            yield Text.assemble("  ", shown, f" {figures.probability(float(logprobs[id]))}")


def walk(opened: Opened, ids: TokenIds, choice: Choice, stop: Stop) -> Walked:
    """Follow a prompt through a model by hand.

    Raises:
        FacetUnavailable: the model can't be followed.
        InputError: the choice names what isn't there.
        Stopped: soon after `stop` is set.
    """
    weights = opened.engine.observe(ids, Parameters(), stop)
    made = forward(weights, ids)
    choice.check(made)
    return Walked(opened, made, choice)


def _lines(step: Step, row: int, column: int) -> list[Document]:
    return [
        {
            "name": line.name,
            "formula": line.formula,
            "numbers": line.numbers(DIGITS),
            "value": document.number(line.value),
        }
        for line in step.working(row, column)
    ]


def _cut(label: str) -> str:
    return label if cells(label) <= LONGEST else label[:LONGEST]
