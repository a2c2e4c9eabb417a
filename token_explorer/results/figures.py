"""Numbers as they are written on the screen: short, and never a zero or a one that isn't.

Knows nothing of where they come from.
"""

import math


def probability(logprob: float) -> str:
    """A probability from its natural log, to at least three digits.

    From the log, as a float32 probability is a false zero below 1e-45.
    """
    return fraction(math.exp(logprob))


def fraction(part: float) -> str:
    """A number from 0 to 1, to at least three digits."""
    if part >= 1.0:
        return "1.0000"
    if part >= 0.99995:
        return ">.9999"
    if part >= 0.01:
        return f"{part:.4f}"
    return "0" if part <= 0.0 else scientific(part)


def bits(value: float) -> str:
    """A number of bits, to two decimals or three digits."""
    if value <= 0.0:
        return "0.00"
    return f"{value:.2f}" if value >= 0.01 else scientific(value)


def scientific(value: float, digits: int = 2) -> str:
    """A positive number with its power of ten, to so many decimals."""
    shown, power = f"{value:.{digits}e}".split("e")
    return f"{shown}e{int(power)}"


def milliseconds(seconds: float) -> str:
    """A duration as the status line shows it."""
    if seconds >= 9.95:
        return f"{seconds:.0f} s"
    return f"{seconds:.1f} s" if seconds >= 0.9995 else f"{seconds * 1000:.0f} ms"
