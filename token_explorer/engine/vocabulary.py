"""A tokenizer -> the bytes of each of its tokens, and text -> token ids.

What a token's name stands for is read from the tokenizer's decoder, and asked of the tokenizer itself
where the decoder is of an unknown kind. Knows nothing of models, but for how many tokens one has.
"""

import json
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Spell = Callable[[str], str | bytes]

# A text that nearly every tokenizer knows, to see what is put around a text.
_PROBE = "a"
# What the tokenizers library says of a word that it doesn't know where there is no token for such.
_NO_UNKNOWN = "Missing [UNK] token"
# So many of a small vocabulary's words are told.
_TOLD = 40
# So many of its words make a text of a tokenizer's own.
_OWN_WORDS = 4
_BYTE_NAME = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def read_vocabulary(
    tokenizer: "PreTrainedTokenizerBase",
    size: int | None = None,
    ends: Iterable[int] = (),
    start: int | None = None,
) -> Vocabulary:
    """The tokens of a tokenizer, and how its texts begin and end.

    Args:
        tokenizer: transformers' tokenizer.
        size: how many tokens the model knows; those that the tokenizer has no name for stand for no bytes.
        ends: ids that end a text, beside the tokenizer's own.
        start: what the model starts from where the tokenizer names no token for that.
    """
    special = _special_ids(tokenizer)
    pieces = _pieces(tokenizer, special)
    size = len(pieces) if size is None else size
    pieces = [*pieces[:size], *[b""] * (size - len(pieces))]
    ends = {*ends, tokenizer.eos_token_id} - {None}
    known = {token for token in special if token < size}
    prefix = ids_before(tokenizer)
    starts = [*prefix, tokenizer.bos_token_id, tokenizer.eos_token_id, start]
    return Vocabulary(
        tuple(pieces),
        frozenset(known),
        bos=prefix[0] if prefix else None,
        start=next((token for token in starts if token is not None), None),
        ends=frozenset(token for token in ends if token < size),
        eats_first_blank=_adds_blank(tokenizer, pieces, known),
    )


def encode(tokenizer: "PreTrainedTokenizerBase", vocabulary: Vocabulary, text: str) -> TokenIds:
    """Token ids of a text, with what the tokenizer puts before one; '' gives the start token.

    What it puts after a text is left out, as a prompt is there to be continued. A text that begins with
    the BOS gets no second one. Raises InputError.
    """
    prefix = ids_before(tokenizer)
    ids = _ids(tokenizer, text)
    if prefix and ids[: len(prefix)] != prefix:
        ids = (*prefix, *ids)
    return _known(ids or _start(vocabulary), vocabulary)


def _start(vocabulary: Vocabulary) -> TokenIds:
    if vocabulary.start is None:
        message = "it is empty, and the model has no token to start from."
        raise InputError("Empty prompt", message, "Begin with some text.")
    return (vocabulary.start,)


def ids_alone(tokenizer: "PreTrainedTokenizerBase", vocabulary: Vocabulary, text: str) -> TokenIds:
    """Token ids of a text, nothing put around it.

    Raises InputError for text that is no Unicode, and for tokens that the model doesn't have.
    """
    return _known(_ids(tokenizer, text), vocabulary)


def _known(ids: TokenIds, vocabulary: Vocabulary) -> TokenIds:
    """The same ids. Raises InputError for one that the model doesn't have."""
    if unknown := [token for token in ids if token >= len(vocabulary)]:
        message = f"the tokenizer gives token {unknown[0]}, and the model has {len(vocabulary)}."
        raise InputError("Can't use this prompt", message, "The tokenizer may be another model's.")
    return ids


