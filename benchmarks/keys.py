"""How long a key takes: from the byte that a terminal sends to the last byte of the screen it leads to.

Beside the keys, in turn with them, the bare loop takes a step on its cache, and, once, runs the whole prompt:
what a program without a cache does for each key. Knows nothing of how a screen is timed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks.figures import Bound, Took, cpu_ms, ms, over, ratio
from benchmarks.screen import PATIENCE_S, Right, Screen, program
from benchmarks.sides import Prompt, Sides
from tests.program import loaded, tokens

# The program's own default.
LOOK_AHEAD = 30
GOAL_STILL_MS = 16.0
GOAL_STEP_RATIO, GOAL_STEP_MS = 1.15, 10.0
GOAL_WHOLE_RATIO, WHOLE_TOKENS = 30.0, 1024
# The row that is appended differs from turn to turn: the rows of the table that take part.
ROWS = 5
# How far the second prompt goes back before it takes another way.
BACK = 20
# Any token: what a step costs doesn't depend on it.
STEP = (28,)
# Through the overlays of scores and back, and the name that the legend then has.
OVERLAYS = (("e", "probability"), ("e", "entropy"), ("E", "probability"), ("E", ""))
_LEGEND = re.compile(r"╰ (\w+) \d")
# The column of what would follow, in the table's header.
THEN = "  then "


@dataclass(frozen=True, slots=True)
class Row:
    """Medians for one length, milliseconds on the wall; the ratio is the median of the turns' own.

    Attributes:
        foreseen: append of a token that was looked ahead of; None where that can't be.
        new: append of one that wasn't.
        step, whole: the bare loop's step on a cache, and its run of the whole prompt.
    """

    tokens: int
    turns: int
    foreseen: float | None
    pop: float | None
    undo: float | None
    switch: float | None
    overlay: float | None
    new: float | None
    step: float | None
    whole: float | None
    new_over_step: float | None
    whole_over_new: float | None


@dataclass(frozen=True, slots=True)
class Work:
    """Medians for one length: processor milliseconds of the process that draws, to the same moments."""

    tokens: int
    foreseen: float | None
    pop: float | None
    undo: float | None
    switch: float | None
    overlay: float | None
    new: float | None


@dataclass(frozen=True, slots=True)
class _Times:
    foreseen: list[Took] = field(default_factory=list)
    pop: list[Took] = field(default_factory=list)
    undo: list[Took] = field(default_factory=list)
    switch: list[Took] = field(default_factory=list)
    overlay: list[Took] = field(default_factory=list)
    new: list[Took] = field(default_factory=list)
    step: list[Took] = field(default_factory=list)


def measure(sides: Sides, prompt: Prompt, turns: int) -> tuple[Row, Work]:
    """Press each key so many times, and once before that to warm up."""
    times = _Times()
    whole = sides.bare.hold(prompt.ids)
    with program(prompt, 0) as screen:
        for turn in range(turns + 1):
            _press_new(screen, sides, turn, times if turn else _Times())
    with program(prompt, LOOK_AHEAD) as screen:
        _open_second(screen)
        for turn in range(turns + 1):
            _press_known(screen, turn, times if turn else _Times())
    return _row(len(prompt.ids), turns, times, whole), _work(len(prompt.ids), times)


def bounds(rows: Sequence[Row]) -> Iterator[Bound]:
    """What keys may take."""
    for row in rows:
        for key in ("foreseen", "pop", "undo", "switch", "overlay"):
            name = "append, foreseen" if key == "foreseen" else key
            yield Bound(f"{name}, {row.tokens} tokens", getattr(row, key), GOAL_STILL_MS, "ms")
        limit = GOAL_STEP_RATIO * (row.step or 0.0) + GOAL_STEP_MS
        yield Bound(f"append, not foreseen, {row.tokens} tokens", row.new, limit, "ms")
        if row.tokens >= WHOLE_TOKENS:
            name = f"whole prompt / append not foreseen, {row.tokens} tokens"
            yield Bound(name, row.whole_over_new, GOAL_WHOLE_RATIO, "x", at_least=True)


def _press_new(screen: Screen, sides: Sides, turn: int, times: _Times) -> None:
    """Append a token that nobody looked ahead of, and let the bare loop take a step."""
    length = _choose(screen, 1 + turn % ROWS)
    times.new.append(screen.press("l", _shows(length + 1)))
    screen.rest()
    times.step.append(sides.bare.feed(STEP))


def _open_second(screen: Screen) -> None:
    """Copy the prompt, and take another way some tokens before its end."""
    length = tokens(screen.text)
    back = min(BACK, length // 2)
    screen.type("d")
    screen.wait_for("prompt 2/2")
    screen.type("h" * back)
    screen.wait_for(_shows(length - back), PATIENCE_S)
    screen.rest()
    screen.type("jl")
    screen.wait_for(_shows(length - back + 1), PATIENCE_S)
    screen.rest()


def _press_known(screen: Screen, turn: int, times: _Times) -> None:
    """Press all keys that need no forward when they are pressed; the prompt is a token longer after that."""
    length = _choose(screen, turn % ROWS)
    if _is_foreseen(screen, turn % ROWS):
        times.foreseen.append(screen.press("l", _shows(length + 1)))
    else:
        screen.press("l", _shows(length + 1))
    for key, after, kept in (
        ("u", length, times.undo),
        ("U", length + 1, []),
        ("h", length, times.pop),
        ("u", length + 1, times.undo),
    ):
        screen.rest()
        kept.append(screen.press(key, _shows(after)))
    for key, name in OVERLAYS:
        screen.rest()
        times.overlay.append(screen.press(key, partial(_coloured, name)))
    for key, prompt in (("w", "prompt 1/2"), ("s", "prompt 2/2")):
        screen.rest()
        times.switch.append(screen.press(key, partial(_at, prompt)))


def _choose(screen: Screen, row: int) -> int:
    """Go to a row of the table, counted from 0, once nothing is to be done; how long the prompt is."""
    screen.rest()
    for _ in range(row):
        screen.type("j")
        screen.rest()
    return tokens(screen.text)


def _is_foreseen(screen: Screen, row: int) -> bool:
    """Wait until it is known how a row would go on; False where nobody looks."""
    if _following(screen.text, row) is None:
        return False
    screen.wait_for(lambda text: bool(_following(text, row)), PATIENCE_S)
    screen.rest()
    return True


def _following(text: str, row: int) -> str | None:
    """What the table's last column says of a row, '' for nothing yet; None where there is no such column."""
    lines = text.splitlines()
    header = next((number for number, line in enumerate(lines) if THEN in line), None)
    if header is None:
        return None
    return lines[header + 1 + row][lines[header].index(THEN) :].strip("│ ")


def _coloured(overlay: str, text: str) -> bool:
    """Whether the prompt is coloured by an overlay, as the legend has it; '' for none."""
    found = _LEGEND.search(text)
    return (found[1] if found else "") == overlay


def _at(prompt: str, text: str) -> bool:
    """Whether a prompt is shown, with its table."""
    return prompt in text and loaded(text)


def _shows(length: int) -> Right:
    """Whether a screen shows a prompt of so many tokens, and the table that belongs to it."""
    return lambda text: tokens(text) == length and loaded(text)


def _row(length: int, turns: int, times: _Times, whole: Took) -> Row:
    stills = (times.foreseen, times.pop, times.undo, times.switch, times.overlay)
    new, step = ms(times.new), ms(times.step)
    steps = ratio([each.s for each in times.new], [each.s for each in times.step])
    wholes = ms([whole])
    foreseen, pop, undo, switch, overlay = map(ms, stills)
    return Row(
        length, turns, foreseen, pop, undo, switch, overlay, new, step, wholes, steps, over(wholes, new)
    )


def _work(length: int, times: _Times) -> Work:
    every = (times.foreseen, times.pop, times.undo, times.switch, times.overlay, times.new)
    return Work(length, *map(cpu_ms, every))
