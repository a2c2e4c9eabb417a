"""A whole prompt: the engine's scores of all its tokens, against a bare forward with the logits of them all.

Both processes are fresh when it begins, so that their memory before and after tells what the prompt takes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bare import Ids
from benchmarks.figures import Bound, Took, ms, ratio
from benchmarks.sides import Prompt, Sides
from benchmarks.system import MIB, memory, reset_peak

# What prompts begin with, another token in each turn, so that nothing of them was run before.
FIRST = 100
WARM_UP = tuple(range(FIRST, FIRST + 16))
GOAL_RATIO = 1.15
# Bytes that a token may add to the peak, in terms of what is kept of it: more than 1 for room to grow. The
# logits of all tokens at once would add four times what is kept of the embedded model's.
GOAL_GROWTH = 2.0
# In shorter prompts what is held at once of their logits still grows, up to its bound.
GROWTH_FROM = 1024


@dataclass(frozen=True, slots=True)
class Time:
    """Medians for one length; the ratios are medians of the turns' own."""

    tokens: int
    turns: int
    ours_ms: float | None
    bare_ms: float | None
    ratio: float | None
    cpu_ratio: float | None


@dataclass(frozen=True, slots=True)
class Space:
    """Memory of both processes, MiB: with the model loaded, how far its peak rose, and with the prompt.

    Attributes:
        weights: bytes of the model's parameters.
        kept: keys, values and last hidden states of the prompt.
    """

    tokens: int
    weights: float
    kept: float
    ours_before: float | None
    ours_rise: float | None
    ours_after: float | None
    bare_before: float | None
    bare_rise: float | None
    bare_after: float | None


def measure(sides: Sides, prompt: Prompt, turns: int) -> tuple[Time, Space]:
    """Both ways of running a prompt, in turn."""
    sides.score(WARM_UP)
    sides.bare.prefill(WARM_UP)
    first = prompt.beginning_with(FIRST)
    a, ours = _weighed(sides.score, first, sides.pid)
    b, bare = _weighed(sides.bare.prefill, first, sides.bare.pid)
    kept = sides.bare.kept_bytes() / MIB
    space = Space(len(prompt.ids), sides.bare.weights_bytes() / MIB, kept, *ours, *bare)
    pairs = [(a, b), *(_turn(sides, prompt.beginning_with(FIRST + turn), turn) for turn in range(1, turns))]
    return _time(len(prompt.ids), pairs), space


def time_bounds(rows: Sequence[Time]) -> Iterator[Bound]:
    """What the scores of a prompt may take."""
    for row in rows:
        yield Bound(f"prefill with scores / bare, {row.tokens} tokens", row.ratio, GOAL_RATIO, "x")


def space_bounds(rows: Sequence[Space]) -> Iterator[Bound]:
    """What a token may add to the peak, once a prompt is long."""
    known = [(row, row.ours_rise) for row in rows if row.tokens >= GROWTH_FROM and row.ours_rise is not None]
    if len(known) < 2:
        return
    (first, low), (last, high) = known[0], known[-1]
    growth = (high - low) / (last.kept - first.kept)
    name = f"growth of the peak / what is kept, {first.tokens} to {last.tokens} tokens"
    yield Bound(name, growth, GOAL_GROWTH, "x")


def _weighed(
    run: Callable[[Ids], Took], ids: Ids, pid: int
) -> tuple[Took, tuple[float | None, float | None, float | None]]:
    """What running a prompt takes, and the process's memory before, the rise of its peak, and after."""
    reset_peak(pid)
    before = memory(pid)
    taken = run(ids)
    after = memory(pid)
    if before is None or after is None:
        return taken, (None, None, None)
    return taken, (before.resident, after.peak - before.resident, after.resident)


def _turn(sides: Sides, ids: Ids, turn: int) -> tuple[Took, Took]:
    """One turn; who begins changes."""
    if turn % 2:
        bare = sides.bare.prefill(ids)
        return sides.score(ids), bare
    return sides.score(ids), sides.bare.prefill(ids)


def _time(tokens: int, pairs: Sequence[tuple[Took, Took]]) -> Time:
    ours, bare = [a for a, _ in pairs], [b for _, b in pairs]
    wall = ratio([each.s for each in ours], [each.s for each in bare])
    cpu = ratio([each.cpu_s for each in ours], [each.cpu_s for each in bare])
    return Time(tokens, len(pairs), ms(ours), ms(bare), wall, cpu)
