"""What the screen of a forward by hand says in words and numbers: titles, shapes, what is looked at.

Draws nothing itself; knows nothing of keys and engines.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial

from rich.cells import cell_len
from rich.segment import Segment

from token_explorer.byhand.forward import size
from token_explorer.byhand.step import LETTERS, SHARES, Step
from token_explorer.byhand.weights import Weights
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results.palette import Palette
from token_explorer.ui import words
from token_explorer.ui.trail import Trail
from token_explorer.ui.widgets.bar import Runs, run
from token_explorer.ui.widgets.row import fitted
from token_explorer.ui.workings import figure, share

# What the footer calls the keys here, most important first; the last two are always shown.
LABELS = {
    "choose-up": "step",
    "choose-down": "step",
    "pop": "column",
    "append": "column",
    "look-back": "token",
    "look-on": "token",
    "layer-down": "layer",
    "layer-up": "layer",
    "overlay": "head",
    "pin": "largest",
    "not-top-back": "more columns",
    "not-top-on": "more columns",
    "uncertain-back": "scroll",
    "uncertain-on": "scroll",
    "cursor-off": "back",
    "help": "help",
}
# A forward of as many numbers takes about 128 MiB.
MOST_NUMBERS = 16_000_000


def too_long(weights: Weights, length: int) -> str:
    """Why a prompt can't be followed by hand, in words; '' where it can."""
    most = weights.positions
    if size(weights, min(length, most)) > MOST_NUMBERS:
        most = bisect_right(range(most), MOST_NUMBERS, key=partial(size, weights)) - 1
    if length <= most:
        return ""
    why = "so many positions it has" if most == weights.positions else "more would be too many numbers"
    return f"The prompt has {length} tokens. By hand goes up to {most} of this model: {why}."


def name(step: Step) -> str:
    """Which step it is: "layer 2, head 1: scores"."""
    label = step.label
    layer = "" if label.layer is None else f"layer {label.layer}"
    head = "" if label.head is None else f", head {label.head}"
    return f"{layer}{head}: {label.title}" if layer else label.title


def where(trail: Trail) -> Sequence[Runs]:
    """Which head is followed, and through how much; the same from long to short."""
    weights = trail.forward.weights
    head = f"head {trail.head}/{weights.heads}"
    layers = f"{weights.layers} layer{'s' * (weights.layers != 1)}"
    return [
        [run(f"{layers} · {head} · {weights.count:,} parameters")],
        [run(f"{layers} · {head}")],
        [run(head)],
    ]


def shape(step: Step) -> Sequence[Runs]:
    """A step's shape in letters and numbers; the same from long to short."""
    rows, columns = step.values.shape
    letter, axis = LETTERS[step.label.columns], step.label.columns
    across = "one number" if axis == "one" else "keys" if axis == "key" else axis
    numbers = f"{rows} × {columns}"
    return [
        [run(f" T × {letter} = {numbers} · tokens × {across} ")],
        [run(f" T × {letter} = {numbers} ")],
        [run(f" {numbers} ")],
    ]


def writes(step: Step) -> Callable[[float], str]:
    """How the numbers of a step are written."""
    return share if step.label.part in SHARES else figure


def column_names(step: Step, ids: TokenIds, vocabulary: Vocabulary) -> Callable[[int], str] | None:
    """The token that each column stands for, safe for the screen; None where columns are numbers alone."""
    if step.label.columns == "key":
        return lambda column: vocabulary[ids[column]].shown
    return (lambda column: vocabulary[column].shown) if step.label.columns == "vocabulary" else None


def looked_at(step: Step, row: int, column: int, ids: TokenIds, vocabulary: Vocabulary) -> Sequence[Runs]:
    """Which token, and which column, the number is of; the same from long to short."""
    token = f'token {row + 1} "{_cut(vocabulary[ids[row]].shown)}"'
    axis = step.label.columns
    if axis == "one":
        return [[run(f" {token} ")], []]
    names = column_names(step, ids, vocabulary)
    named = "" if names is None else _cut(names(column))
    if axis == "vocabulary":
        after = f' after {token}: id {column} "{named}" '
        return [[run(after)], [run(f' id {column} "{named}" ')], []]
    across = f'key {column + 1} "{named}"' if axis == "key" else f"{axis} {column + 1}"
    return [[run(f" {token} · {across} ")], [run(f" {across} ")], []]


def legend(step: Step, low: float, high: float, palette: Palette) -> list[Segment]:
    """The scale of a step in its colours; nothing without colours, or without ends."""
    if not high > low or not (colours := words.ramp(palette)):
        return []
    write = writes(step)
    return [run(f" {write(low)} "), *colours, run(f" {write(high)} ")]


def _cut(shown: str) -> str:
    return fitted(shown, min(words.LONGEST_TOKEN, cell_len(shown)))
