"""A forward by hand: all its steps or some, as a document, as lines, and as a worksheet.

Knows nothing of flags and files.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from token_explorer.byhand.forward import Forward, forward, size
from token_explorer.byhand.step import Step
from token_explorer.byhand.weights import Parameters, Weights
from token_explorer.core.engine import Stop
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import FacetUnavailable, InputError
from token_explorer.results import document, figures, page, worked
from token_explorer.results.completion import Completion, candidate, complete
from token_explorer.results.document import Document, head, number
from token_explorer.results.matrix import matrix, wrapped
from token_explorer.results.opened import Opened
from token_explorer.results.table import QUIET, STRONG, Column, table
from token_explorer.results.wanted import Wanted

# Each is an element of a page or a line of JSON; nobody reads as many.
MOST_NUMBERS = 200_000
# A forward of as many numbers takes about 128 MiB.
MOST_COMPUTED = 16_000_000
# Columns that are printed of a step; of a large vocabulary the rest are in the document.
MOST_COLUMNS = 128
_NEXT = 5
_TOKENS = (Column("t", "right"), Column("token", most=28), Column("id", "right"))


@dataclass(frozen=True, slots=True, eq=False)
class ByHand:
    """A forward that was followed by hand.

    Attributes:
        opened: the model that was asked.
        made: the whole forward.
        steps: those that are told, in their order.
        rows: which rows of them, from 0.
        column: the only column that is told, from 0; None for all.
        is_worked: whether each number that is told has its working beside it.
        next: what the model itself says comes next.
        width: cells of a line.
    """

    opened: Opened
    made: Forward
    steps: tuple[Step, ...]
    rows: tuple[int, ...]
    column: int | None
    is_worked: bool
    next: Completion
    width: int

    @property
    def difference(self) -> float:
        """How far the listed probabilities by hand are from the model's own, at most."""
        listed = self.next.listed
        own = np.exp(listed.logprobs.astype(np.float64))
        return float(np.abs(self.made.probabilities.values[-1, listed.ids] - own).max())

    def document(self) -> Document:
        """The keys of `document.head`, then those that docs/JSON.md tells of."""
        return {
            **head(self.opened, self.made.ids),
            "parameters": self.made.weights.count,
            "tied": self.made.weights.tied,
            "steps": [self._step(step) for step in self.steps],
            "candidates": [
                candidate(self.opened.vocabulary, self.next.listed, place)
                for place in range(len(self.next.listed))
            ],
            "difference": number(self.difference),
        }

    def text(self) -> Iterator[Text]:
        """What is followed, each step with its numbers, and what comes next."""
        info = page.about(self.opened.info)
        yield Text.assemble((str(info["model"]), STRONG), f"  {_described(self.made.weights)}")
        yield Text(sizes(self.made.weights), QUIET)
        yield Text()
        yield from table(_TOKENS, self._tokens())
        for step in self.steps:
            yield Text()
            yield from self._step_lines(step)
        yield Text()
        yield Text("next, as complete has it:", QUIET)
        yield from list(self.next.text())[: len(self.next.listed) + 1]
        yield Text(f"by hand it is the same within {_bound(self.difference)}", QUIET)

    def page(self) -> str:
        """The worksheet: one HTML page with all of it, which needs nothing beside it."""
        vocabulary = self.opened.vocabulary
        about = page.about(self.opened.info)
        listed = self.next.listed
        content = {
            **about,
            "described": f"{_described(self.made.weights)}; {sizes(self.made.weights)}",
            "tokens": page.labels(vocabulary, self.made.ids),
            "ids": list(self.made.ids),
            "rows": worked.rows(vocabulary, self.made.ids),
            "steps": [self._drawn(step) for step in self.steps],
            "next": [
                [vocabulary[id].shown, id, figures.probability(logprob)]
                for id, logprob in zip(listed.ids.tolist(), listed.logprobs.tolist(), strict=True)
            ],
            "same": _bound(self.difference),
        }
        return page.page("byhand", f"By hand · {about['model']}", content)

    def _tokens(self) -> Iterator[list[str]]:
        shown = page.labels(self.opened.vocabulary, self.made.ids)
        for place, (label, id) in enumerate(zip(shown, self.made.ids, strict=True), 1):
            yield [str(place), label, str(id)]

    def _columns(self, step: Step) -> Sequence[int]:
        return range(step.values.shape[1]) if self.column is None else (self.column,)

    def _step(self, step: Step) -> Document:
        label = step.label
        columns = self._columns(step)
        return {
            "name": step.name,
            "part": label.part,
            "title": label.title,
            "symbol": label.symbol,
            "layer": label.layer,
            "head": label.head,
            "axis": label.columns,
            "shape": list(step.values.shape),
            "formula": step.formula,
            "positions": [row + 1 for row in self.rows],
            "columns": [column + 1 for column in columns],
            "values": document.numbers([[step.values[row, each] for each in columns] for row in self.rows]),
            "workings": list(self._workings(step)),
        }

    def _workings(self, step: Step) -> Iterator[Document]:
        for row, column in self._worked(step):
            lines = [
                {
                    "name": line.name,
                    "formula": line.formula,
                    "numbers": worked.calculation(line),
                    "value": number(line.value),
                }
                for line in step.working(row, column)
            ]
            yield {"position": row + 1, "column": column + 1, "lines": lines}

    def _worked(self, step: Step) -> Iterator[tuple[int, int]]:
        """The places whose working is told."""
        if self.is_worked:
            for row in self.rows:
                yield from ((row, column) for column in self._columns(step))

    def _step_lines(self, step: Step) -> Iterator[Text]:
        """A step: what it is, its numbers, and their workings where they are told."""
        yield Text.assemble((step.name, STRONG), f"  {step.label.title}  ", (worked.shape(step), QUIET))
        yield Text(f"  {step.formula}")
        vocabulary, ids = self.opened.vocabulary, self.made.ids
        rows, names = worked.rows(vocabulary, ids), worked.columns(step, vocabulary, ids)
        told = self._columns(step)[:MOST_COLUMNS]
        cells = [[worked.of_step(step, float(step.values[row, each])) for each in told] for row in self.rows]
        yield from matrix([rows[row] for row in self.rows], [names[each] for each in told], cells, self.width)
        for row, column in self._worked(step):
            if column in told:
                yield Text()
                for line in worked.lines(step.working(row, column), step):
                    yield from wrapped(line, self.width)
        if len(told) < len(self._columns(step)):
            yield Text(
                f"  … columns 1 to {MOST_COLUMNS} of {step.values.shape[1]}; --json has them all", QUIET
            )

    def _drawn(self, step: Step) -> Document:
        """A step for the page; the working of one number stands below it, or of all that are told."""
        columns = self._columns(step)
        places = list(self._worked(step)) or [(self.rows[-1], _example(step, self.rows[-1], columns))]
        names = worked.columns(step, self.opened.vocabulary, self.made.ids)
        values = [
            [worked.of_step(step, float(step.values[row, each])) for each in columns] for row in self.rows
        ]
        return {
            "name": step.name,
            "title": title(step),
            "shape": worked.shape(step),
            "formula": step.formula,
            "tokens": step.label.columns in ("key", "vocabulary"),
            "columns": [names[each] for each in columns],
            "rows": list(self.rows),
            "values": values,
            "workings": [worked.lines(step.working(row, column), step) for row, column in places],
        }


