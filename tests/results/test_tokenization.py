"""How texts are cut: every byte accounted for, and what doesn't join back is told where."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import BOS, HOSTILE, PIECES, VOCABULARY, encode
from token_explorer.core.tokens import Vocabulary
from token_explorer.results import document
from token_explorer.results.tokenization import Tokenized, tokenize

texts = st.text() | st.lists(st.sampled_from(HOSTILE)).map("".join)


def cut(text: str, of: str | None = None) -> Tokenized:
    """A text, and the tokens of it or of another one."""
    return tokenize(VOCABULARY, encode(text if of is None else of), text, "fake-model")


def last(tokenized: Tokenized) -> str:
    """The verdict."""
    return list(tokenized.text())[-1].plain


@given(texts)
def test_the_tokens_of_a_document_hold_every_byte_of_the_text(text: str) -> None:
    made = cut(text).document()
    assert b"".join(bytes(each["bytes"]) for each in made["tokens"][1:]) == text.encode()
    assert [each["id"] for each in made["tokens"]] == made["ids"]
    assert made["joins_back"] is True
    assert "join back to the text." in last(cut(text))


@given(texts)
def test_no_token_reaches_a_terminal_as_it_is(text: str) -> None:
    for tokenized in (cut(text), cut(text, "another")):
        lines = "".join(line.plain for line in tokenized.text())
        assert not {unicodedata.category(char) for char in lines} & {"Cc", "Cf", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "pieces", "place", "there", "here"),
    [
        ("Café now", "Cafe now", "byte 4 (character 4)", "“é␣now”", "“e␣now”"),
        ("日本", "日曜", "byte 5 (character 2)", "“本”", "“曜”"),
        ("é", "è", "byte 2 (character 1)", "“é”", "“è”"),
        ("whole", "who", "byte 4 (character 4)", "“le”", "nothing more"),
        ("who", "whole", "byte 4 (character 4)", "nothing more", "“le”"),
        ("\x1b[31m", " [31m", "byte 1 (character 1)", "“␛[31m”", "“␣[31m”"),
    ],
)
def test_pieces_that_make_another_text_are_told_with_the_place(
    text: str, pieces: str, place: str, there: str, here: str
) -> None:
    tokenized = cut(text, pieces)
    assert tokenized.document()["joins_back"] is False
    assert place in last(tokenized)
    assert f"the text has {there}, and the pieces have {here}." in last(tokenized)


@pytest.mark.parametrize("bos", [BOS, None])
def test_the_token_that_an_empty_text_starts_with_is_no_text(bos: int | None) -> None:
    vocabulary = Vocabulary(PIECES, frozenset({BOS}), bos=bos, start=BOS)
    tokenized = tokenize(vocabulary, (BOS,), "", "fake-model")
    assert tokenized.joins_back
    assert not tokenize(vocabulary, (BOS, *encode("x")[1:]), "", "fake-model").joins_back


def test_a_blank_that_the_tokenizer_adds_itself_is_no_difference() -> None:
    vocabulary = Vocabulary(PIECES, eats_first_blank=True)
    ids = encode(" the girl")[1:]
    assert tokenize(vocabulary, ids, "the girl", "fake-model").joins_back
    assert not tokenize(vocabulary, ids, " the girl", "fake-model").joins_back


def test_each_row_has_the_piece_with_its_blanks_its_id_and_its_bytes() -> None:
    lines = [line.plain.split() for line in cut(" the\n").text()]
    assert lines[1][-1] == "special"
    assert lines[2] == ["2", "␣the", str(encode(" the")[1]), "20", "74", "68", "65"]
    assert lines[3] == ["3", "↵", "10", "0a"]


def test_tokens_and_bytes_are_counted() -> None:
    assert any("3 tokens for 5 bytes of text" in line.plain for line in cut(" the\n").text())


def test_the_document_has_its_keys_in_their_order_and_is_json() -> None:
    made = cut("".join(HOSTILE)).document()
    assert list(made) == ["schema", "model", "ids", "tokens", "joins_back"]
    written = document.dumps(made)
    assert written.isascii()
    assert json.loads(written) == made
