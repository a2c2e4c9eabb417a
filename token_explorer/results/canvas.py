"""Figures as every plot has them: their look, their words, and how they become PNG files.

A figure depends on its numbers alone: not on a user's matplotlib settings, nor on the day.
Knows nothing of what is drawn.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from token_explorer.core.tokens import TokenIds, Vocabulary, display, visible_blanks

FONT = "DejaVu Sans"
DPI = 110
# The part of a token that labels have room for, characters.
LONGEST_LABEL = 16
# Two of the colours of Okabe and Ito (2008), which eyes of all kinds tell apart, and shades of grey.
BLUE, ORANGE, INK, QUIET, FAINT = "#0072B2", "#E69F00", "#1a1a1a", "#5f5f5f", "#e9e9e9"

# What stands for control characters, and isn't in the font.
_CONTROL_PICTURES = {0x2421: 0x7F, **{0x2400 + code: code for code in range(0x20)}}
_LOOK: dict[Any, Any] = {
    "font.family": [FONT],
    "font.size": 9.0,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.unicode_minus": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 0.6,
}


@contextmanager
def look() -> Iterator[None]:
    """Draw as all plots look, whatever the user's own settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        yield


def blank(width: float, height: float) -> Figure:
    """A figure of so many inches; what stands beyond its edges is kept when it is written."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place of a figure, inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def png(figure: Figure) -> bytes:
    """A figure as a PNG file, the same bytes each time."""
    file = io.BytesIO()
    figure.savefig(
        file, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.2, metadata={"Software": None}
    )
    return file.getvalue()


def printable(text: str) -> str:
    """Text with each character that the font lacks spelled out."""
    return "".join(char if ord(char) in _glyphs() else _spelled(ord(char)) for char in text)


def label(shown: str) -> str:
    """A token as a label: blanks visible, long ones cut."""
    whole = printable(visible_blanks(shown))
    return whole if len(whole) <= LONGEST_LABEL else f"{whole[: LONGEST_LABEL - 1]}…"


def labels(vocabulary: Vocabulary, ids: TokenIds) -> list[str]:
    """The labels of a sequence; a character that is split stands on the token that completes it."""
    return [label("".join(shown)) for shown in vocabulary.show(ids)]


def subject(model: str, dtype: str) -> str:
    """Which model it was, for titles."""
    return printable(display(f"{model} · {dtype}"))


def every(count: int, most: int) -> int:
    """How many labels apart those are that are written, where there is room for `most`."""
    return -(-count // most)


def thinned(names: Sequence[str], step: int) -> tuple[list[int], list[str]]:
    """The places and names of each `step`th."""
    return list(range(0, len(names), step)), list(names[::step])


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    """The characters that the font has."""
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


def _spelled(code: int) -> str:
    """A character by its number; a picture of a control character by that character's."""
    return f"‹{_CONTROL_PICTURES.get(code, code):02x}›"
