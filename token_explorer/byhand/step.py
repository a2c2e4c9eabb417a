"""A step of a forward: a named matrix, its formula, its numbers, and how each of them comes about.

Knows nothing of which steps a model has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from token_explorer.byhand.lines import Line
from token_explorer.byhand.weights import Numbers

# What the columns of a matrix stand for; "one" is a single column.
Axis = Literal["key", "width", "head width", "MLP width", "vocabulary", "one"]

# What stands for the length of each axis; T is the number of tokens.
LETTERS: Mapping[Axis, str] = {
    "key": "T",
    "width": "D",
    "head width": "d",
    "MLP width": "F",
    "vocabulary": "V",
    "one": "1",
}
# Steps whose numbers are parts of 1, and are written as probabilities.
SHARES = ("attention", "probabilities")

Working: TypeAlias = Callable[[int, int], tuple[Line, ...]]
"""The lines that lead to the number in a row and a column; the last one's value is that number."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a step is called.

    Attributes:
        part: its name within its layer and head, in words and hyphens.
        title: what it is, in a few words.
        symbol: what stands for it in formulas.
        columns: what its columns stand for.
        layer: counted from 1; None outside of the layers.
        head: counted from 1; None where it isn't of one head.
    """

    part: str
    title: str
    symbol: str
    columns: Axis
    layer: int | None = None
    head: int | None = None

    def __str__(self) -> str:
        """The name that no other step of the forward has: "layer 1 head 2 scores"."""
        layer = "" if self.layer is None else f"layer {self.layer} "
        head = "" if self.head is None else f"head {self.head} "
        return f"{layer}{head}{self.part}"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One matrix of a forward: a row for each token of the prompt.

    Rows and columns are counted from 0 here, and from 1 where they are shown.

    Attributes:
        label: what it is called.
        formula: how it is computed, in symbols.
        values (T, C): its numbers.
        working: see Working.
        sources: the steps that it is computed from.
    """

    label: Label
    formula: str
    values: Numbers
    working: Working
    sources: tuple["Step", ...] = field(default=(), repr=False)  # each has sources of its own

    @property
    def name(self) -> str:
        """See Label."""
        return str(self.label)

    def at(self, row: int, column: int) -> str:
        """A number of it, in symbols: "q[3,1]"; in a single column "μ[3]"."""
        across = "" if self.label.columns == "one" else f",{column + 1}"
        return f"{self.label.symbol}[{row + 1}{across}]"

    def row(self, row: int) -> str:
        """A row of it, in symbols: "q[3]"."""
        return f"{self.label.symbol}[{row + 1}]"
