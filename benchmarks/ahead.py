"""Looking ahead: what follows each of 30 candidates, against a prefill of 30 tokens on the same cache.

The prefill is measured on both sides, and the slower of the two ratios counts: transformers' cache copies all
of itself for each call, which the engine's doesn't.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bare import Ids
from benchmarks.figures import Bound, Took, ms, over, ratio
from benchmarks.sides import Prompt, Sides
from token_explorer.core.ahead import Ahead
from token_explorer.core.engine import Stop
from token_explorer.errors import FacetUnavailable

ROWS = 30
GOAL_RATIO = 1.3
# Candidates are ids in order, from here on: what they are doesn't change what they cost.
FIRST = 200


@dataclass(frozen=True, slots=True)
class Row:
    """Medians for one length.

    Attributes:
        ours_ms: all rows, one token after each.
        bare_prefill_ms, own_prefill_ms: as many tokens one after another, bare and by the engine.
        step_ms: one token, bare.
        over_bare, over_own: medians of the turns' own ratios.
        over_steps: what as many steps of one token would take, in terms of it.
    """

    tokens: int
    turns: int
    ours_ms: float | None
    bare_prefill_ms: float | None
    own_prefill_ms: float | None
    step_ms: float | None
    over_bare: float | None
    over_own: float | None
    over_steps: float | None


def measure(sides: Sides, prompt: Prompt, turns: int) -> Row | None:
    """Look ahead of a prompt, another 30 candidates in each turn; None where that can't be."""
    sides.score(prompt.ids)
    sides.bare.hold(prompt.ids)
    try:
        _look(sides, prompt.ids, 0)
    except FacetUnavailable:
        return None
    ours, bare, own, steps = [], [], [], []
    for turn in range(1, turns + 1):
        tokens = _tokens(turn)
        bare.append(sides.bare.feed(tokens))
        ours.append(_look(sides, prompt.ids, turn))
        own.append(sides.score((*prompt.ids, *reversed(tokens))))
        steps.append(sides.bare.feed(tokens[:1]))
        sides.score(prompt.ids)
    return Row(
        len(prompt.ids),
        turns,
        ms(ours),
        ms(bare),
        ms(own),
        ms(steps),
        _ratio(ours, bare),
        _ratio(ours, own),
        over(ROWS * (ms(steps) or 0.0), ms(ours)),
    )


def bounds(rows: Sequence[Row]) -> Iterator[Bound]:
    """What looking ahead may take."""
    for row in rows:
        worse = [each for each in (row.over_bare, row.over_own) if each is not None]
        yield Bound(f"look-ahead / prefill of {ROWS}, {row.tokens} tokens", max(worse), GOAL_RATIO, "x")


def _look(sides: Sides, ids: Ids, turn: int) -> Took:
    facet = Ahead(len(ids), _tokens(turn), 1)
    return sides.ours(lambda: sides.engine.observe(ids, facet, Stop()))


def _tokens(turn: int) -> Ids:
    return tuple(range(FIRST + ROWS * turn, FIRST + ROWS * (turn + 1)))


def _ratio(ours: Sequence[Took], theirs: Sequence[Took]) -> float | None:
    return ratio([each.s for each in ours], [each.s for each in theirs])
