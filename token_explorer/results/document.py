"""JSON documents: how they begin, how tokens and numbers stand in them, and how they are written.

Their schema is docs/schema.json; whoever changes what a key means raises SCHEMA.
"""

import json
import math
from collections.abc import Iterator, Sequence
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
    return [numbers(each) if np.ndim(each) else number(each) for each in values]


def dumps(document: Document) -> str:
    """A document as text: each key, and each item of its lists, on a line of its own.

    All of it is ASCII, so that nothing in a token's text is obeyed by a terminal.
    """
    return "{\n" + ",\n".join(map(_entry, document, document.values())) + "\n}"


def _entry(key: str, value: object) -> str:
    return f"  {json.dumps(key)}: {''.join(_written(value))}"


def _written(value: object) -> Iterator[str]:
    """A value; the items of a list of objects or lists one below the other."""
    if not isinstance(value, list) or not any(isinstance(item, dict | list) for item in value):
        yield json.dumps(value, allow_nan=False)
        return
    yield "[\n"
    yield ",\n".join(f"    {json.dumps(item, allow_nan=False)}" for item in value)
    yield "\n  ]"
