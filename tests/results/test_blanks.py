"""What is said of blanks at the end of a text: only what is true of its tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FIRST_WORD, VOCABULARY, encode
from token_explorer.core.tokens import TokenIds
from token_explorer.results.blanks import ending, trailing

BLANKS = st.text(" \t\n\r\u00a0\u2003", min_size=1)


def said(text: str) -> str:
    return trailing(VOCABULARY, encode, text)


@given(st.text().map(str.rstrip))
def test_of_a_text_without_a_blank_at_its_end_nothing_is_said(text: str) -> None:
    assert said(text) == ""
    assert ending(text) == ""


@given(BLANKS)
def test_of_blanks_alone_nothing_is_said_as_nothing_would_be_left(text: str) -> None:
    assert said(text) == ""


@given(st.text(), BLANKS)
def test_what_is_said_is_safe_for_a_terminal_and_shows_the_blanks(text: str, blanks: str) -> None:
    words = said(f"{text}x{blanks}")
    assert words.isprintable()
    assert f'"{ending(blanks)}"' in words
    assert not any(blank in ending(blanks) for blank in blanks)


def test_the_tokens_with_and_without_the_blank_are_named() -> None:
    assert encode("Once upon ")[:-1] == encode("Once upon")
    assert 'end in "␣upon" "␣", and without it in "␣upon"' in said("Once upon ")


def test_a_blank_that_changes_the_token_before_it_is_told_as_that() -> None:
    def joining(text: str) -> TokenIds:
        """Takes ': ' for one token."""
        return (*encode(text[:-2])[1:], FIRST_WORD) if text.endswith(": ") else encode(text)[1:]

    shown = VOCABULARY[FIRST_WORD].shown
    assert f'end in "a" "{shown}", and without it in "a" ":"' in trailing(VOCABULARY, joining, "a: ")


def test_a_tokenizer_that_drops_the_blank_is_told_as_that() -> None:
    words = trailing(VOCABULARY, lambda text: encode(text.strip()), "a ")
    assert "the same without" in words


@pytest.mark.parametrize(("end", "told"), [(" ", True), ("\n ", True), ("\n", False), ("\t", False)])
def test_only_of_a_space_it_is_said_that_words_begin_with_one(end: str, told: bool) -> None:
    assert ("words begin with a blank" in said(f"Once{end}")) is told


def test_of_many_blanks_the_first_ones_are_shown() -> None:
    assert len(said("a" + " " * 10_000)) < 300