def follow(opened: Opened, ids: TokenIds, wanted: Wanted, width: int, stop: Stop) -> ByHand:
    """Follow a prompt by hand.

    Args:
        wanted: which steps and numbers are told.
        width: cells of a line of text.

    Raises:
        InputError: there is no token, there are too many numbers, or what is wanted isn't there.
        FacetUnavailable: the model can't be followed.
        Stopped: soon after `stop` is set.
    """
    made = run(opened, ids, stop)
    steps, rows, column = wanted.choose(made)
    count = sum(len(rows) * (step.values.shape[1] if column is None else 1) for step in steps)
    if count > MOST_NUMBERS:
        message = f"{count:,} numbers; at most {MOST_NUMBERS:,} are told at once."
        raise InputError(
            "Too much to follow by hand", message, "Choose some: --step NAME, --layer N, --position N."
        )
    listed = min(_NEXT, len(opened.vocabulary))
    return ByHand(
        opened,
        made,
        steps,
        rows,
        column,
        bool(wanted.positions) or column is not None,
        complete(opened, ids, listed, False, stop),
        width,
    )


def run(opened: Opened, ids: TokenIds, stop: Stop) -> Forward:
    """The whole forward of a prompt by hand. Raises as `follow` does."""
    if not ids:
        raise InputError("Nothing to follow", "the text has no token.", "Give it a word.")
    try:
        weights = opened.engine.observe(ids, Parameters(), stop)
    except FacetUnavailable as error:
        reason = f"{page.about(opened.info)['model']}: {error.message}"
        hint = "token-explorer tiny train makes one that can be."
        raise FacetUnavailable("This model can't be followed by hand", reason, hint) from None
    if (count := size(weights, len(ids))) > MOST_COMPUTED:
        message = f"the forward of {len(ids)} tokens has {count:,} numbers; at most {MOST_COMPUTED:,}."
        raise InputError("Too much to follow by hand", message, "Shorten the text.")
    return forward(weights, ids)


def title(step: Step) -> str:
    """What a step is, and where: "queries, layer 1, head 2"."""
    layer = "" if step.label.layer is None else f", layer {step.label.layer}"
    return step.label.title + layer + ("" if step.label.head is None else f", head {step.label.head}")


def _described(weights: Weights) -> str:
    tied = "the head is the token embeddings' matrix" if weights.tied else "the head has a matrix of its own"
    return f"{weights.count:,} parameters; {tied}"


def sizes(weights: Weights) -> str:
    """The sizes of a model, with the letters of shapes."""
    inner = weights.of_layer(1, "mlp.c_fc.bias").size if weights.layers else 0
    many = f"{_counted(weights.layers, 'layer')} of {_counted(weights.heads, 'head')}"
    vocabulary = len(weights["wte.weight"])
    return (
        f"{many}; width D = {weights.width}, of a head d = {weights.head_width}, of the MLP F = {inner}; "
        f"vocabulary V = {vocabulary}; {weights.positions} positions"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _bound(difference: float) -> str:
    """A difference that isn't larger, to one digit."""
    if difference <= 0.0:
        return "0"
    power = math.floor(math.log10(difference))
    return figures.scientific(math.ceil(difference / 10.0**power) * 10.0**power, 0)


def _example(step: Step, row: int, columns: Sequence[int]) -> int:
    """The column whose working stands for all: of words the likeliest, else the first."""
    if step.label.columns != "vocabulary":
        return columns[0]
    return max(columns, key=lambda column: float(step.values[row, column]))
