"""What the screen says of a prompt in words and numbers: legend, detail, tail.

Draws nothing itself; knows nothing of keys and engines.
"""

import math

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment

from token_explorer.core.listing import Found, Listed
from token_explorer.core.reading import Measured, Reading
from token_explorer.core.scores import NATS_PER_BIT, Scores
from token_explorer.core.search import MODES
from token_explorer.core.tokens import TokenIds, Vocabulary, display, visible_blanks
from token_explorer.results import figures
from token_explorer.results.palette import Palette, Palettes
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Runs, run
from token_explorer.ui.widgets.layers import exact
from token_explorer.ui.widgets.row import fitted

LEGEND_CELLS = 12
# Overlays whose value is told of every token, whatever it is coloured by.
_SAID = ("probability", "surprisal", "rank")
LONGEST_TOKEN = 16
MOST_BYTES = 8
# Why a token that has something before it may have no value of an overlay.
_WHY_NONE = {
    "influence": "it comes after what attended",
    "attribution": "it is the target",
    "depth": "the model puts another first",
    "change": "the other prompt has another token there",
}
# Overlays that say of the token under the cursor what it owes to others.
_OF_OTHERS = ("influence", "attribution")


def plain(text: str) -> str:
    """Text of any origin, safe for the screen, its lines kept."""
    return "\n".join(display(line) if line else "" for line in text.split("\n"))


def legend(reading: Measured, palette: Palette, brief: bool = False) -> list[Segment]:
    """The scale of an overlay in the colours that it is drawn with; `brief` shortens what bands are of."""
    note = [run(f"· {reading.note} ", dim=True)] if reading.note else []
    if np.isnan(reading.values).all():  # then the ends of the scale stand for nothing
        return [run(" "), run(f"{reading.title} ", bold=True), *note]
    if palette.bands:
        return [
            run(" "),
            run("p " if brief else f"{reading.title} ", bold=True),
            *bands(palette),
            run(" "),
            *note,
        ]
    low, high = f"{reading.low:.4g}", f"{reading.high:.4g}"
    colours = ramp(palette) or [run("to", dim=True)]
    end = f" {high} {reading.unit}" if reading.unit else f" {high}"
    return [run(" "), run(reading.title, bold=True), run(f" {low} "), *colours, run(f"{end} "), *note]


def bands(palette: Palette) -> list[Segment]:
    """The bands of probability by their limits, each on its colour."""
    return [Segment(text, style) for text, style in palette.labels()]


def ramp(palette: Palette) -> list[Segment]:
    """The colours of a scale from its low end to its high one; none where there are no colours."""
    return [Segment(" ", style) for style in palette.ramp(LEGEND_CELLS)]


def title(view: View, palettes: Palettes, brief: bool = False) -> list[Segment]:
    """What the colours mean: the legend, or why there is none, or that it is awaited."""
    if view.reading is not None:
        return legend(view.reading, palettes.of(view.reading), brief)
    if view.overlay is None:
        return []
    name = [run(" "), run(view.overlay.name, bold=True)]
    return [*name, run(f" · {display(view.trouble)} " if view.trouble else " … ")]


def detail(
    ids: TokenIds, cursor: int | None, vocabulary: Vocabulary, scores: Scores | None, reading: Reading | None
) -> list[list[Segment]]:
    """The token that is looked at, or the last one; the same from long to short.

    Args:
        scores: of exactly these ids; None while they aren't known.
        reading: of the overlay in use; None for plain text.
    """
    place = len(ids) - 1 if cursor is None else cursor
    start = [run(f" {place + 1}/{len(ids)} "), run(quoted(vocabulary[ids[place]].shown), bold=True)]
    usual, drawn = _usual(place, scores), _drawn(place, reading)
    id, kind = f"id {ids[place]}", ["special"] if ids[place] in vocabulary.special else []
    most = _most(place, reading, ids, vocabulary)
    numbers = [*kind, *usual, *drawn, *most]
    longest = [id, *numbers, _bytes(vocabulary[ids[place]].bytes)]
    least = most or _least(place, reading) or drawn or usual[:1]
    shorter = ([*usual[:1], *drawn, *most], [*usual[:1], *(most or drawn)], most or drawn or usual[:1], least)
    variants = (longest, [id, *numbers], numbers, *shorter)
    return [[*start, *(run(f"  {number}") for number in numbers), run(" ")] for numbers in variants]


def _bytes(piece: bytes) -> str:
    """The bytes of a token: 'bytes e2 80 99'."""
    return f"bytes {piece[:MOST_BYTES].hex(' ')}{' …' if len(piece) > MOST_BYTES else ''}".rstrip()


def _usual(place: int, scores: Scores | None) -> list[str]:
    """How expected a token was."""
    if scores is None:
        return ["…"]
    logprob = float(scores.logprobs[place])
    if math.isnan(logprob):
        return ["no context before it"]
    surprisal = figures.bits(float(scores.surprisals[place]))
    return [f"p {figures.probability(logprob)}", f"rank {scores.ranks[place]:,}", f"{surprisal} bits"]


def _drawn(place: int, reading: Reading | None) -> list[str]:
    """The value that the token's colour stands for, where it isn't said already, or why there is none."""
    if reading is None or reading.key in _SAID:
        return []
    value = float(reading.values[place])
    if math.isnan(value):
        why = _WHY_NONE.get(reading.key)
        return [f"no value: {why}"] if place and why else []
    joint = ":" if reading.title[-1].isdigit() else ""
    return [f"{reading.title}{joint} {_figure(value, reading)} {reading.unit}".rstrip()]


