"""Tokens: their ids, their bytes, and how they are shown.

Token text is hostile: it holds escape codes, half characters, right-to-left overrides.
Everything shown goes through `display` or `Vocabulary.show`. Knows nothing of widths or colours.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

TokenIds: TypeAlias = tuple[int, ...]

# One token as shown: its text cut after each newline, so that a pane knows where lines end.
Shown: TypeAlias = tuple[str, ...]

NEWLINE = "↵"
BLANK = "␣"
EMPTY = "∅"
_DOTTED_CIRCLE = "◌"
# UTF-8 has four bytes a character at most: so many may wait for the last one.
_MOST_UNFINISHED = 3

# Characters that change the glyph before them. Terminals disagree on their width (ZWJ families,
# skin tones, VS16, keycaps), and one wrong width shifts the rest of the line.
_JOINERS = frozenset({0x200D, 0xFE0E, 0xFE0F, 0x20E3, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)})
# Medial and final Hangul letters: letters by category, of no width of their own.
_JAMO = frozenset({*range(0x1160, 0x1200), *range(0xD7B0, 0xD800)})
# Letters and signs by category that draw nothing; some of them of no width.
_INVISIBLE = frozenset({0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0})
# Controls, formats (bidi, zero-width), surrogates, private, unassigned, and blanks that look alike.
_SPELLED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_NAMED = {0x0A: NEWLINE, 0x09: "→", 0x20: " ", 0x7F: "␡", 0xA0: "⍽", 0xAD: "‹shy›"}


def common_length(a: TokenIds, b: TokenIds) -> int:
    """How many tokens two sequences have in common at their beginning."""
    low, high = 0, min(len(a), len(b))
    if a is b or a[:high] == b[:high]:  # mostly one goes on where the other ends
        return high
    while low < high:  # comparing slices is a hundred times faster than comparing tokens one by one
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _spell(code: int) -> str:
    """A code point as its hexadecimal number in angle quotes."""
    return f"‹{code:02x}›"


def _safe(code: int) -> str:
    """What stands for one code point on the screen."""
    if code in _NAMED:
        return _NAMED[code]
    if code < 0x20:
        return chr(0x2400 + code)
    if code in _JOINERS:
        return ""
    if code in _INVISIBLE or unicodedata.category(chr(code)) in _SPELLED:
        return _spell(code)
    return chr(code)


class _SafeTable(dict[int, str]):
    """A table for str.translate, filled as code points are met."""

    def __missing__(self, code: int) -> str:
        self[code] = _safe(code)
        return self[code]


_TABLE = _SafeTable()


def _needs_base(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me", "Mc") or ord(char) in _JAMO


def display(text: str) -> str:
    """Text as one safe, visible line: nothing in it is obeyed by a terminal or has no width."""
    if not text:
        return EMPTY
    shown = text.translate(_TABLE)
    if not shown:
        return "".join(map(_spell, map(ord, text)))
    return _DOTTED_CIRCLE + shown if _needs_base(shown[0]) else shown


def visible_blanks(shown: str) -> str:
    """Shown text with each space as an open box, for places where a bare blank would be lost."""
    return shown.replace(" ", BLANK)


def _cut_lines(text: str) -> Shown:
    """Shown text of one token, cut after each newline; the part after the last newline may be ''."""
    head, *rest = text.split("\n")
    if not rest:
        return (display(text),)
    lines = [head, *rest]
    ended = [(display(line) if line else "") + NEWLINE for line in lines[:-1]]
    return (*ended, display(lines[-1]) if lines[-1] else "")


@lru_cache(maxsize=1 << 18)
def _show_whole(piece: bytes) -> Shown | None:
    """How a token's bytes are shown when they are whole characters; None when they are not."""
    try:
        return _cut_lines(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _show_after(pending: bytes, piece: bytes) -> tuple[Shown, bytes]:
    """One token shown after the unfinished character `pending`; also what is unfinished after it.

    Bytes of an unfinished character are spelled out on the tokens that carry them;
    the token that completes the character shows it.
    """
    data, seen, start = pending + piece, len(pending), 0
    parts: list[str] = []
    lines: list[str] = []

    def add(text: str) -> None:
        *ended, last = _cut_lines(text)
        for line in ended:
            lines.append("".join(parts) + line)
            parts.clear()
        parts.append(last)

    while start < len(data):
        try:
            add(data[start:].decode("utf-8"))
            return (*lines, "".join(parts)), b""
        except UnicodeDecodeError as error:
            bad, end = start + error.start, start + error.end
            if good := data[start:bad]:
                add(good.decode("utf-8"))
            unfinished = error.reason == "unexpected end of data"
            parts.extend(_spell(byte) for byte in data[max(bad, seen) : end])
            if unfinished:
                return (*lines, "".join(parts)), data[bad:]
            start = end
    return (*lines, "".join(parts)), b""


def show(pieces: Iterable[bytes]) -> list[Shown]:
    """A sequence of tokens as shown, split characters joined on the token that completes them.

    Args:
        pieces: the bytes of each token, in order.

    Returns:
        For each token at least one string, cut after each newline; joined they are never empty.
    """
    shown: list[Shown] = []
    pending = b""
    for piece in pieces:
        whole = None if pending else _show_whole(piece)
        if whole is None:
            whole, pending = _show_after(pending, piece)
            whole = whole if any(whole) else (EMPTY,)
        shown.append(whole)
    return shown


@dataclass(frozen=True, slots=True)
class Token:
    """One entry of a vocabulary: its id, its bytes, and whether it is special (BOS, end of text, …)."""

    id: int
    bytes: bytes
    special: bool

    @property
    def shown(self) -> str:
        """The token on one line, blanks visible."""
        return visible_blanks("".join(show((self.bytes,))[0]))


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model, by id, and how a text begins and ends.

    Attributes:
        pieces: bytes of each token; a special token's are those of its name.
        special: ids that stand for no text.
        bos: the id that the tokenizer puts before every text; None when it puts none.
        start: the id that an empty prompt begins with; None when the model has none.
        ends: ids that end a text.
        eats_first_blank: the tokenizer adds a blank before a text and takes it off again (SentencePiece).
    """

    pieces: tuple[bytes, ...]
    special: frozenset[int] = frozenset()
    bos: int | None = None
    start: int | None = None
    ends: frozenset[int] = frozenset()
    eats_first_blank: bool = False

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, token: int) -> Token:
        return Token(token, self.pieces[token], token in self.special)

    @cached_property
    def blanks(self) -> TokenIds:
        """Ids of the tokens that are whitespace alone, ascending; special tokens are none of them."""
        blank = (id for id, piece in enumerate(self.pieces) if piece.decode("utf-8", "replace").isspace())
        return tuple(id for id in blank if id not in self.special)

    def show(self, ids: Sequence[int], first: int = 0) -> list[Shown]:
        """How each token of a sequence is shown, from one of them on; see `show`.

        Args:
            first: index of that token, or how many there are; those before it are looked at only as far as
                it may end a character that they begin.
        """
        start, unfinished = first, 0
        while start > 0 and unfinished < _MOST_UNFINISHED:
            start -= 1
            unfinished += len(self.pieces[ids[start]])
        return show(self.pieces[token] for token in ids[start:])[first - start :]

    def starts_word(self, ids: Sequence[int], place: int) -> bool:
        """Whether a word begins at a token: a blank begins it, or a special token stands there or before."""
        near = ids[max(0, place - 1) : place + 1]
        return place == 0 or self.pieces[ids[place]][:1].isspace() or not self.special.isdisjoint(near)

    def next_word(self, ids: Sequence[int], place: int, steps: int) -> int:
        """The nearest token before (steps -1) or after (1) a place that a word begins with, or an end.

        The ends are 0 and the number of tokens.
        """
        place += steps
        while 0 < place < len(ids) and not self.starts_word(ids, place):
            place += steps
        return max(0, min(place, len(ids)))

    def utf8(self, ids: Sequence[int]) -> bytes:
        """The bytes of a sequence as text: without the BOS and the blank that the tokenizer itself adds."""
        if self.bos is not None and ids and ids[0] == self.bos:
            ids = ids[1:]
        joined = b"".join(self.pieces[token] for token in ids)
        return joined[1:] if self.eats_first_blank and joined.startswith(b" ") else joined

    def text(self, ids: Sequence[int]) -> str:
        """The text of a sequence; bytes that are no character become U+FFFD."""
        return self.utf8(ids).decode("utf-8", errors="replace")
