"""JSON documents: how they begin, how tokens and numbers stand in them, and how they are written.

Their schema is docs/schema.json; whoever changes what a key means raises SCHEMA.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results.opened import Opened

SCHEMA = 1

Document = dict[str, Any]


def head(opened: Opened, ids: TokenIds) -> Document:
    """What documents about a prompt begin with."""
    info = opened.info
    start: Document = {"schema": SCHEMA, "model": info.model, "dtype": info.dtype, "device": info.device}
    return {**start, **prompt(opened.vocabulary, ids)}


def prompt(vocabulary: Vocabulary, ids: Sequence[int]) -> Document:
    """A sequence of tokens: their ids, and what each stands for."""
    return {"ids": list(map(int, ids)), "tokens": [token(vocabulary, int(id)) for id in ids]}


def token(vocabulary: Vocabulary, id: int) -> Document:
    """A token: its id, its text, its bytes.

    The text of one that holds a part of a character has U+FFFD there; the bytes are exact.
    """
    piece = vocabulary.pieces[id]
    return {"id": id, "text": piece.decode("utf-8", errors="replace"), "bytes": list(piece)}


def number(value: float) -> float | None:
    """A number as JSON can hold it, NaN and infinities as null.

    A float32 is written with the fewest digits that are it.
    """
    value = float(str(value)) if isinstance(value, np.float32) else float(value)
    return value if math.isfinite(value) else None


def numbers(values: Any) -> list[Any]:
    """An array of any shape as lists of numbers."""
    if np.ndim(values) > 1:
        return [numbers(each) for each in values]
    if np.isfinite(values).all():  # as `number` does it, in half of the time
        return [float(str(value)) for value in values]
    return [number(value) for value in values]


def dumps(document: Document) -> str:
    """A document as text: each key, and each object or list in a list, on a line of its own.

    All of it is ASCII, so that nothing in a token's text is obeyed by a terminal.
    """
    return _written(document, "", lines=True)


def _written(value: Any, margin: str, lines: bool = False) -> str:
    """A value; on one line unless lists in it hold objects or lists, or `lines` asks for more."""
    if not value or not (lines or _is_long(value)):
        return json.dumps(value, allow_nan=False)
    inner = f"{margin}  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_written(each, inner)}" for key, each in value.items()]
    else:
        parts = [_written(each, inner) for each in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n" + ",\n".join(f"{inner}{part}" for part in parts) + f"\n{margin}{end}"


def _is_long(value: Any) -> bool:
    """Whether a list in a value holds objects or lists."""
    if isinstance(value, dict):
        return any(map(_is_long, value.values()))
    return isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)