def _most(place: int, reading: Reading | None, ids: TokenIds, vocabulary: Vocabulary) -> list[str]:
    """Of an overlay that is about the token that is looked at, the token with most of it within the scale."""
    if reading is None or reading.key not in _OF_OTHERS or not math.isnan(reading.values[place]):
        return []
    sizes = np.where(np.abs(reading.values) <= reading.high, np.abs(reading.values), np.nan)
    if np.isnan(sizes).all():
        return []
    first = int(np.nanargmax(sizes))
    figure = f"{_figure(float(reading.values[first]), reading)} {reading.unit}".rstrip()
    return [f"most {first + 1} {quoted(vocabulary[ids[first]].shown)} {figure}"]


def _least(place: int, reading: Reading | None) -> list[str]:
    """The same without what the legend says as well."""
    if reading is None or reading.key in _SAID:
        return []
    value = float(reading.values[place])
    return ["no value" if math.isnan(value) else f"{_figure(value, reading)} {reading.unit}".rstrip()]


def _figure(value: float, reading: Reading) -> str:
    if reading.scale == "signed":
        return f"{value:+.3g}"
    return figures.bits(value) if reading.unit == "bits" else f"{value:.3g}"


def tail(listed: Listed, vocabulary: Vocabulary) -> list[Runs]:
    """What the table's rows don't say together; the same from long to short.

    That is what lies beyond them or what a search found, how open the choice is, what the sampler leaves.
    """
    entropy = f"entropy {figures.bits(listed.entropy / NATS_PER_BIT)} bits"
    left = _left(listed, len(vocabulary))
    if listed.found is None:
        beyond = f"beyond these {len(listed)}: {figures.fraction(listed.tail)}"
        variants = [[beyond, entropy, *left], [entropy, *left], left or [entropy]]
    else:
        count, mass, begin = _count(listed.found), _mass(listed, listed.found), _begin(listed.found)
        whole = [count + mass, *begin]
        variants = [[*whole, *left, entropy], [*whole, *left], whole, [count + mass], [count]]
    distinct = dict.fromkeys(" · ".join(each) for each in variants)
    return [[run(f" {text} ")] for text in distinct]


def _left(listed: Listed, tokens: int) -> list[str]:
    """How many of so many tokens the sampler leaves; nothing where it is off."""
    if listed.left is None:
        return []
    return [f"the sampler leaves {listed.left:,} of {tokens:,}"]


def _count(found: Found) -> str:
    """How many tokens match a search."""
    if not found.count:
        return "no token matches"
    return f"{found.count:,} {'matches' if found.count == 1 else 'match'}"


def _mass(listed: Listed, found: Found) -> str:
    """How probable the tokens are that match a search, and how many of them the table lists."""
    if not found.count:
        return ""
    together = " together" if found.count > 1 else ""
    some = f", the likeliest {len(listed)} listed" if found.count > len(listed) else ""
    return f", {figures.fraction(found.mass)}{together}{some}"


def _begin(found: Found) -> list[str]:
    """How probable it is that a token begins with what was typed: 'begin with "the" 0.0021 · with …'."""
    shown = [(visible_blanks(display(text)), mass) for text, mass in found.beginnings]
    told = [f"with {quoted(text)} {figures.fraction(mass)}" for text, mass in shown]
    return [f"begin {told[0]}", *told[1:]] if told else []


def quoted(shown: str) -> str:
    """A shown token between quotation marks, cut to a length that leaves room for more."""
    return f'"{fitted(shown, min(LONGEST_TOKEN, cell_len(shown)))}"'


def table_title(view: View) -> list[Segment]:
    """What the table lists: tokens to come next, or those that might stand in a token's place."""
    ids, place = view.branch.ids, view.place
    query = view.query
    search = [] if query is None else [run(f"· {MODES[query.mode]} {quoted(display(query.text))} ")]
    notes = [*search, *([run("· sampler on ")] * view.sampler_on)]
    if place == len(ids):
        return [run(" next token "), *_went_on(view), *notes]
    instead = [
        run(f" instead of token {place + 1} "),
        run(f"{quoted(view.vocabulary[ids[place]].shown)} ", bold=True),
    ]
    return [*instead, *_rank(view), *notes]


def _went_on(view: View) -> list[Segment]:
    """The token that comes next in what the prompt is a beginning of; nothing where there is none."""
    actual = None if view.listed is None else view.listed.actual
    if actual is None:
        return []
    return [run("· went on with "), run(f"{quoted(view.vocabulary[actual].shown)} ", bold=True)]


def _rank(view: View) -> list[Segment]:
    """The rank of the token that stands in the table's place; nothing while it isn't known."""
    if not view.place:
        return [run("· nothing comes before it ")]
    if view.scores is not None:
        return [run(f"· rank {view.scores.ranks[view.place]:,} ")]
    listed = view.listed
    ranks = [] if listed is None else listed.ranks[listed.ids == listed.actual].tolist()
    return [run(f"· rank {rank:,} ") for rank in ranks]


def pinned(view: View) -> list[Segment]:
    """The token that is followed through the layers; nothing where there is none."""
    if view.pin is None:
        return []
    return [run("· pinned "), run(f"{quoted(view.vocabulary[view.pin].shown)} ", bold=True)]


def below_table(view: View, row: int) -> list[Runs]:
    """What the table's rows don't say: a row's layers in numbers, then the tail; the same from long to short.

    Args:
        row: the chosen one.
    """
    beyond: list[Runs] = [] if view.listed is None else tail(view.listed, view.vocabulary)
    if not view.layered:
        return beyond
    if view.layer_trouble:
        return [[run(f" no layers: {display(view.layer_trouble)} ")], *beyond]
    if view.layers is None:
        return [[run(" layers … "), *part] for part in beyond]
    numbers = exact(view.layers, row)
    return [*([*numbers[0], *part] for part in beyond), *numbers]
