"""The bytes of every token of tokenizers of each kind, and text that survives them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers.models import BPE, Unigram, WordLevel, WordPiece
from transformers import PreTrainedTokenizerFast

from tests.engine.random_models import VOCABULARY, byte_tokenizer
from token_explorer.core.tokens import Vocabulary
from token_explorer.engine.models import Source, load_tokenizer
from token_explorer.engine.vocabulary import encode, read_vocabulary
from token_explorer.errors import InputError

CORPUS = ["the cat sat on the mat, the dog ate 12 figs", "naïve café — 東京 👋🏽", "  two\n\nlines\t"] * 4
SPECIALS = ["<unk>", "<s>", "</s>"]
BYTE_NAMES = [f"<0x{byte:02X}>" for byte in range(256)]

# Unicode as it is: no lone surrogates, which are no text.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# The same but for the mark that SentencePiece reads as a blank, and with runs of blanks and known words.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁")) | st.text(" theat\n")
ROUNDS = settings(suppress_health_check=[HealthCheck.too_slow])


def wrap(backend: Tokenizer, bos: bool = False) -> PreTrainedTokenizerFast:
    """A backend as transformers' tokenizer, which puts a BOS before a text if wanted."""
    if bos:
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", backend.token_to_id("<s>"))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


@cache
def like_gpt2() -> PreTrainedTokenizerFast:
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, special_tokens=SPECIALS)
    backend.train_from_iterator(CORPUS, trainer)
    backend.add_tokens([AddedToken("<think>", normalized=False), AddedToken("¿é?", normalized=False)])
    return wrap(backend)


@cache
def like_llama() -> PreTrainedTokenizerFast:
    """SentencePiece as Llama 2 has it: a blank before the text, and bytes for what it doesn't know."""
    pieces = [*SPECIALS, *BYTE_NAMES, "▁", "▁t", "h", "e", "a", "t", "▁th", "▁the", "é", "at", "▁▁"]
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("a", "t"), ("▁", "▁")]
    model = BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges, byte_fallback=True)
    backend = Tokenizer(model)
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return wrap(backend, bos=True)


@cache
def like_gemma() -> PreTrainedTokenizerFast:
    """SentencePiece without a blank before the text, and with blanks among the added tokens."""
    pieces = [*SPECIALS, *BYTE_NAMES, "▁", "h", "e", "a", "t", "he", "▁▁"]
    model = BPE(
        vocab={piece: i for i, piece in enumerate(pieces)},
        merges=[("h", "e"), ("▁", "▁")],
        byte_fallback=True,
    )
    backend = Tokenizer(model)
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    backend.add_tokens([AddedToken("▁▁", normalized=False)])
    return wrap(backend, bos=True)


