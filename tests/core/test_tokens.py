import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from token_explorer.core.tokens import (
    BLANK,
    EMPTY,
    NEWLINE,
    TokenIds,
    Vocabulary,
    common_length,
    display,
    show,
    visible_blanks,
)

OBEYED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# What the display itself adds: bytes and code points spelled out, a base for a lone accent.
ADDED = re.compile(r"‹[0-9a-f]+›|◌")
BOS = 256

any_text = st.text(st.characters(codec="utf-8", exclude_characters="‹›◌∅"))
plain_text = st.text("aZ0 é日本語😀\n\t[]\\\x1b\x00")


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """Bytes cut into pieces, none of them empty."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


def join(pieces: list[bytes]) -> str:
    return "".join("".join(lines) for lines in show(pieces))


def assert_harmless(shown: str) -> None:
    assert not {unicodedata.category(char) for char in shown} & OBEYED
    assert {char for char in shown if unicodedata.category(char) == "Zs"} <= {" "}


# One character


@given(st.text())
@example("\x1b[2J")
@example("\u202e")
@example("\ud800")
@example("[/b]")
def test_nothing_shown_is_obeyed_by_a_terminal(text: str) -> None:
    assert_harmless(display(text))


@given(st.text())
@example("\u0301")
@example("\u200d")
@example("\u1160")
@example("\U0001f3fd")
def test_everything_shown_takes_at_least_one_cell(text: str) -> None:
    assert cell_len(display(text)) >= 1


def test_every_character_in_use_is_visible_and_harmless() -> None:
    # The planes of letters and signs, but for the ideographs and the Hangul syllables.
    for code in (*range(0x3400), *range(0xD7A0, 0x11000), *range(0x1F000, 0x1FB00), *range(0xE0000, 0xE0200)):
        shown = display(chr(code))
        assert_harmless(shown)
        assert cell_len(shown) >= 1, hex(code)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", EMPTY),
        (" a b", " a b"),
        ("\n", "↵"),
        ("\t", "→"),
        ("\0", "␀"),
        ("\x1b[31m", "␛[31m"),
        ("\x7f", "␡"),
        ("\xa0", "⍽"),
        ("\u200b", "‹200b›"),
        ("\u202e", "‹202e›"),
        ("\ufeff", "‹feff›"),
        ("\u0301", "◌\u0301"),
        ("e\u0301", "e\u0301"),
        ("👍🏽", "👍"),
        ("🏽", "‹1f3fd›"),
        ("\u3164", "‹3164›"),
        ("\u2800", "‹2800›"),
        ("[/b]", "[/b]"),
        ("\\", "\\"),
    ],
)
def test_a_text_is_shown_so(text: str, shown: str) -> None:
    assert display(text) == shown


def test_blanks_can_be_made_visible() -> None:
    assert visible_blanks(display(" a ")) == f"{BLANK}a{BLANK}"


# Split characters


@given(any_text, st.lists(st.integers(0, 200), max_size=12))
def test_however_a_text_is_split_the_same_characters_are_shown(text: str, cuts: list[int]) -> None:
    data = text.encode()
    whole = join([data]) if data else ""
    assert ADDED.sub("", join(split(data, cuts))) == ADDED.sub("", whole)


@given(plain_text, st.lists(st.integers(0, 60), max_size=12))
def test_a_text_split_between_characters_is_shown_as_the_whole(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b].encode() for a, b in pairwise(places)]
    assert join(pieces) == (display(text) if text else "")


@given(st.lists(st.binary(max_size=6), max_size=12))
@example([b"\xf0\x9f", b"\n", b"\x98\x80"])
@example([b"\xe2", b"", b"\x82\xac"])
@example([b"\xed\xa0\x80"])
def test_any_bytes_are_shown_token_by_token_and_harmless(pieces: list[bytes]) -> None:
    shown = show(pieces)
    assert len(shown) == len(pieces)
    for lines in shown:
        assert_harmless("".join(lines))
        assert cell_len("".join(lines)) >= 1


@given(st.lists(st.binary(max_size=6) | plain_text.map(str.encode), max_size=8))
def test_a_token_is_cut_after_each_newline_and_nowhere_else(pieces: list[bytes]) -> None:
    for piece, (*ended, last) in zip(pieces, show(pieces), strict=True):
        assert len(ended) == piece.count(b"\n")
        assert all(line.endswith(NEWLINE) and line.count(NEWLINE) == 1 for line in ended)
        assert NEWLINE not in last


def test_a_split_character_is_shown_by_the_token_that_completes_it() -> None:
    assert show([b"\xf0\x9f", b"\x98", b"\x80!"]) == [("‹f0›‹9f›",), ("‹98›",), ("😀!",)]


def test_a_character_that_is_never_completed_stays_spelled_out() -> None:
    assert show([b"\xf0\x9f", b"a", b"\xff"]) == [("‹f0›‹9f›",), ("a",), ("‹ff›",)]


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=8), st.integers(0, 8))
def test_what_comes_later_changes_nothing_before_it(pieces: list[bytes], count: int) -> None:
    assert show(pieces[:count]) == show(pieces)[:count]


parts_of_characters = st.sampled_from([b"", b"\xf0", b"\x9f", b"\x98", b"\x80", b"\xe2\x80", b"\x99s"])


@given(st.lists(parts_of_characters | st.binary(max_size=4) | plain_text.map(str.encode)), st.data())
def test_from_any_token_on_they_are_shown_as_in_the_whole(pieces: list[bytes], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(pieces)))
    assert Vocabulary(tuple(pieces)).show(range(len(pieces)), first) == show(pieces)[first:]


# Vocabulary


def vocabulary(bos: int | None = None, eats_first_blank: bool = False) -> Vocabulary:
    """A token for each byte, and a BOS."""
    pieces = (*(bytes([value]) for value in range(256)), b"<s>")
    return Vocabulary(pieces, frozenset({BOS}), bos=bos, eats_first_blank=eats_first_blank)


def encode(text: str, bos: int | None, eats_first_blank: bool) -> tuple[int, ...]:
    """As a tokenizer does it: a BOS before, and a blank where it adds one."""
    data = (" " + text if eats_first_blank else text).encode()
    return (*(() if bos is None else (bos,)), *data)


@pytest.mark.parametrize("bos", [None, BOS])
@pytest.mark.parametrize("eats_first_blank", [False, True])
@given(text=st.text(st.characters(codec="utf-8")))
@example(text="  two blanks")
@example(text="")
def test_a_text_comes_back_from_its_ids(text: str, bos: int | None, eats_first_blank: bool) -> None:
    tokens = vocabulary(bos, eats_first_blank)
    assert tokens.text(encode(text, bos, eats_first_blank)) == text


def test_only_the_first_bos_is_no_text() -> None:
    assert vocabulary(BOS).text((BOS, BOS, ord("a"), BOS)) == "<s>a<s>"


def test_a_special_token_that_the_tokenizer_did_not_add_is_text() -> None:
    assert vocabulary(bos=None).text((BOS, ord("a"))) == "<s>a"


def test_bytes_that_are_no_character_become_replacement_characters_in_text() -> None:
    assert vocabulary().text((0xF0, ord("a"))) == "\ufffda"


def test_no_ids_are_no_text() -> None:
    assert vocabulary(BOS, eats_first_blank=True).text(()) == ""


def test_a_token_knows_its_bytes_and_whether_it_is_special() -> None:
    tokens = vocabulary()
    assert len(tokens) == 257
    assert (tokens[BOS].bytes, tokens[BOS].special) == (b"<s>", True)
    assert (tokens[32].special, tokens[32].shown) == (False, BLANK)


def test_every_token_of_a_vocabulary_is_shown_alone_as_something() -> None:
    tokens = vocabulary()
    shown = [tokens[token].shown for token in range(len(tokens))]
    assert len(set(shown)) == len(shown)
    assert all(cell_len(each) >= 1 for each in shown)


@given(st.lists(st.sampled_from([b" ", b"\t\n", b"\r", b"\xe3\x80\x80", b" a", b"", b"\xe3\x80", b"\xff "])))
def test_blanks_are_the_tokens_that_are_whitespace_alone_and_stand_for_text(pieces: list[bytes]) -> None:
    tokens = Vocabulary((*pieces, b" ", b"\xc2\xa0"), special=frozenset({len(pieces)}))
    alone = {b" ", b"\t\n", b"\r", "\u3000".encode()}
    ids = [id for id, piece in enumerate(pieces) if piece in alone]
    assert tokens.blanks == (*ids, len(pieces) + 1)
    assert tokens == Vocabulary(tokens.pieces, tokens.special)


few_ids = st.lists(st.integers(0, 2), max_size=12).map(tuple)


@given(few_ids, few_ids)
def test_the_common_length_is_what_comparing_one_by_one_finds(one: TokenIds, other: TokenIds) -> None:
    pairs = enumerate(zip(one, other, strict=False))
    expected = next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
    assert common_length(one, other) == expected


@given(st.lists(st.sampled_from([b" a", b"b", b" ", b"c"]), min_size=1, max_size=12), st.data())
def test_the_next_word_is_the_nearest_beginning_on_that_side_or_an_end(
    pieces: list[bytes], data: st.DataObject
) -> None:
    vocabulary, ids = Vocabulary(tuple(pieces)), tuple(range(len(pieces)))
    place = data.draw(st.integers(0, len(pieces)))
    begins = [each for each in ids if vocabulary.starts_word(ids, each)]
    before = max((each for each in begins if each < place), default=0)
    after = min((each for each in begins if each > place), default=len(ids))
    assert vocabulary.next_word(ids, place, -1) == before
    assert vocabulary.next_word(ids, place, 1) == after
