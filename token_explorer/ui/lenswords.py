"""What the lens's screen says in words and numbers: cells, titles, details, the pinned token's way.

Draws nothing itself; knows nothing of engines.
"""

import math

from rich.cells import cell_len
from rich.segment import Segment

from token_explorer.core.reading import Grid
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.core.tokens import TokenIds, Vocabulary, visible_blanks
from token_explorer.overlays.lens import LENS_MODES, Counts, Followed, LensMode, follow
from token_explorer.results import figures
from token_explorer.results.palette import Palette
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Runs, run
from token_explorer.ui.widgets.lensgrid import Cell, Column, Sheet
from token_explorer.ui.widgets.lenswindow import Sight
from token_explorer.ui.widgets.row import fitted

LONGEST_TOKEN = 16
# Cells that the pinned token's curve leaves for its numbers.
CURVE_MARGIN = 34
LEAST_CURVE = 8
_HEIGHTS = " ▁▂▃▄▅▆▇█"
# What the footer calls the keys here, most important first; the last two are always shown.
LABELS = {
    "choose-up": "layer",
    "choose-down": "layer",
    "pop": "position",
    "append": "position",
    "overlay": "measure",
    "pin": "pin",
    "word-back": "word",
    "word-on": "word",
    "look-first": "first",
    "page-up": "page",
    "page-down": "page",
    "cursor-off": "back",
    "help": "help",
}


def origin() -> list[list[Segment]]:
    """What kind of lens it is; the same from long to short."""
    kind = "raw logit lens"
    wordings = (f"{kind}: unembed(norm(h)), no trained translators", f"{kind}: unembed(norm(h))", kind)
    return [[run(f" {wording} ", dim=True)] for wording in wordings]


def tokens(vocabulary: Vocabulary, ids: TokenIds, start: int, stop: int) -> list[str]:
    """The tokens [start, stop) of a prompt on one line each, blanks visible; no others are looked at.

    But for those before them that may hold the first bytes of a character that they end.
    """
    return [visible_blanks("".join(parts)) for parts in vocabulary.show(ids[:stop], start)]


def short(counts: Counts, value: float) -> str:
    """A value in at most six cells, never a zero or a one that isn't; '' for none."""
    if math.isnan(value):
        return ""
    if counts == "probability":
        return _short_probability(value)
    return _short_bits(value) if counts == "bits" else _short_rank(round(value))


def _short_probability(value: float) -> str:
    if value >= 0.9995:
        return ">.999"
    if value >= 0.01:
        return f"{value:.3f}"[1:]
    if value <= 0.0:
        return "<1e-45"  # less than float32 can hold
    digits, power = f"{value:.0e}".split("e")
    return f"{digits}e{int(power)}"


def _short_bits(value: float) -> str:
    if 0.0 < value < 0.005:
        return "<.01"
    return f"{max(0.0, value):.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _short_rank(rank: int) -> str:
    return str(rank) if rank < 100_000 else f"{rank / 1000:.0f}k"


def sheet(sight: Sight, grid: Grid, mode: LensMode, view: View, palette: Palette) -> Sheet:
    """The cells in view, each with its value and its layer's top token.

    Args:
        grid: what the mode reads in all that is seen.
        palette: of its scale.
    """
    window, tops, vocabulary = sight.window, sight.cells.tops, view.vocabulary
    levels = palette.levels(grid.places)
    rows = range(window.top, window.bottom)

    def cell(row: int, column: int) -> Cell:
        figure = short(mode.counts, float(grid.values[row, column]))
        return Cell(vocabulary[int(tops[row, column])].shown, figure, int(levels[row, column]))

    drawn = sight.known & sight.followed if mode.of_pin else sight.known
    columns = [
        Column(token, [cell(row, place) for row in rows] if drawn[place] else None)
        for place, token in enumerate(tokens(vocabulary, view.branch.ids, window.start, window.stop))
    ]
    return Sheet(window.top, window.bottom, window.start, columns, window.layer, window.position, palette)


