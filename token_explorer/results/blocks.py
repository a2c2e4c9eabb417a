"""Values drawn as block characters: bars along a line, and heights in a cell each.

Pure; knows nothing of what the values are, nor of terminals.
"""

import math

import numpy as np

from token_explorer.core.scores import Floats

EIGHTHS = " ▏▎▍▌▋▊▉█"
BLOCKS = "▁▂▃▄▅▆▇█"


def bar(part: float, cells: int) -> str:
    """A bar as long as `part` (0 to 1) of so many cells, to an eighth; what isn't nothing has one."""
    steps = round(min(max(part, 0.0), 1.0) * cells * 8)
    if part > 0.0:
        steps = max(1, steps)
    full, rest = divmod(steps, 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def largest(values: Floats) -> float:
    """The end of the scale: the largest finite value, 0 where none is above it."""
    return float(values[np.isfinite(values)].max(initial=0.0))


def block(value: float, high: float) -> str:
    """The height of a value on a scale from 0 to `high`; a blank for NaN."""
    if math.isnan(value):
        return " "
    if value <= 0.0:
        return BLOCKS[0]
    steps = math.ceil(min(value, high) / high * len(BLOCKS)) if high else len(BLOCKS)
    return BLOCKS[steps - 1]


def spark(values: Floats) -> str:
    """One block a value (n,), none of them below 0: the highest is the largest."""
    high = largest(values)
    return "".join(block(value, high) for value in values.tolist())
