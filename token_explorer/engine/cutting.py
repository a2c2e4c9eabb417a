"""How a tokenizer cuts texts: a prompt's own, one to be appended, a chat. No model is asked.

Knows nothing of models but how many tokens a prompt may have.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from token_explorer.core.cuts import Chat, Cut, Encoding, Recut
from token_explorer.core.engine import Answer
from token_explorer.core.observation import Facet, Kind
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.models import check_length
from token_explorer.engine.vocabulary import encode, ids_alone, ids_before
from token_explorer.errors import FacetUnavailable, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# The kinds of facets that a tokenizer answers, and not a model's inside.
KINDS: tuple[Kind, ...] = ("tokenizer", "chat")

_NO_TEMPLATE = "this model's tokenizer has no chat template"
# Texts that few tokenizers join with what follows: behind one, a text is cut as in the middle of another.
_SHIELDS = ("\n", "~", ")", "0")


class Cutter:
    """Answers facets about text for one tokenizer.

    Args:
        context: how many tokens the model was made for; 0 where it states none.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", vocabulary: Vocabulary, context: int) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._context = context

    def encode(self, text: str) -> TokenIds:
        """See Engine.encode."""
        return self._fitting(self._whole(text))

    def lacks(self) -> Mapping[Kind, str]:
        """For each of KINDS that this tokenizer can't give, why."""
        return {} if self._has_template() else {"chat": _NO_TEMPLATE}

    def observe(self, ids: TokenIds, facet: Facet[Answer]) -> Answer:
        """See Engine.observe; of facets of KINDS, and without a forward."""
        return cast(Answer, Cut(np.array(self._cut(ids, facet), np.int64)))

    def _cut(self, ids: TokenIds, facet: Facet[Any]) -> TokenIds:
        if isinstance(facet, Recut):
            return self._recut(ids)
        if isinstance(facet, Chat):
            return self._fitting(self._chat(facet))
        if isinstance(facet, Encoding):
            ids = self._whole(facet.text) if facet.whole else self._continuation(facet.text)
            return self._fitting(ids) if facet.fitting else ids
        raise TypeError(f"no facet: {facet!r}")

    def _fitting(self, ids: TokenIds) -> TokenIds:
        check_length(len(ids), self._context)
        return ids

    def _whole(self, text: str) -> TokenIds:
        return encode(self._tokenizer, self._vocabulary, text)

    def _ids(self, text: str) -> TokenIds:
        return ids_alone(self._tokenizer, self._vocabulary, text)

    def _bytes(self, ids: TokenIds) -> bytes:
        return b"".join(self._vocabulary.pieces[token] for token in ids)

    # A text that continues a prompt.

    def _continuation(self, text: str) -> TokenIds:
        """The first ids found for a text that have its bytes; where none have, its plain ones."""
        plain = self._ids(text)
        ways = (plain, *self._detours(text))
        return next((ids for ids in ways if self._bytes(ids) == text.encode()), plain)

    def _detours(self, text: str) -> Iterator[TokenIds]:
        """Other ids for a text than its plain ones, to which the tokenizer may have added a blank."""
        if text.startswith(" "):
            yield self._ids(text[1:])
        for shield in _SHIELDS:
            try:
                alone, both = self._ids(shield), self._ids(shield + text)
            except InputError:  # a tokenizer of words may not know this one
                continue
            if both[: len(alone)] == alone:
                yield both[len(alone) :]

    # A prompt's own text.

    def _recut(self, ids: TokenIds) -> TokenIds:
        """What the tokenizer makes of a prompt's text, what it puts before every text put there once.

        Behind special tokens too some tokenizers add a blank, which the bytes then have and the text had not:
        the text is tried with it and without.
        """
        before = ids_before(self._tokenizer)
        dressed = bool(before) and ids[: len(before)] == before
        body = ids[len(before) :] if dressed else ids
        cuts = [self._recut_text(before if dressed else (), text) for text in self._texts(body)]
        return next((cut for cut in cuts if cut == ids), cuts[0])

    def _recut_text(self, before: TokenIds, text: str) -> TokenIds:
        if before:
            return (*before, *self._ids(text))
        return encode(self._tokenizer, self._vocabulary, text)

    def _texts(self, ids: TokenIds) -> list[str]:
        """The texts that tokens may come from, the likelier first."""
        readings = [self._bytes(ids)]
        if self._vocabulary.eats_first_blank:
            readings = [readings[0].removeprefix(b" "), self._bytes_of_runs(ids), *readings]
        try:
            return [reading.decode("utf-8") for reading in readings]
        except UnicodeDecodeError as error:
            message = f"the prompt's bytes are no text: {error.reason} at byte {error.start + 1}."
            raise FacetUnavailable("Can't retokenize", message) from None

    def _bytes_of_runs(self, ids: TokenIds) -> bytes:
        """The bytes of tokens without a first blank, at the beginning and behind each special token."""
        parts, begins = [], True
        for token in ids:
            piece = self._vocabulary.pieces[token]
            parts.append(piece.removeprefix(b" ") if begins else piece)
            begins = token in self._vocabulary.special
        return b"".join(parts)

    # A chat.

    def _has_template(self) -> bool:
        try:
            return bool(self._tokenizer.get_chat_template())
        except (ValueError, NotImplementedError):  # none, several without a default, or none that can be read
            return False

    def _chat(self, facet: Chat) -> TokenIds:
        """The template's tokens up to where the answer begins, then those of the answer's beginning.

        The two are cut apart, as a model's own answer is from its prompt.
        """
        if not self._has_template():
            raise FacetUnavailable(
                "Can't build a chat", f"{_NO_TEMPLATE}.", "Write the prompt as plain text."
            )
        return (*self._ids(self._render(facet)), *self._continuation(facet.prefill))

    def _render(self, facet: Chat) -> str:
        system = [{"role": "system", "content": facet.system}] if facet.system else []
        messages = [*system, {"role": "user", "content": facet.user}]
        try:
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a template is a program of the model's, which may fail in any way
            message = f"the model's chat template says: {str(error).rstrip('.') or type(error).__name__}."
            hint = "Leave out the system message." if system else ""
            raise FacetUnavailable("Can't build this chat", message, hint) from error
        return str(text)
