"""What a page says over its WebSocket. Knows nothing of where it goes."""

import json
from dataclasses import dataclass
from typing import Any, Literal

# The smallest and largest terminal that is believed, columns and rows.
_LEAST, _MOST = (2, 2), (1000, 500)

Kind = Literal["stdin", "resize", "ping", "focus", "blur"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a page: keys and pastes, the terminal's size, a ping, whether it has the keyboard.

    Attributes:
        text: what was typed, or what to send back.
        size: columns and rows.
    """

    kind: Kind
    text: str = ""
    size: tuple[int, int] = (0, 0)


class Gibberish(ValueError):
    """What no page says."""


def parse(message: str) -> Said:
    """Understand a message. Raises Gibberish."""
    try:
        kind, *values = json.loads(message)
        return _said(kind, values)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Gibberish(f"not a message of the page: {message[:80]!r}") from error


def clamped(columns: object, rows: object) -> tuple[int, int]:
    """A terminal's size as it is believed; numbers may be spelled. Raises ValueError, TypeError."""
    given: tuple[Any, Any] = (columns, rows)
    width, height = (
        min(max(int(value), low), high) for value, low, high in zip(given, _LEAST, _MOST, strict=True)
    )
    return width, height


def _said(kind: object, values: list[Any]) -> Said:
    if kind in ("stdin", "ping"):
        (text,) = values
        if not isinstance(text, str):
            raise TypeError("no text")
        return Said("stdin" if kind == "stdin" else "ping", text)
    if kind == "resize":
        (size,) = values
        return Said("resize", size=clamped(size["width"], size["height"]))
    if kind in ("focus", "blur") and not values:
        return Said("focus" if kind == "focus" else "blur")
    raise ValueError(f"unknown: {kind}")