def known_text(tokenizer: "PreTrainedTokenizerBase", vocabulary: Vocabulary, text: str) -> str:
    """A text, or where a tokenizer of whole words can't know that, some of its own words."""
    model = getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)
    if type(model).__name__ != "WordLevel":
        return text
    own = [piece for token, piece in enumerate(vocabulary.pieces) if token not in vocabulary.special]
    blanks = [piece for piece in own if piece.isspace()]
    words = [piece for piece in own if piece.isalpha()][:_OWN_WORDS]
    return (b"".join(blanks[:1]) or b" ").join(words).decode()


def ids_before(tokenizer: "PreTrainedTokenizerBase") -> TokenIds:
    """What the tokenizer puts before every text, found by what it does; its settings may say otherwise."""
    probe = _probe(tokenizer)
    bare = _ids(tokenizer, probe)
    dressed = tuple(tokenizer.encode(probe, add_special_tokens=True))
    starts = range(len(dressed) - len(bare) + 1)
    at = next((i for i in starts if dressed[i : i + len(bare)] == bare), 0)
    return dressed[:at] if bare else ()


def _probe(tokenizer: "PreTrainedTokenizerBase") -> str:
    """A text that the tokenizer knows: one of few words, and no token for others, may know no other."""
    try:
        _ids(tokenizer, _PROBE)
    except InputError:
        return next((word for word in sorted(tokenizer.get_vocab()) if word.isalpha()), "")
    return _PROBE


def _ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> TokenIds:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"character {error.start} is half of a surrogate pair."
        raise InputError("Can't use this prompt", message, "Give it as UTF-8 text.") from None
    try:
        return tuple(tokenizer.encode(text, add_special_tokens=False))
    except Exception as error:  # the tokenizers library raises nothing narrower
        if _NO_UNKNOWN not in str(error):
            raise
        raise _unknown(tokenizer, text) from None


def _unknown(tokenizer: Any, text: str) -> InputError:
    """What to say of a text with words that a tokenizer doesn't know, and has no token for."""
    known = tokenizer.get_vocab()
    cutter = tokenizer.backend_tokenizer.pre_tokenizer
    pieces = [piece for piece, _ in cutter.pre_tokenize_str(text)] if cutter else [text]
    lacking = next((piece for piece in pieces if piece not in known), text)
    words = sorted(word for word in known if word.strip())
    near = get_close_matches(lacking, words, 1)
    some = f"It has {len(known)} tokens: {', '.join(words[:_TOLD])}{', …' if len(words) > _TOLD else '.'}"
    hint = f"Did you mean {near[0]}? {some}" if near else some
    message = f"{lacking!r} is none of the model's words, and it has no token for others."
    return InputError("Can't use this prompt", message, hint)


def _special_ids(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    added = (token for token, added in tokenizer.added_tokens_decoder.items() if added.special)
    return frozenset((*tokenizer.all_special_ids, *added))


def _pieces(tokenizer: "PreTrainedTokenizerBase", special: frozenset[int]) -> list[bytes]:
    """Bytes of each token of the tokenizer, by id; b'' for ids that it skips."""
    names = {token: name for name, token in tokenizer.get_vocab().items()}
    added = {token: str(entry) for token, entry in tokenizer.added_tokens_decoder.items()}
    plain = {token: name for token, name in names.items() if token not in added}
    steps = _steps(tokenizer)
    spelled = _asked(tokenizer, plain) if steps is None else _spelled(steps, plain)
    # The decoder of a byte alphabet leaves added tokens as they are; the others rewrite all but the special.
    rewrites = [] if steps is None or _byte_alphabet in steps else steps
    for token, content in added.items():
        spelled[token] = content.encode() if token in special else _spell(rewrites, content)
    return [spelled.get(token, b"") for token in range(max(spelled, default=-1) + 1)]


def _spelled(steps: list[Spell], names: dict[int, str]) -> dict[int, bytes]:
    return {token: _spell(steps, name) for token, name in names.items()}


def _spell(steps: list[Spell], name: str) -> bytes:
    """What a token's name stands for."""
    for step in steps:
        spelled = step(name)
        if isinstance(spelled, bytes):
            return spelled
        name = spelled
    return name.encode("utf-8", errors="surrogatepass")


def _steps(tokenizer: Any) -> list[Spell] | None:
    """The decoder's steps from a token's name to what it stands for; None where one of them is unknown."""
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if decoder is None:
        return None
    described = json.loads(decoder.__getstate__())
    steps: list[Spell] = []
    for part in described.get("decoders", [described]):
        step = _step(part)
        if step is None:
            return None
        steps.extend(step)
    return steps


def _step(part: dict[str, Any]) -> list[Spell] | None:
    """One part of a decoder as steps on a token's name; None where it is of an unknown kind."""
    match part:
        case {"type": "ByteLevel"}:
            return [_byte_alphabet]
        case {"type": "ByteFallback"}:
            return [_byte_fallback]
        case {"type": "Metaspace", "replacement": str(mark)}:
            return [lambda name: name.replace(mark, " ")]
        case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)}:
            return [lambda name: name.replace(old, new)]
        case {"type": "Fuse"} | {"type": "Strip", "content": " "}:
            return []  # Strip takes off the blank that was added before the text: see eats_first_blank
    return None


