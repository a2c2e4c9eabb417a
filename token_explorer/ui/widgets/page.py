"""What a text box holds: any text, kept as it is, and how each of its characters is drawn in its own cells.

A character that a terminal would obey, or that has no width, is held as a sign of one cell.
Knows nothing of widgets.
"""

import re

from rich.cells import cell_len
from textual.widgets.text_area import Document, EditResult, Location

from token_explorer.core.tokens import display

# Surrogates are in no text, so that they are free to stand for what can't be held as it is.
_SIGNS = range(0xD800, 0xE000)
_SIGN = re.compile("[\ud800-\udfff]")
_LOST = 0xFFFD
# Obeyed by the box itself, and as harmless on the screen as a blank.
_HELD = frozenset("\n\t\u3000")
_DOT, _WIDE_DOT = "·", "・"


def _is_hostile(char: str) -> bool:
    """Whether a character isn't drawn as it is, after another one."""
    return char not in _HELD and display("a" + char) != "a" + char


def _stand_in(char: str) -> str:
    """What is drawn for a hostile character: its picture where it has one, else a dot."""
    shown = display(char)
    if len(shown) == cell_len(shown) == 1:
        return shown
    return _WIDE_DOT if cell_len(char) == 2 else _DOT


class _Held(dict[int, int]):
    """A table for str.translate: what each character is held as; signs are given out as they are needed."""

    def __init__(self) -> None:
        super().__init__()
        self.meant: dict[str, str] = {}
        """What signs stand for."""

    def __missing__(self, code: int) -> int:
        self[code] = _LOST if code in _SIGNS else self._as(chr(code))
        return self[code]

    def _as(self, char: str) -> int:
        """Itself, or a sign where it would be drawn in other cells than it is measured by."""
        if cell_len(char) > 0 or not _is_hostile(char):
            return ord(char)
        if len(self.meant) == len(_SIGNS):
            return _LOST
        sign = _SIGNS[len(self.meant)]
        self.meant[chr(sign)] = char
        return sign


class _Drawn(dict[int, str]):
    """A table for str.translate: what is drawn for each character that is held, in as many cells."""

    def __init__(self, meant: dict[str, str]) -> None:
        super().__init__()
        self._meant = meant

    def __missing__(self, code: int) -> str:
        char = self._meant.get(chr(code), chr(code))
        self[code] = _stand_in(char) if _is_hostile(char) else char
        return self[code]


class Page(Document):
    """A text as lines for a text area. Only a newline ends a line; all other text is given back as it came.

    Of text that is none (lone surrogates), and of more than 2,048 kinds of characters without width, each
    becomes U+FFFD.
    """

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._held = _Held()
        self._drawn = _Drawn(self._held.meant)
        self._lines = text.translate(self._held).split("\n")
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        if self._text is None:
            self._text = self._meant("\n".join(self._lines))
        return self._text

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """See Document.replace_range."""
        result = super().replace_range(start, end, text.translate(self._held))
        self._text = None
        return result

    def get_text_range(self, start: Location, end: Location) -> str:
        """See Document.get_text_range."""
        return self._meant(super().get_text_range(start, end))

    def drawn(self, line: str) -> str:
        """A line as it is drawn: as many characters, each in the cells that it is measured by."""
        return line.translate(self._drawn)

    def _meant(self, held: str) -> str:
        return _SIGN.sub(lambda sign: self._held.meant[sign[0]], held)
