"""How a text is cut into tokens, and whether they join back to it. Needs a tokenizer and no model."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from token_explorer.core.tokens import TokenIds, Vocabulary, display, visible_blanks
from token_explorer.results.document import SCHEMA, Document, prompt
from token_explorer.results.table import STRONG, Column, table

LONGEST_PIECE = 40
# How much of text and pieces is quoted where they differ.
_QUOTED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Tokenized:
    """A text and its tokens.

    Attributes:
        vocabulary: what the ids mean.
        ids: of the tokens, with what the tokenizer puts before every text.
        source: the text.
        model: name of the model whose tokenizer it is.
    """

    vocabulary: Vocabulary
    ids: TokenIds
    source: str
    model: str

    @property
    def joined(self) -> bytes:
        """The tokens' bytes as text; those of the token that stands for an empty text are none."""
        if not self.source and self.ids == (self.vocabulary.start,):
            return b""
        return self.vocabulary.utf8(self.ids)

    @property
    def joins_back(self) -> bool:
        """Whether the tokens' bytes are exactly the text's."""
        return self.joined == self._bytes

    @property
    def _bytes(self) -> bytes:
        return self.source.encode("utf-8", "surrogatepass")

    def document(self) -> Document:
        """As JSON: {schema, model, ids, tokens: [{id, text, bytes}], joins_back}."""
        start: Document = {"schema": SCHEMA, "model": self.model}
        return {**start, **prompt(self.vocabulary, self.ids), "joins_back": self.joins_back}

    def text(self) -> Iterator[Text]:
        """A table of the tokens; then their number, and whether they join back or where they don't."""
        columns = [Column("#", "right"), Column("piece", most=LONGEST_PIECE), Column("id", "right")]
        yield from table([*columns, Column("bytes")], self._rows())
        yield Text()
        yield Text(self._counts())
        yield Text("The pieces join back to the text." if self.joins_back else self._difference())

    def _rows(self) -> Iterator[tuple[str, Text, str, str]]:
        for place, shown in enumerate(self.vocabulary.show(self.ids)):
            token = self.vocabulary[self.ids[place]]
            piece = Text(visible_blanks("".join(shown)), STRONG)
            kind = "  special" if token.special else ""
            yield str(place + 1), piece, str(token.id), token.bytes.hex(" ") + kind

    def _counts(self) -> str:
        count, size = len(self.ids), len(self._bytes)
        each = f", {size / count:.2f} bytes a token" if count and size else ""
        return f"{_counted(count, 'token')} for {_counted(size, 'byte')} of text{each}"

    def _difference(self) -> str:
        """Where text and pieces begin to differ, in words; bytes and characters are counted from 1."""
        text, pieces = self._bytes, self.joined
        pairs = enumerate(zip(text, pieces, strict=False))
        byte = next((place for place, (one, other) in pairs if one != other), min(len(text), len(pieces)))
        character = len(text[:byte].decode("utf-8", "ignore"))
        begin = len(self.source[:character].encode("utf-8", "surrogatepass"))
        return (
            f"The pieces don't join back to the text: from byte {byte + 1} (character {character + 1}) on "
            f"the text has {_quoted(text[begin:])}, and the pieces have {_quoted(pieces[begin:])}."
        )


def tokenize(vocabulary: Vocabulary, ids: TokenIds, text: str, model: str) -> Tokenized:
    """How a text is cut.

    Args:
        ids: as the engine encoded the text.
        model: its name.
    """
    return Tokenized(vocabulary, ids, text, model)


def _quoted(rest: bytes) -> str:
    """How something goes on."""
    text = rest.decode("utf-8", "replace")
    if not text:
        return "nothing more"
    return f"“{visible_blanks(display(text[:_QUOTED]))}{'…' if len(text) > _QUOTED else ''}”"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
