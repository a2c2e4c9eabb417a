"""How fast a run writes: tokens per second of the engine's generate, and of transformers' model.generate.

The engine tells of each token as it comes. Both have the prompt on their caches when the clock starts, but
for its last token, which is another one in each turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.bare import Ids
from benchmarks.figures import Bound, Took, median, ratio
from benchmarks.sides import TOP_K, Prompt, Sides
from token_explorer.core.engine import Stop
from token_explorer.core.generation import Plan, Step
from token_explorer.core.sampling import Sampler

GOAL_RATIO = 0.95
# Ids of the tokens that prompts end with, from here on.
LAST = 100
# The same settings for both: greedy, and sampled.
SETTINGS: dict[str, tuple[Sampler | None, dict[str, Any]]] = {
    "greedy": (None, {"do_sample": False}),
    "sampled": (
        Sampler(temperature=0.8, top_p=0.9),
        {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 0},
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """Medians in tokens per second for one length; the ratio is the median of the turns' own.

    Attributes:
        same: in how many turns both wrote the same: all, where greedy; their draws differ.
    """

    settings: str
    tokens: int
    written: int
    turns: int
    ours: float | None
    transformers: float | None
    ratio: float | None
    same: int


def measure(sides: Sides, prompt: Prompt, written: int, turns: int) -> list[Row]:
    """Let both sides write so many tokens, in turn."""
    sides.bare.hold(prompt.ids[:-1])
    return [_row(sides, prompt.ids[:-1], name, written, turns) for name in SETTINGS]


def bounds(rows: Sequence[Row]) -> Iterator[Bound]:
    """How fast it should be."""
    for row in rows:
        name = f"run, {row.settings} / generate, {row.tokens} tokens"
        yield Bound(name, row.ratio, GOAL_RATIO, "x", at_least=True)


def _row(sides: Sides, before: Ids, name: str, written: int, turns: int) -> Row:
    sampler, settings = SETTINGS[name]
    ours, bare, same = [], [], 0
    for turn in range(turns + 1):
        last = LAST + turn + (turns + 1) * list(SETTINGS).index(name)
        first = turn % 2 and sides.bare.generate(last, written, settings, turn)
        mine = _ours(sides, (*before, last), sampler, written, turn)
        theirs = first or sides.bare.generate(last, written, settings, turn)
        if turn:  # the first is the warm-up
            ours.append(_speed(*mine))
            bare.append(_speed(*theirs))
            same += mine[1] == theirs[1]
    return Row(name, len(before) + 1, written, turns, median(ours), median(bare), ratio(ours, bare), same)


def _ours(sides: Sides, ids: Ids, sampler: Sampler | None, written: int, seed: int) -> tuple[Took, Ids]:
    sides.engine.score(ids[:-1], TOP_K, Stop())
    plan, found = Plan(written, sampler, seed, prompt=len(ids)), []
    taken = sides.ours(lambda: found.append(sides.engine.generate(ids, plan, _told, Stop())))
    return taken, found[0].ids[len(ids) :]


def _told(_: Step) -> None:
    """A token came."""


def _speed(taken: Took, written: Ids) -> float:
    return len(written) / taken.s