def _asked(tokenizer: "PreTrainedTokenizerBase", names: dict[int, str]) -> dict[int, bytes]:
    """Bytes of tokens by what each adds to a decoded text, with the blank that words get between them."""
    before = next(iter(names), 0)
    alone = str(tokenizer.decode([before]))
    return {token: _asked_one(tokenizer, before, alone, token, name) for token, name in names.items()}


def _asked_one(tokenizer: "PreTrainedTokenizerBase", before: int, alone: str, token: int, name: str) -> bytes:
    if byte := _BYTE_NAME.fullmatch(name):
        return bytes.fromhex(byte[1])
    both = str(tokenizer.decode([before, token]))
    after = both[len(alone) :] if both.startswith(alone) else str(tokenizer.decode([token]))
    return after.encode("utf-8", errors="surrogatepass")


def _adds_blank(tokenizer: "PreTrainedTokenizerBase", pieces: list[bytes], special: set[int]) -> bool:
    """Whether a text gets a blank before it: true of SentencePiece, and of words with blanks between."""
    word = next((each for each in _words(pieces) if _is_known(tokenizer, each, len(pieces), special)), None)
    return word is not None and pieces[_ids(tokenizer, word)[0]].startswith(b" ")


def _words(pieces: list[bytes]) -> Iterable[str]:
    """Texts to try: the probe, then what tokens stand for, without blanks."""
    yield _PROBE
    for piece in pieces:
        if (word := piece.decode("utf-8", errors="ignore").strip()).isalpha():
            yield word


def _is_known(tokenizer: "PreTrainedTokenizerBase", word: str, size: int, special: set[int]) -> bool:
    try:
        ids = _ids(tokenizer, word)
    except InputError:
        return False
    return bool(ids) and ids[0] < size and ids[0] not in special


def _byte_names() -> dict[str, int]:
    """GPT-2's alphabet: a printable character for each byte, itself where it is one of Latin-1."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(256 + i): byte for i, byte in enumerate(others)},
    }


_BYTES = _byte_names()
_ALPHABET = frozenset(_BYTES)
_LATIN = str.maketrans({name: chr(byte) for name, byte in _BYTES.items()})


def _byte_alphabet(name: str) -> bytes:
    """Bytes of a name in GPT-2's alphabet; a name with other characters stands for itself."""
    if _ALPHABET.issuperset(name):
        return name.translate(_LATIN).encode("latin-1")
    return name.encode("utf-8")


def _byte_fallback(name: str) -> str | bytes:
    """The byte that a name such as <0x0A> stands for; other names unchanged."""
    byte = _BYTE_NAME.fullmatch(name)
    return bytes.fromhex(byte[1]) if byte else name
