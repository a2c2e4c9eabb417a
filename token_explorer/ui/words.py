"""What the screen says of a prompt in words and numbers: legend, detail, tail.

Draws nothing itself; knows nothing of keys and engines.
"""

import math

from rich.cells import cell_len
from rich.segment import Segment

from token_explorer.core.reading import Reading
from token_explorer.core.scores import NATS_PER_BIT, Candidates, Scores
from token_explorer.core.tokens import TokenIds, Vocabulary, display
from token_explorer.ui import figures
from token_explorer.ui.palette import Palette
from token_explorer.ui.widgets.bar import run
from token_explorer.ui.widgets.row import fitted

LEGEND_CELLS = 12
# Overlays whose value is told of every token, whatever it is coloured by.
_SAID = ("probability", "surprisal", "rank")
LONGEST_TOKEN = 16


def plain(text: str) -> str:
    """Text of any origin, safe for the screen, its lines kept."""
    return "\n".join(display(line) if line else "" for line in text.split("\n"))


def legend(reading: Reading, palette: Palette) -> list[Segment]:
    """The scale of an overlay in the colours that it is drawn with."""
    low, high = f"{reading.low:g}", f"{reading.high:g}"
    steps = len(palette.bg)
    cells = [place * steps // LEGEND_CELLS for place in range(LEGEND_CELLS if steps else 0)]
    colours = [Segment(" ", palette.style(level)) for level in cells] or [run("to", dim=True)]
    end = f" {high} {reading.unit}" if reading.unit else f" {high}"
    note = [run(f" · {reading.note}", dim=True)] if reading.note else []
    return [run(" "), run(reading.title, bold=True), run(f" {low} "), *colours, run(f"{end} "), *note]


def detail(
    ids: TokenIds, cursor: int | None, vocabulary: Vocabulary, scores: Scores | None, reading: Reading | None
) -> list[list[Segment]]:
    """The token that is looked at, or the last one; the same from long to short.

    Args:
        scores: of exactly these ids; None while they aren't known.
        reading: of the overlay in use; None for plain text.
    """
    place = len(ids) - 1 if cursor is None else cursor
    shown = vocabulary[ids[place]].shown
    token = fitted(shown, min(LONGEST_TOKEN, cell_len(shown)))
    start = [run(f" {place + 1}/{len(ids)} "), run(f'"{token}"', bold=True)]
    kind = ["special"] if ids[place] in vocabulary.special else []
    usual, drawn = _usual(place, scores), _drawn(place, reading)
    longer = [f"id {ids[place]}", *kind, *usual, *drawn]
    variants = (longer, longer[1:], [*usual[:1], *drawn], drawn or usual[:1])
    return [[*start, *(run(f"  {number}") for number in numbers), run(" ")] for numbers in variants]


def _usual(place: int, scores: Scores | None) -> list[str]:
    """How expected a token was."""
    if scores is None:
        return ["…"]
    logprob = float(scores.logprobs[place])
    if math.isnan(logprob):
        return ["no context before it"]
    surprisal = figures.bits(float(scores.surprisals[place]))
    return [f"p {figures.probability(logprob)}", f"rank {scores.ranks[place]}", f"{surprisal} bits"]


def _drawn(place: int, reading: Reading | None) -> list[str]:
    """The value that the token's colour stands for, where it isn't said already."""
    if reading is None or reading.key in _SAID or math.isnan(value := float(reading.values[place])):
        return []
    figure = figures.bits(value) if reading.unit == "bits" else f"{value:.3g}"
    return [f"{reading.title} {figure} {reading.unit}".rstrip()]


def tail(candidates: Candidates) -> list[list[Segment]]:
    """What lies beyond the listed tokens, and how open the choice is; the same from long to short."""
    beyond = f"beyond these {len(candidates)}: {figures.fraction(candidates.tail)}"
    entropy = f"entropy {figures.bits(candidates.entropy / NATS_PER_BIT)} bits"
    return [[run(f" {beyond} · {entropy} ")], [run(f" {entropy} ")]]
