"""Search finds what Python's own string methods and `re` find, and never for longer than it may."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import BOS, PIECES, SPECIAL, VOCABULARY, token_of
from token_explorer.core import search
from token_explorer.core.search import MODES, Mode, Query
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import InputError

# Words of a few letters in both cases, so that what is typed is often in some.
WORDS = ("", "ab", "AB", " ab", "abab", "aB s", "Abß", "bBSS", "ßé", "sÉ", "é\n3", "a\tx", "#1", "#12", "  x")
SMALL = Vocabulary(tuple(word.encode() for word in WORDS))
TEXTS = list(WORDS)
typed = st.one_of(st.text("abAB sSßéx#12\n", min_size=1, max_size=3), st.text(min_size=1, max_size=3))
in_text = typed.filter(lambda text: not re.fullmatch(r"#[0-9]+", text) and not set("␣↵") & set(text))


def found(text: str, mode: Mode = "text", vocabulary: Vocabulary = SMALL) -> list[int]:
    return np.flatnonzero(Query(text, mode).matches(vocabulary)).tolist()


def ids(*pieces: bytes) -> list[int]:
    """The ids of the fake vocabulary's tokens of these bytes."""
    return [PIECES.index(piece) for piece in pieces]


# What matches


@given(in_text)
def test_text_is_found_where_it_is_contained_whatever_its_case(text: str) -> None:
    shown = {
        TEXTS.index(""): "∅",
        **{id: each.replace("\t", "→") for id, each in enumerate(TEXTS) if "\t" in each},
    }
    expected = [
        id
        for id, each in enumerate(TEXTS)
        if text.casefold() in each.casefold() or text.casefold() in shown.get(id, "").casefold()
    ]
    assert found(text) == expected


@given(in_text)
def test_as_typed_is_found_where_it_is_contained_and_then_in_any_case_too(text: str) -> None:
    exact = found(text, "exact")
    assert {id for id, each in enumerate(TEXTS) if text in each} <= set(exact)
    assert all(text in TEXTS[id] or text in SMALL[id].shown for id in exact)
    assert set(exact) <= set(found(text))


@given(
    st.lists(
        st.sampled_from(["a", "b", "A", ".", "^", "$", "[ab]", "a*", "b+", "a?", "(a|b)", r"\s", "ß", "x"])
    )
)
def test_an_expression_finds_what_python_s_own_finds(parts: list[str]) -> None:
    expression = "".join(parts) or "a"
    assert found(expression, "regex") == [id for id, each in enumerate(TEXTS) if re.search(expression, each)]


@pytest.mark.parametrize("mode", ["text", "exact"])
def test_a_number_after_a_hash_is_an_id(mode: Mode) -> None:
    assert found("#3", mode) == found("#003", mode) == [3]
    assert Query("#3", mode).id == 3
    assert Query("#3", "regex").id is None
    assert Query("3", mode).id is None


@pytest.mark.parametrize("number", ["#999", f"#{10**17}", "#" + "9" * 5000, f"#1{'0' * 18}3"])
def test_an_id_that_no_token_has_matches_none(number: str) -> None:
    assert Query(number).id is not None
    assert found(number) == []


@pytest.mark.parametrize("text", ["#", "#x", "#1x", "# 1", "#-1", "#²", "#१"])
def test_a_hash_without_a_number_is_text(text: str) -> None:
    assert Query(text).id is None
    assert found("#") == [id for id, each in enumerate(TEXTS) if "#" in each]


def test_a_hash_and_a_number_that_are_text_are_found_by_an_expression() -> None:
    assert found("#12", "regex") == [TEXTS.index("#12")]


@pytest.mark.parametrize("mode", MODES)
def test_blanks_and_newlines_are_typed_as_the_screen_shows_them(mode: Mode) -> None:
    assert found("␣very", mode, VOCABULARY) == [token_of(" very")]
    assert found("↵↵", mode, VOCABULARY) == [token_of("\n\n")]


def test_bytes_that_are_no_whole_character_are_found_as_they_are_shown() -> None:
    assert found("‹e2›", vocabulary=VOCABULARY) == ids(b"\xe2")
    assert found("‹E2›", vocabulary=VOCABULARY) == ids(b"\xe2")
    assert found("^‹e2›$", "regex", VOCABULARY) == ids(b"\xe2")
    assert found("\ufffd", vocabulary=VOCABULARY) == []
    whole = Vocabulary((" \u2019".encode()[:3], "\ufffd".encode()))
    assert found(" ‹e2›‹80›", vocabulary=whole) == [0]
    assert found("\ufffd", vocabulary=whole) == [1]


