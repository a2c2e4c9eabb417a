"""What a page says is understood, and anything else is refused in one way."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.serve.messages import Gibberish, Said, parse


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (["stdin", "é\x1b[A"], Said("stdin", "é\x1b[A")),
        (["ping", "17"], Said("ping", "17")),
        (["focus"], Said("focus")),
        (["blur"], Said("blur")),
        (["resize", {"width": 120, "height": 40}], Said("resize", size=(120, 40))),
        (["resize", {"width": 10**9, "height": -4}], Said("resize", size=(1000, 2))),
    ],
)
def test_what_a_page_says(message: list[object], said: Said) -> None:
    assert parse(json.dumps(message)) == said


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "7",
        "null",
        "{}",
        '["stdin"]',
        '["stdin", 7]',
        '["stdin", "a", "b"]',
        '["resize", {}]',
        '["resize", {"width": null, "height": 4}]',
        '["focus", 1]',
        '["exec", "rm"]',
        "[" * 100000,
    ],
)
def test_what_no_page_says(message: str) -> None:
    with pytest.raises(Gibberish):
        parse(message)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=8)


@given(st.text() | JSON.map(json.dumps) | st.lists(JSON).map(json.dumps))
def test_nothing_else_comes_of_a_message(message: str) -> None:
    with contextlib.suppress(Gibberish):
        assert isinstance(parse(message), Said)
