"""What the attention screen says in words and numbers: titles, legend, where the weight goes.

Draws nothing itself; knows nothing of keys and engines.
"""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment

from token_explorer.core.scores import Floats
from token_explorer.core.tokens import Token
from token_explorer.overlays.attention import ROUNDING
from token_explorer.overlays.heads import Choice, masses
from token_explorer.results import figures
from token_explorer.results.palette import Palette
from token_explorer.ui import words
from token_explorer.ui.widgets.bar import Runs, run
from token_explorer.ui.widgets.heatmap import SHADES
from token_explorer.ui.widgets.row import fitted
from token_explorer.ui.widgets.window import MOST_KEYS, MOST_QUERIES, Window

# What the footer calls the keys here, most important first; the last two are always shown.
LABELS = {
    "choose-up": "head",
    "choose-down": "head",
    "pop": "query",
    "append": "query",
    "layer-down": "layer",
    "layer-up": "layer",
    "overlay": "mean, max",
    "sink": "sink",
    "word-back": "word",
    "word-on": "word",
    "look-first": "first",
    "cursor-off": "back",
    "help": "help",
}


def chosen(choice: Choice | None, heads: int) -> list[Segment]:
    """What the map is of.

    Args:
        heads: how many the layer has.
    """
    if choice is None:
        return []
    what = f"head {choice.head}" if choice.how == "head" else f"{choice.how} of {heads} heads"
    return [run(f" layer {choice.layer}, {what} ", bold=True)]


def order(sink: bool) -> str:
    """How the heads are listed."""
    return " heads by variance " if sink else " heads, no sink "


def in_view(window: Window) -> list[list[Segment]]:
    """Which part of the map is shown; the same from long to short."""
    queries = f"{window.start + 1}–{window.stop}"
    keys = f"{'1, ' * window.pinned}{window.first + 1}–{window.last}"
    most = f" (at most {MOST_QUERIES} × {MOST_KEYS})" * window.capped
    wordings = (
        f" queries {queries} of {window.length}, keys {keys}{most} ",
        f" queries {queries}, keys {keys} ",
        f" {queries} to {keys} ",
    )
    return [[run(wording)] for wording in wordings]


def legend(high: float | None, palette: Palette) -> list[Segment]:
    """The scale of the map in the colours, or shades, that it is drawn with; nothing without an end."""
    if high is None:
        return []
    colours = words.ramp(palette) or [run(SHADES[1:])]
    return [run(" weight", bold=True), run(" 0 "), *colours, run(f" {figures.fraction(high)} ")]


def scale_notes(sink: bool, palette: Palette) -> Sequence[Runs]:
    """What to know of the map's scale; the same from long to short.

    Args:
        sink: whether the first key counts in it.
    """
    notes = []
    if not palette.bg:
        notes.append(("a cell shows the larger of two queries", "larger of two queries", "larger of two"))
    if not sink:
        notes.append(("key 1, the sink, left out of the scale", "sink left out", "no sink"))
    wordings = [" · ".join(wording) for wording in zip(*notes, strict=True)]
    return [[run(f" {wording} ", dim=True)] for wording in wordings] or [[]]


def looked_at(place: int, token: Token, count: int) -> list[Segment]:
    """Whose weights are listed."""
    shown = fitted(token.shown, min(words.LONGEST_TOKEN, cell_len(token.shown)))
    return [run(f" {place + 1}/{count} "), run(f'"{shown}"', bold=True), run(" attends to ")]


def where(row: Floats, choice: Choice) -> Sequence[Runs]:
    """Where the weight of a row (K,) goes; the same from long to short."""
    goes = masses(row)
    sink = f"sink {figures.fraction(goes.sink)}"
    if choice.how == "maximum":
        return [[run(f" {sink} · maxima don't add up to 1 ")], [run(f" {sink} · no sum of 1 ")]]
    rest = f"{sink} · rest {figures.fraction(goes.rest)}"
    if goes.missing <= ROUNDING:
        return [[run(f" {rest} ")]]
    none = figures.fraction(goes.missing)
    return [[run(f" {rest} · to no token {none} ")], [run(f" {sink}, none {none} ")]]
