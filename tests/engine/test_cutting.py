"""Texts are cut as their tokenizer cuts them, and what is appended has the bytes that were typed."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.engine.random_models import byte_tokenizer, save_random
from tests.engine.test_vocabulary import (
    KINDS,
    TEXT,
    like_gemma,
    like_gpt2,
    like_llama,
    like_unigram,
    like_words,
    vocabulary_of,
    wrap,
)
from token_explorer.core.cuts import Chat, Encoding, Recut
from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.cutting import Cutter
from token_explorer.engine.local import LocalEngine
from token_explorer.engine.vocabulary import encode, read_vocabulary
from token_explorer.errors import ContextTooLong, FacetUnavailable, InputError

# As Zephyr has it: every turn ends with a special token.
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ bos_token + messages[0]['content'] }}"
)


def cutter_of(kind: Callable[[], Any], context: int = 0) -> Cutter:
    return Cutter(kind(), vocabulary_of(kind), context)


def cut(kind: Callable[[], Any], facet: Facet[Any], ids: TokenIds = ()) -> TokenIds:
    found: TokenIds = cutter_of(kind).observe(ids, facet).tokens
    return found


def bytes_of(kind: Callable[[], Any], ids: TokenIds) -> bytes:
    return b"".join(vocabulary_of(kind).pieces[token] for token in ids)


@cache
def chatty(kind: Callable[[], Any], template: Any) -> Any:
    tokenizer = wrap(Tokenizer.from_str(kind().backend_tokenizer.to_str()))
    tokenizer.chat_template = template
    return tokenizer


def chat_of(tokenizer: Any, facet: Chat) -> TokenIds:
    found: TokenIds = Cutter(tokenizer, read_vocabulary(tokenizer), 0).observe((), facet).tokens
    return found


# --- a text as a prompt, or behind one ---


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXT)
def test_a_whole_text_is_cut_as_a_prompt_is(kind: Callable[[], Any], text: str) -> None:
    expected = encode(kind(), vocabulary_of(kind), text)
    assert cut(kind, Encoding(text, whole=True)) == cutter_of(kind).encode(text) == expected


@pytest.mark.parametrize("kind", [like_gpt2, byte_tokenizer, like_gemma, like_llama, like_unigram])
@given(text=TEXT)
def test_what_is_appended_has_the_bytes_of_the_text_and_nothing_before_it(
    kind: Callable[[], Any], text: str
) -> None:
    ids = cut(kind, Encoding(text, whole=False))
    assert bytes_of(kind, ids) == text.encode()
    assert vocabulary_of(kind).bos not in ids


def test_a_tokenizer_that_adds_a_blank_adds_none_behind_a_prompt() -> None:
    token = like_llama().convert_tokens_to_ids
    assert cut(like_llama, Encoding(" the", whole=False)) == (token("▁the"),)
    assert cut(like_llama, Encoding("at", whole=False)) == (token("at"),)
    assert cut(like_llama, Encoding("at", whole=True)) == (token("<s>"), token("▁"), token("at"))


def test_words_that_always_have_a_blank_are_appended_with_it() -> None:
    token = like_words().convert_tokens_to_ids
    assert cut(like_words, Encoding("the cat", whole=False)) == (token("the"), token("cat"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_text_appends_nothing(kind: Callable[[], Any]) -> None:
    assert cut(kind, Encoding("", whole=False)) == ()


def test_special_tokens_in_a_text_are_those_tokens() -> None:
    assert cut(like_gpt2, Encoding("</s>", whole=False)) == (like_gpt2().eos_token_id,)


@pytest.mark.parametrize("facet", [Encoding("a\ud800", True), Encoding("a\ud800", False)])
def test_half_a_surrogate_pair_is_an_error(facet: Encoding) -> None:
    with pytest.raises(InputError, match="character 1"):
        cut(like_gpt2, facet)


@pytest.mark.parametrize("whole", [True, False])
def test_a_text_longer_than_the_context_is_an_error(whole: bool) -> None:
    cutter = cutter_of(byte_tokenizer, context=4)
    assert len(cutter.observe((), Encoding("abcd", whole)).tokens) == 4
    with pytest.raises(ContextTooLong, match="5 tokens"):
        cutter.observe((), Encoding("abcde", whole))


# --- a prompt's own text ---


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXT)
def test_a_prompt_that_was_encoded_is_cut_the_same_again(kind: Callable[[], Any], text: str) -> None:
    ids = encode(kind(), vocabulary_of(kind), text)
    assert cut(kind, Recut(), ids) == ids


@pytest.mark.parametrize("text", ["<s>the", "<s><s>the", "the</s>the", "<s> the</s>\n<s>at", "</s> the", ""])
@pytest.mark.parametrize("kind", [like_gpt2, like_llama, like_gemma])
def test_special_tokens_and_the_blanks_that_a_tokenizer_adds_behind_them_are_no_difference(
    kind: Callable[[], Any], text: str
) -> None:
    ids = encode(kind(), vocabulary_of(kind), text)
    assert cut(kind, Recut(), ids) == ids


def test_a_prompt_cut_otherwise_than_its_tokenizer_cuts_it_is_told_by_other_ids() -> None:
    token = like_llama().convert_tokens_to_ids
    odd = tuple(map(token, ("<s>", "▁", "t", "h", "e")))
    assert cut(like_llama, Recut(), odd) == (token("<s>"), token("▁the"))
    joined = encode(like_gpt2(), vocabulary_of(like_gpt2), "the cat")
    single = tuple(t for char in "the cat" for t in cut(like_gpt2, Encoding(char, whole=False)))
    assert single != joined
    assert cut(like_gpt2, Recut(), single) == joined


def test_a_prompt_that_lost_its_start_is_told_by_it() -> None:
    ids = encode(like_gemma(), vocabulary_of(like_gemma), "heat")
    assert cut(like_gemma, Recut(), ids[1:]) == ids


def test_bytes_that_are_no_text_can_not_be_cut() -> None:
    ids = encode(byte_tokenizer(), read_vocabulary(byte_tokenizer()), "aé")
    with pytest.raises(FacetUnavailable, match="unexpected end of data at byte 2"):
        cut(byte_tokenizer, Recut(), ids[:-1])


# --- a chat ---


@pytest.mark.parametrize("system", ["", "Be brief."])
@pytest.mark.parametrize("kind", [like_gpt2, like_llama, like_gemma])
def test_a_chat_is_the_template_of_the_model(kind: Callable[[], Any], system: str) -> None:
    tokenizer = chatty(kind, TEMPLATE)
    turns = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": "the cat?"}]
    expected = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    ids = chat_of(tokenizer, Chat(system, "the cat?", ""))
    assert ids == tuple(expected)
    assert ids.count(tokenizer.eos_token_id) == len(turns)


@pytest.mark.parametrize("prefill", ["the", " the cat", "\n1"])
@pytest.mark.parametrize("kind", [like_gpt2, like_llama, like_gemma])
def test_an_answer_that_is_begun_follows_the_template_with_its_own_bytes(
    kind: Callable[[], Any], prefill: str
) -> None:
    tokenizer = chatty(kind, TEMPLATE)
    bare, begun = (chat_of(tokenizer, Chat("", "the cat?", text)) for text in ("", prefill))
    assert begun[: len(bare)] == bare
    assert bytes_of(kind, begun[len(bare) :]) == prefill.encode()


def test_a_chat_is_cut_the_same_again_where_its_tokenizer_adds_blanks() -> None:
    tokenizer = chatty(like_llama, "{{ bos_token }}" + TEMPLATE)
    cutter = Cutter(tokenizer, read_vocabulary(tokenizer), 0)
    ids = cutter.observe((), Chat("at", "the", "")).tokens
    assert cutter.observe(ids, Recut()).tokens == ids


def test_what_a_template_refuses_is_told_in_its_words() -> None:
    tokenizer = chatty(like_gpt2, NO_SYSTEM)
    with pytest.raises(FacetUnavailable, match="System role not supported") as refused:
        chat_of(tokenizer, Chat("Be brief.", "the", ""))
    assert refused.value.hint == "Leave out the system message."
    assert chat_of(tokenizer, Chat("", "the", ""))[0] == tokenizer.bos_token_id
    with pytest.raises(FacetUnavailable, match="chat template says") as broken:
        chat_of(chatty(like_gpt2, "{% for %}"), Chat("", "the", ""))
    assert broken.value.hint == ""


def test_a_chat_longer_than_the_context_is_an_error() -> None:
    tokenizer = chatty(like_gpt2, NO_SYSTEM)
    with pytest.raises(ContextTooLong):
        Cutter(tokenizer, read_vocabulary(tokenizer), 5).observe((), Chat("", "1234567", ""))


@pytest.mark.parametrize("template", [None, "", (("rag", TEMPLATE),)])
def test_without_a_template_there_is_no_chat_and_the_reason_is_told(template: Any) -> None:
    tokenizer = chatty(like_gpt2, template)
    if isinstance(template, tuple):
        tokenizer.chat_template = dict(template)  # several by name, and none of them the default
    reason = "this model's tokenizer has no chat template"
    assert Cutter(tokenizer, read_vocabulary(tokenizer), 0).lacks() == {"chat": reason}
    with pytest.raises(FacetUnavailable, match=reason):
        chat_of(tokenizer, Chat("", "the", ""))
    assert Cutter(chatty(like_gpt2, TEMPLATE), vocabulary_of(like_gpt2), 0).lacks() == {}


# --- the engine ---


@pytest.mark.parametrize("template", [None, TEMPLATE])
def test_the_engine_cuts_before_its_weights_are_loaded_and_says_what_it_lacks(
    tmp_path: Path, template: str | None
) -> None:
    save_random("llama", tmp_path)
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(tmp_path)
    engine = LocalEngine(ModelSpec(str(tmp_path), device="cpu", threads=1))
    vocabulary = engine.load_tokenizer(lambda _: None)
    ids = engine.observe((), Encoding("the cat", whole=True), Stop()).tokens
    assert ids == engine.encode("the cat")
    assert engine.observe(ids, Recut(), Stop()).tokens == ids
    if template:
        chat = engine.observe(ids, Chat("", "hi", "yes"), Stop()).tokens
        assert vocabulary.text(chat) == "<|user|>\nhi</s>\n<|assistant|>\nyes"
    engine.load_model(lambda _: None)
    lacks = dict(engine.prove(Stop()).lacks)
    assert "LlamaForCausalLM" in lacks.pop("weights")
    assert lacks == ({} if template else {"chat": "this model's tokenizer has no chat template"})


@given(text=st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x2FF)))
def test_the_embedded_tokenizer_appends_and_cuts_again(embedded: Cutter, text: str) -> None:
    vocabulary = embedded._vocabulary
    known = {piece[0] for piece in vocabulary.pieces if len(piece) == 1}
    text = "".join(char for char in text if known.issuperset(char.encode()))
    ids = embedded.observe((), Encoding(text, whole=False)).tokens
    assert b"".join(vocabulary.pieces[token] for token in ids) == text.encode()
    whole = embedded.encode(text)
    assert embedded.observe(whole, Recut()).tokens == whole


@pytest.fixture(scope="module")
def embedded(embedded_folder: Path) -> Cutter:
    engine = LocalEngine(ModelSpec(str(embedded_folder)))
    engine.load_tokenizer(lambda _: None)
    return engine._cutter
