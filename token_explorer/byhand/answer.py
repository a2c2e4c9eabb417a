"""A number as people type one: .5, 0,5, 50%, 1/2, −0.5. Knows nothing of what it answers."""

import math
import re

# Signs that stand for a minus: hyphens, dashes, and the minus itself.
_MINUS = str.maketrans(dict.fromkeys("‐‑‒–—−﹣－", "-"))
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?"
_ANSWER = re.compile(rf"({_NUMBER})(?:\s*/\s*({_NUMBER}))?\s*(%?)", re.ASCII)


def read_answer(text: str) -> float | None:
    """The number that a text is; None where it is none."""
    found = _ANSWER.fullmatch(re.sub(r"^([+-])\s+", r"\1", text.strip().translate(_MINUS)))
    if found is None:
        return None
    above = _read(found[1])
    below = 1.0 if found[2] is None else _read(found[2])
    value = above / below if below else math.nan
    value /= 100.0 if found[3] else 1.0
    return value if math.isfinite(value) else None


def _read(number: str) -> float:
    return float(number.replace(",", "."))