def detail(sight: Sight, mode: LensMode, view: View) -> list[list[Segment]]:
    """What is known of the cell that is looked at; the same from long to short."""
    window, cells = sight.window, sight.cells
    at = window.layer, window.column
    token = tokens(view.vocabulary, view.branch.ids, window.position, window.position + 1)[0]
    start = [run(f" {window.position + 1}/{window.length} "), run(_quoted(token), bold=True)]
    where = f" → {_layer(window.layer)}: "
    if (id := sight.top) is None:
        return [[*start, run(f"{where}… ")]]
    top = f"{_quoted(view.vocabulary[id].shown)} {_p(float(cells.logprobs[at]))}"
    entropy, divergence = (float(each[at]) for each in (cells.entropies, cells.divergences))
    # In the order of the modes that aren't of the pinned token.
    full = [top, f"entropy {_bits(entropy)}", f"KL {_bits(divergence)}"]
    pinned = _pinned(sight, view)
    drawn = pinned if mode.of_pin else [full[LENS_MODES.index(mode)]]
    numbers = ([*full, *pinned], full, [*dict.fromkeys((top, *drawn))], drawn or [top])
    return [[*start, run(f"{where}{'  '.join(each)} ")] for each in numbers if {*drawn} <= {*each}]


def _pinned(sight: Sight, view: View) -> list[str]:
    """The pinned token's numbers where the cursor is; none where they aren't known."""
    followed = follow(sight.cells, sight.window.column)
    if view.pin is None or followed is None:
        return []
    layer = sight.window.layer
    numbers = f"{_p(float(followed.logprobs[layer]))} rank {followed.ranks[layer]}"
    return [f"pinned {_quoted(view.vocabulary[view.pin].shown)} {numbers}"]


def way(sight: Sight, pin: str, width: int) -> tuple[Runs, list[list[Segment]]]:
    """The pinned token through the layers at one position: its curve, and its numbers from long to short.

    Args:
        pin: the token as shown.
        width: cells of the line.
    """
    start = [run(" pin "), run(_quoted(pin), bold=True)]
    if (followed := follow(sight.cells, sight.window.column)) is None:
        return [*start, run(" …")], [[]]
    layer, first, last = sight.window.layer, followed.first, followed.ranks[-1]
    p, end = (_p(float(followed.logprobs[each])) for each in (layer, -1))
    rank = f"rank {followed.ranks[layer]}"
    leads = "never first" if first is None else f"first in {_layer(first)}"
    wordings = (
        f"{p} {rank} · {leads} · at the end {end} rank {last}",
        f"{p} {rank} · {leads} · rank {last} at the end",
        f"{rank} · {leads} · end {last}",
        f"{rank} · {leads if first is None else f'1st in {first}'} · end {last}",
        rank,
    )
    room = max(LEAST_CURVE, width - CURVE_MARGIN - cell_len(_quoted(pin)))
    return [*start, *_curve(followed, layer, room)], [[run(f" {each} ")] for each in wordings]


def _curve(followed: Followed, layer: int, room: int) -> list[Segment]:
    """Probability in each layer as a height, the chosen one in brackets; what isn't nothing has some.

    Where there are more layers than room, every so many are drawn, the last one among them.
    """
    count = len(followed.logprobs)
    step = -(-count // room)
    drawn = range((count - 1) % step, count, step)
    bars = [_bar(float(followed.logprobs[each])) for each in drawn]
    chosen = min(range(len(drawn)), key=lambda place: abs(drawn[place] - layer))
    bars[chosen] = f"[{bars[chosen]}]"
    return [run(" " + "".join(bars)), run(f" 1 layer in {step}" if step > 1 else "", dim=True)]


def _bar(logprob: float) -> str:
    part = 0.0 if math.isnan(logprob) else math.exp(logprob)
    return _HEIGHTS[min(8, math.ceil(part * 8))]


def _quoted(shown: str) -> str:
    return f'"{fitted(shown, min(LONGEST_TOKEN, cell_len(shown)))}"'


def _layer(layer: int) -> str:
    return f"layer {layer}" if layer else "the embeddings"


def _p(logprob: float) -> str:
    return "p not defined" if math.isnan(logprob) else f"p {figures.probability(logprob)}"


def _bits(nats: float) -> str:
    return "not defined" if math.isnan(nats) else f"{figures.bits(nats / NATS_PER_BIT)} bits"
