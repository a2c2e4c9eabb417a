"""The data and its words: sizes, ids, and texts that come back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.errors import InputError
from token_explorer.tiny.data import DEMO_WORDS, Corpus, corpus
from token_explorer.tiny.words import SPACE, UNKNOWN, cut, make_tokenizer, vocabulary

DEMO = make_tokenizer(corpus("demo"), 32, 8)
EVERY = make_tokenizer(corpus("verse"), 100_000, 8)


def ids(text: str) -> list[int]:
    return list(DEMO.encode(text))


def test_the_demo_has_3200_characters_and_32_words() -> None:
    demo = corpus("demo")
    assert len(demo.text) == 3200
    assert set(cut(demo.text)) == set(DEMO_WORDS)
    assert len(DEMO) == len(set(DEMO_WORDS)) == 32
    assert list(DEMO_WORDS[4:]) == sorted(DEMO_WORDS[4:])


def test_the_words_have_the_numbers_by_which_exercises_know_them() -> None:
    assert ids("hello world ") == [10, 0, 31, 0]
    assert ids("machine learning is fun ") == [17, 0, 15, 0, 13, 0, 7, 0]
    assert ids("to be or not ") == [28, 0, 5, 0, 23, 0, 21, 0]
    assert ids("artificial intelligence rocks machine") == [4, 0, 12, 0, 26, 0, 17]
    assert ids(" gpt by hand project") == [0, 8, 0, 6, 0, 9, 0, 25]


@given(st.lists(st.sampled_from(DEMO_WORDS)).map("".join))
def test_a_text_of_known_words_comes_back(text: str) -> None:
    if set(cut(text)) <= set(DEMO_WORDS):
        assert DEMO.decode(ids(text)) == text
    assert "".join(cut(text)) == text


@given(st.text())
def test_cutting_loses_nothing_of_any_text(text: str) -> None:
    assert "".join(cut(text)) == text


def test_the_verse_comes_back_whole() -> None:
    verse = corpus("verse").text
    assert EVERY.decode(EVERY.encode(verse)) == verse
    assert len(verse.strip().split("\n\n")) == 5
    assert {len(sonnet.splitlines()) for sonnet in verse.strip().split("\n\n")} == {14}


def test_where_there_are_more_words_than_room_the_rarest_are_unknown() -> None:
    verse = corpus("verse")
    words = vocabulary(verse, 32)
    assert len(words) == 32
    assert (words[0], words[-1]) == (SPACE, UNKNOWN)
    assert list(words[1:-1]) == sorted(words[1:-1])
    tokenizer = make_tokenizer(verse, 32, 8)
    assert tokenizer.encode("zebra") == [31]


def test_words_that_all_fit_need_no_token_for_others() -> None:
    assert vocabulary(Corpus("some", "b a, b"), 32) == (" ", ",", "a", "b")
    assert vocabulary(Corpus("some", "b a, b"), 4) == (" ", ",", "a", "b")
    assert vocabulary(Corpus("some", "b a, b"), 3) == (" ", "b", UNKNOWN)


def test_a_files_text_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text("some words\n", encoding="utf-8")
    assert corpus(str(file)) == Corpus(str(file), "some words\n")


@pytest.mark.parametrize(
    ("name", "said"), [("demmo", "Did you mean demo?"), ("nothing.txt", "Data sets are demo and verse.")]
)
def test_data_that_there_is_none_of_is_told_with_what_there_is(name: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        corpus(name)
    assert said in caught.value.hint


def test_an_empty_file_is_nothing_to_learn_from(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text(" \n", encoding="utf-8")
    with pytest.raises(InputError, match="is empty"):
        corpus(str(file))
