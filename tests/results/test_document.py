"""Documents hold exact numbers and bytes, and nothing that a terminal or a JSON reader stumbles over."""

import json
import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import PIECES, VOCABULARY
from token_explorer.results import document

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(made=st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_written_is_the_document_and_ascii(made: dict[str, Any]) -> None:
    written = document.dumps(made)
    assert json.loads(written) == made
    assert list(json.loads(written)) == list(made)
    assert all(char == "\n" or " " <= char <= "~" for char in written)


@given(value=st.floats(width=32))
def test_a_float32_is_written_so_that_it_is_read_as_itself(value: float) -> None:
    written = document.number(np.float32(value))
    if math.isfinite(value):
        assert written is not None
        assert np.float32(written) == np.float32(value)
        assert len(repr(written)) <= len(repr(float(np.float32(value))))
    else:
        assert written is None


def test_arrays_become_lists_of_the_same_shape() -> None:
    values = np.array([[[0.5, np.nan], [np.inf, -2.0]]], np.float32)
    assert document.numbers(values) == [[[0.5, None], [None, -2.0]]]


def test_a_token_has_its_exact_bytes() -> None:
    for id in range(len(PIECES)):
        made = document.token(VOCABULARY, id)
        assert list(made) == ["id", "text", "bytes"]
        assert bytes(made["bytes"]) == PIECES[id]
        assert made["text"] == PIECES[id].decode("utf-8", "replace")
