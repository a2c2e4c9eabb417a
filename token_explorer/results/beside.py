"""Two sides drawn beside each other, as tables for a terminal.

Knows nothing of how they were compared.
"""

import math
from collections.abc import Sequence
from itertools import zip_longest

from rich.style import Style
from rich.text import Text

from token_explorer.core.scores import Floats
from token_explorer.core.tokens import Vocabulary, display
from token_explorer.results import figures
from token_explorer.results.divergence import Gap
from token_explorer.results.side import Side
from token_explorer.results.table import NONE, STRONG, Cell, Column, table

LETTERS = ("A", "B")
LONGEST_TOKEN = 24
_BETWEEN = "│"


def heads(sides: tuple[Side, Side]) -> list[Text]:
    """A line for each side: its letter, its model, how many tokens it has."""
    rows = [_head(letter, side) for letter, side in zip(LETTERS, sides, strict=True)]
    return table([Column("")] * len(rows[0]), rows)[1:]


def _head(letter: str, side: Side) -> list[Cell]:
    info = side.info
    tokens = f"{len(side.ids)} token{'s' * (len(side.ids) != 1)}"
    return [Text(letter, STRONG), display(info.model), info.device, info.dtype, tokens]


def next_tokens(sides: tuple[Side, Side], by_id: bool) -> list[Text]:
    """The likeliest next tokens of both, and what the other side gives to each."""
    one, other = sides
    left = _candidates(one, other.logprobs_of(one, by_id))
    right = _candidates(other, one.logprobs_of(other, by_id))
    empty: list[Cell] = [""] * 4
    rows = [[*a, _BETWEEN, *b] for a, b in zip_longest(left, right, fillvalue=empty)]
    columns = [*_candidate_columns(*LETTERS), Column(_BETWEEN), *_candidate_columns(*reversed(LETTERS))]
    return table(columns, rows)


def _candidate_columns(letter: str, other: str) -> list[Column]:
    return [
        Column("#", "right"),
        Column(f"next in {letter}", most=LONGEST_TOKEN),
        Column("probability", "right"),
        Column(f"in {other}", "right"),
    ]


def _candidates(side: Side, elsewhere: Floats) -> list[list[Cell]]:
    listed = side.listed
    columns = listed.ids.tolist(), listed.ranks.tolist(), listed.logprobs.tolist(), elsewhere.tolist()
    return [
        [str(rank), shown(side.vocabulary, id), figures.probability(logprob), _probability(there)]
        for id, rank, logprob, there in zip(*columns, strict=True)
    ]


def places(sides: tuple[Side, Side], gaps: Sequence[Gap]) -> list[Text]:
    """Every token of a text that both models cut alike: its bits, and what each put first in its place.

    Args:
        gaps: of the distributions that the tokens were taken from, the first token's being none.
    """
    columns = [
        Column("#", "right"),
        Column("token", most=LONGEST_TOKEN),
        *(Column(f"bits in {letter}", "right") for letter in LETTERS),
        Column("D(A‖B)", "right"),
        Column("D(B‖A)", "right"),
        *(Column(f"first in {letter}", most=LONGEST_TOKEN) for letter in LETTERS),
    ]
    return table(columns, (_place(sides, place, each) for place, each in enumerate(gaps)))


def _place(sides: tuple[Side, Side], place: int, gap: Gap) -> list[Cell]:
    one, _ = sides
    taken = [float(side.scores.surprisals[place]) for side in sides]
    firsts = [shown(side.vocabulary, side.tops[place - 1]) if place else NONE for side in sides]
    style = STRONG if firsts[0] != firsts[1] else Style.null()
    numbers = [*map(bits, taken), bits(gap.a_to_b), bits(gap.b_to_a)]
    token = shown(one.vocabulary, one.ids[place])
    return [str(place + 1), token, *numbers, *(Text(first, style) for first in firsts)]


def distances(named: Sequence[tuple[str, Gap]]) -> list[Text]:
    """Divergences, both ways, each with what it is of."""
    columns = [Column("KL divergence, bits"), Column("D(A‖B)", "right"), Column("D(B‖A)", "right")]
    return table(columns, [[name, bits(gap.a_to_b), bits(gap.b_to_a)] for name, gap in named])


def totals(sides: tuple[Side, Side]) -> list[Text]:
    """What the tokens of each side take together."""
    titles = "logprob", "bits a token", "bits a byte", "perplexity"
    return table(
        [Column("total"), *(Column(title, "right") for title in titles)], map(_total, LETTERS, sides)
    )


def _total(letter: str, side: Side) -> list[Cell]:
    total = side.total
    if not total.tokens:
        return [letter, *[NONE] * 4]
    rates = bits(total.bits_per_token), bits(total.bits_per_byte), f"{total.perplexity:.5g}"
    return [letter, f"{total.logprob:.4f}", *rates]


def shown(vocabulary: Vocabulary, id: int) -> str:
    """A token as a table has it."""
    return vocabulary[id].shown


def bits(value: float) -> str:
    """A number of bits; what has none, and what no number of bits is enough for."""
    if math.isnan(value):
        return NONE
    return figures.bits(value) if math.isfinite(value) else "∞"


def _probability(logprob: float) -> str:
    return NONE if math.isnan(logprob) else figures.probability(logprob)