def test_what_the_screen_shows_of_a_control_character_finds_it_and_so_does_the_character() -> None:
    escapes = [id for id, piece in enumerate(PIECES) if b"\x1b" in piece]
    assert len(escapes) > 1
    for text in ("␛", "\x1b"):
        assert found(text, vocabulary=VOCABULARY) == escapes
    assert found("␛[31m", vocabulary=VOCABULARY) == [token_of("\x1b[31mred")]
    assert found(r"\x1b", "regex", VOCABULARY) == escapes
    assert found("‹202e›", vocabulary=VOCABULARY) == [token_of("\u202eright")]


def test_special_tokens_are_found_by_their_names_and_empty_ones_as_they_are_shown() -> None:
    assert found(SPECIAL.decode(), vocabulary=VOCABULARY) == [BOS]
    assert found("∅") == found("^$", "regex") == [TEXTS.index("")]


def test_the_same_search_is_done_once_and_its_answer_can_not_be_spoilt() -> None:
    first = Query("a").matches(SMALL)
    assert Query("a").matches(SMALL) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = True
    assert Query("a", "exact").matches(SMALL) is not first


# Beginnings


@given(in_text, st.sampled_from(["text", "exact"]))
def test_beginnings_are_of_what_was_typed_and_of_the_same_after_a_blank(text: str, mode: Mode) -> None:
    known = search._texts(SMALL, False)
    fold = str.casefold if mode == "text" else str
    beginnings = Query(text, mode).beginnings(SMALL)
    assert [each for each, _ in beginnings] == [text, f" {text}"][: 1 if text.startswith(" ") else 2]
    for each, tokens in beginnings:
        expected = [
            fold(one).startswith(fold(each)) or fold(known.shown.get(id, "")).startswith(fold(each))
            for id, one in enumerate(known.each)
        ]
        assert tokens.tolist() == expected


def test_a_blank_that_is_typed_as_shown_begins_a_text_like_any_other() -> None:
    assert [text for text, _ in Query("␣ab").beginnings(SMALL)] == [" ab"]
    assert [text for text, _ in Query("ab").beginnings(SMALL)] == ["ab", " ab"]


def test_ids_and_expressions_begin_nothing() -> None:
    assert Query("#3").beginnings(SMALL) == Query("ab", "regex").beginnings(SMALL) == ()


# What is refused


def test_a_bad_expression_says_what_is_wrong_and_where_counted_from_one() -> None:
    with pytest.raises(InputError) as raised:
        Query("ab**", "regex")
    assert raised.value.title == "Bad regular expression"
    assert raised.value.message == "multiple repeat at position 4."
    assert raised.value.hint


@given(st.text("ab()[]{}*+?|\\^$-,1<>=!:P ␣", min_size=1, max_size=12))
def test_whatever_is_typed_is_searched_for_or_refused_in_words(text: str) -> None:
    for mode in ("text", "exact"):
        assert Query(text, mode).matches(SMALL).shape == (len(SMALL),)
    try:
        assert Query(text, "regex").matches(SMALL).shape == (len(SMALL),)
    except InputError as error:
        refused = error
    else:
        return
    assert refused.title.startswith(("Bad", "Search", "Regular"))
    assert refused.message


def test_what_no_expression_is_may_be_text() -> None:
    assert found("[/b]", vocabulary=VOCABULARY) == [token_of("[/b]")]
    assert found("(", "exact", VOCABULARY) == ids(b"(")


def test_nothing_can_not_be_searched_for() -> None:
    with pytest.raises(ValueError, match="nothing to search"):
        Query("")


@pytest.mark.parametrize("expression", ["(a|aa)+$", r"(a|a\B)+$", "(a|aa)+(?R)?$"])
def test_an_expression_that_would_take_for_ever_is_given_up(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "TOKEN_S", 0.02)
    long = Vocabulary((b"a" * 100 + b"!", b"a"))
    with pytest.raises(InputError, match="too slow"):
        Query(expression, "regex").matches(long)


def test_an_expression_that_is_slow_for_all_tokens_together_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "BUDGET_S", -1.0)
    with pytest.raises(InputError, match="too slow"):
        Query("a+b", "regex").matches(Vocabulary((b"a",) * 10))


@pytest.mark.parametrize(
    "expression",
    [
        "a{1000000000}",
        "(a{1000}){1000}",
        "(?:" * 40 + "a" + ")+" * 40,
        "(?x)( a ) { 20000 }",
        "a" * 1001,
        "(" * 900,
    ],
)
def test_an_expression_that_would_take_for_ever_to_compile_is_refused(expression: str) -> None:
    with pytest.raises(InputError, match=r"too large|missing \)"):
        Query(expression, "regex")


@pytest.mark.parametrize(
    "expression", ["[0-9]{1,3}", r"^\p{Lu}+\s?$", "(?:a{20}){20}", "^.{12,}$", "a{2}b{3}c{4}"]
)
def test_an_expression_that_someone_would_type_is_not(expression: str) -> None:
    Query(expression, "regex").matches(SMALL)
