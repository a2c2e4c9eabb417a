"""What the explorer starts from, beside a text that somebody gave: an example, or tokens that are known.

Knows nothing of where it comes from, nor of engines.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from token_explorer.core.tokens import Token, TokenIds, Vocabulary
from token_explorer.errors import InputError


class Example(str):
    """A text to start from where nobody gave one: a model that can't read it starts from its start token."""


@dataclass(frozen=True, slots=True)
class Start:
    """Tokens to start from.

    Attributes:
        ids: all of them.
        own: how many are the prompt's own, that reset brings back; what follows was written after it.
        pieces: the bytes that each id stands for; of other ids than these, too, if they are known.
    """

    ids: TokenIds
    own: int
    pieces: Mapping[int, bytes]

    def __post_init__(self) -> None:
        if not 0 < self.own <= len(self.ids):
            raise ValueError(f"{self.own} of {len(self.ids)} tokens are the prompt's own")

    @property
    def text(self) -> str:
        """The text of all tokens, special ones by their names; U+FFFD for bytes that are no character."""
        return b"".join(self.pieces[id] for id in self.ids).decode("utf-8", errors="replace")

    def check(self, vocabulary: Vocabulary) -> None:
        """Raise InputError where a vocabulary means something else by these ids."""
        for id, piece in self.pieces.items():
            theirs = vocabulary.pieces[id] if id < len(vocabulary) else None
            if theirs != piece:
                raise _another(Token(id, piece, False), None if theirs is None else vocabulary[id])


def _another(token: Token, theirs: Token | None) -> InputError:
    other = "no token of this model" if theirs is None else f'"{theirs.shown}" to this model'
    return InputError(
        "Another model's tokens",
        f'id {token.id} was "{token.shown}" when they were made, and is {other}.',
        "Name the model that wrote them, or one with the same tokenizer.",
    )