@cache
def like_unigram() -> PreTrainedTokenizerFast:
    """A Unigram with Metaspace, as T5 and XLNet have it, with bytes to fall back on."""
    pieces = [(name, 0.0) for name in SPECIALS] + [(name, -20.0) for name in BYTE_NAMES]
    words = [("▁", -3.0), ("▁the", -2.0), ("▁cat", -2.5), ("t", -4.0), ("h", -4.0), ("e", -4.0), ("at", -3.5)]
    backend = Tokenizer(Unigram([*pieces, *words], unk_id=0, byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return wrap(backend)


@cache
def like_words() -> PreTrainedTokenizerFast:
    """Whole words, with no decoder: transformers puts blanks between them."""
    names = [*SPECIALS, "the", "cat", "sat", "12"]
    backend = Tokenizer(WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend)


@cache
def like_bert() -> PreTrainedTokenizerFast:
    names = [*SPECIALS, "the", "cat", "##s", "##at", "s"]
    backend = Tokenizer(WordPiece({name: i for i, name in enumerate(names)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.decoder = decoders.WordPiece()
    return wrap(backend)


LOSSLESS = [like_gpt2, byte_tokenizer, like_gemma]
BLANK_FIRST = [like_llama, like_unigram]
KINDS = [*LOSSLESS, *BLANK_FIRST, like_words, like_bert]


@pytest.mark.parametrize("kind", LOSSLESS)
@ROUNDS
@given(text=TEXT)
def test_text_survives(kind: Callable[[], Any], text: str) -> None:
    tokenizer, vocabulary = kind(), vocabulary_of(kind)
    ids = encode(tokenizer, vocabulary, text)
    assert vocabulary.text(ids) == (text or start_text(vocabulary))


@pytest.mark.parametrize("kind", BLANK_FIRST)
@ROUNDS
@given(text=TEXT)
def test_text_survives_a_tokenizer_that_puts_a_blank_before_it(kind: Callable[[], Any], text: str) -> None:
    text = text.lstrip(" ")  # some add no blank where there is one: that is lost before the ids are
    tokenizer, vocabulary = kind(), vocabulary_of(kind)
    ids = encode(tokenizer, vocabulary, text)
    assert vocabulary.eats_first_blank
    assert vocabulary.text(ids) == (text or start_text(vocabulary))


@pytest.mark.parametrize("kind", [like_words, like_bert])
@given(words=st.lists(st.sampled_from(["the", "cat", "cats"]), min_size=1))
def test_words_get_the_blanks_that_stood_between_them(kind: Callable[[], Any], words: list[str]) -> None:
    known = [word for word in words if kind is like_bert or word != "cats"] or ["the"]
    ids = encode(kind(), vocabulary_of(kind), " ".join(known))
    assert vocabulary_of(kind).text(ids) == " ".join(known)


@given(text=ANY_TEXT)
def test_text_survives_the_embedded_tokenizer(embedded: tuple[Any, Vocabulary], text: str) -> None:
    tokenizer, vocabulary = embedded
    # It was trained without tokens for a few bytes that no text holds, and drops what needs them.
    known = {piece[0] for piece in vocabulary.pieces if len(piece) == 1}
    text = "".join(char for char in text if known.issuperset(char.encode()))
    ids = encode(tokenizer, vocabulary, text)
    assert vocabulary.text(ids) == (text or "<|im_start|>")


@pytest.fixture(scope="module")
def embedded(embedded_folder: Any) -> tuple[Any, Vocabulary]:
    tokenizer = load_tokenizer(Source("embedded", str(embedded_folder)))
    return tokenizer, read_vocabulary(tokenizer)


def test_the_embedded_vocabulary_has_all_bytes_of_text_but_six_controls_and_two_of_rare_planes(
    embedded: tuple[Any, Vocabulary],
) -> None:
    _, vocabulary = embedded
    known = {piece[0] for piece in vocabulary.pieces if len(piece) == 1}
    of_text = {*range(0x80), *range(0x80, 0xC0), *range(0xC2, 0xF5)}
    assert of_text - known == {0x04, 0x06, 0x13, 0x14, 0x16, 0x1D, 0xF1, 0xF2}


def test_every_token_of_the_embedded_vocabulary_has_the_bytes_that_are_decoded(
    embedded: tuple[Any, Vocabulary],
) -> None:
    tokenizer, vocabulary = embedded
    decoded = tokenizer.batch_decode([[token] for token in range(len(vocabulary))])
    assert len(decoded) == 49152
    wrong = [
        (token, piece, text)
        for token, (piece, text) in enumerate(zip(vocabulary.pieces, decoded, strict=True))
        if piece.decode("utf-8", errors="replace") != text
    ]
    assert wrong == []


@given(ids=st.lists(st.integers(0, 49151)))
def test_tokens_of_the_embedded_vocabulary_join_as_they_are_decoded(
    embedded: tuple[Any, Vocabulary], ids: list[int]
) -> None:
    tokenizer, vocabulary = embedded
    assert vocabulary.text(ids) == tokenizer.decode(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_a_piece_for_each_id_and_each_special_token_is_its_name(kind: Callable[[], Any]) -> None:
    tokenizer, vocabulary = kind(), vocabulary_of(kind)
    assert len(vocabulary) == len(tokenizer)
    for token in tokenizer.all_special_ids:
        assert vocabulary[token].special
        assert vocabulary[token].bytes.decode() == tokenizer.convert_ids_to_tokens(token)
    assert vocabulary.special == {*tokenizer.all_special_ids}


@pytest.mark.parametrize("kind", [like_llama, like_gemma, like_unigram])
def test_names_of_bytes_are_those_bytes(kind: Callable[[], Any]) -> None:
    tokenizer, vocabulary = kind(), vocabulary_of(kind)
    for byte in range(256):
        assert vocabulary.pieces[tokenizer.convert_tokens_to_ids(f"<0x{byte:02X}>")] == bytes([byte])


def test_added_tokens_of_a_byte_alphabet_are_what_they_say() -> None:
    vocabulary, tokenizer = vocabulary_of(like_gpt2), like_gpt2()
    added = tokenizer.convert_tokens_to_ids("¿é?")
    assert vocabulary[added].bytes == "¿é?".encode()
    assert not vocabulary[added].special


def test_rows_of_the_model_that_have_no_token_stand_for_no_bytes() -> None:
    tokenizer = byte_tokenizer()
    vocabulary = read_vocabulary(tokenizer, VOCABULARY)
    assert len(vocabulary) == VOCABULARY == len(tokenizer) + 1
    assert vocabulary.pieces[-1] == b""
    assert vocabulary[VOCABULARY - 1].shown == "∅"


# --- how texts begin and end ---


@pytest.mark.parametrize("kind", [like_llama, like_gemma])
def test_the_bos_that_the_tokenizer_adds_is_found_and_added_once(kind: Callable[[], Any]) -> None:
    tokenizer, vocabulary = kind(), vocabulary_of(kind)
    bos = tokenizer.bos_token_id
    assert vocabulary.bos == vocabulary.start == bos
    for text in ("the", "", "<s>the"):
        ids = encode(tokenizer, vocabulary, text)
        assert (ids[0], ids.count(bos)) == (bos, 1)
    assert encode(tokenizer, vocabulary, "<s><s>the").count(bos) == 2  # as the user wrote it


def test_a_bos_that_the_tokenizer_has_and_does_not_add_begins_only_the_empty_text() -> None:
    tokenizer, vocabulary = like_gpt2(), vocabulary_of(like_gpt2)
    assert vocabulary.bos is None
    assert tokenizer.bos_token_id not in encode(tokenizer, vocabulary, "the")
    assert encode(tokenizer, vocabulary, "") == (tokenizer.bos_token_id,)


def test_what_a_tokenizer_puts_after_a_text_is_left_out() -> None:
    backend = Tokenizer.from_str(like_gpt2().backend_tokenizer.to_str())
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer = wrap(backend)
    ids = encode(tokenizer, read_vocabulary(tokenizer), "the cat")
    assert ids == tuple(tokenizer.encode("the cat"))[:-1]
    assert ids[0] == 1


def test_without_a_bos_an_empty_text_begins_with_the_end_of_text() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=like_gpt2().backend_tokenizer, eos_token="</s>")
    assert encode(tokenizer, read_vocabulary(tokenizer), "") == (2,)


def test_an_empty_text_with_nothing_to_begin_with_is_an_error() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=like_gpt2().backend_tokenizer)
    vocabulary = read_vocabulary(tokenizer)
    assert vocabulary.start is None
    with pytest.raises(InputError, match="no token to start from"):
        encode(tokenizer, vocabulary, "")


def test_ends_are_the_tokenizers_and_the_models() -> None:
    assert read_vocabulary(like_gpt2()).ends == {2}
    assert read_vocabulary(like_gpt2(), ends=[7, 10**6]).ends == {2, 7}


def test_a_token_that_the_model_does_not_have_is_an_error() -> None:
    tokenizer = byte_tokenizer()
    with pytest.raises(InputError, match="the model has 100"):
        encode(tokenizer, read_vocabulary(tokenizer, 100), "\x7f\xff")


def test_half_a_surrogate_pair_is_an_error() -> None:
    with pytest.raises(InputError, match="character 1"):
        encode(like_gpt2(), vocabulary_of(like_gpt2), "a\ud800")


def test_a_tokenizer_that_cuts_long_texts_is_not_obeyed() -> None:
    backend = Tokenizer.from_str(like_gpt2().backend_tokenizer.to_str())
    backend.enable_truncation(4)
    tokenizer = wrap(backend)
    text = "the cat sat on the mat" * 20
    vocabulary = read_vocabulary(tokenizer)
    assert vocabulary.text(encode(tokenizer, vocabulary, text)) == text


@cache
def vocabulary_of(kind: Callable[[], Any]) -> Vocabulary:
    return read_vocabulary(kind())


def start_text(vocabulary: Vocabulary) -> str:
    """What the prompt that an empty text gives is read as: its start, unless that is a BOS."""
    return replace(vocabulary, eats_first_blank=False).text([token for token in [vocabulary.start] if token])
