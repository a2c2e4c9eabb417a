"""Palettes: from a value to a background and a foreground that can be read on it.

Perceptually even, quantised to what the terminal can tell apart. Knows nothing of tokens or readings.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.color import Color, ColorSystem
from rich.style import Style

from token_explorer.core.reading import Measured
from token_explorer.core.scores import Floats

Depth = Literal["truecolor", "256", "16", "grey", "none"]
Rgb = tuple[int, int, int]

# How many steps a terminal can tell apart: its 6x6x6 cube keeps 14 of 64 steps of viridis.
LEVELS: dict[Depth, int] = {"truecolor": 64, "256": 12, "16": 5, "grey": 8, "none": 0}

# Even samples of the published colour maps, both ends included.
_ANCHORS: dict[str, str] = {
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "cividis": "002051 0a326a 2b446e 4d566d 696970 7f7c75 948f78 ada476 caba6a ead156 fdea45",
    "red-blue": "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061",
    "grey": "000000 ffffff",
    "bands": "d70000 ff8700 8700d7 005fff 00af5f",
}
# What other values than probabilities are drawn with where the user chose bands.
BESIDE_BANDS = "viridis"
# The bands begin at these probabilities, and the lowest at 0; only the highest doesn't hold its own limit.
BAND_LIMITS = (0.1, 0.3, 0.5, 0.7)
_BEGINS = np.array([*BAND_LIMITS[:-1], np.nextafter(np.float32(BAND_LIMITS[-1]), np.float32(1))], np.float32)
_BAND_NAMES = ("<10", "10–30", "30–50", "50–70", ">70%")
# Sixteen colours hold no colour map: these are the terminals' own, from dark to light or red to blue.
_SIXTEEN: dict[str, str] = {
    "viridis": "0000aa aa00aa 00aaaa 00aa00 ffff55",
    "cividis": "0000aa 555555 aaaaaa aa5500 ffff55",
    "red-blue": "aa0000 ff5555 ffffff 5555ff 0000aa",
    "bands": "aa0000 aa5500 aa00aa 0000aa 00aa00",
}
_BLACK: Rgb = (0, 0, 0)
_WHITE: Rgb = (255, 255, 255)


@dataclass(frozen=True)
class Palette:
    """Steps of colour.

    Attributes:
        name: in the configuration.
        bg: background of each step, lowest value first.
        fg: black or white, whichever can be read better on it.
        bands: what each step is called, where they are bands of probability with limits of their own.
    """

    name: str
    bg: tuple[Rgb, ...]
    fg: tuple[Rgb, ...]
    bands: tuple[str, ...] = ()

    def style(self, level: int) -> Style:
        """The colours of a step; the same object each time."""
        return self._styles[level]

    @cached_property
    def _styles(self) -> tuple[Style, ...]:
        pairs = zip(self.fg, self.bg, strict=True)
        return tuple(Style.from_color(Color.from_rgb(*fg), Color.from_rgb(*bg)) for fg, bg in pairs)

    def ramp(self, cells: int) -> tuple[Style, ...]:
        """The colours of so many cells, from the low end of a scale to its high one; () without colours."""
        levels = self.levels(np.linspace(0.0, 1.0, cells, dtype=np.float32)).tolist()
        return tuple(self.style(level) for level in levels if level >= 0)

    def labels(self) -> tuple[tuple[str, Style], ...]:
        """The bands' names on their own colours, lowest first; () where the steps have no names."""
        return tuple((f" {name} ", style) for name, style in zip(self.bands, self._styles, strict=False))

    def levels(self, places: Floats) -> NDArray[np.int64]:
        """The step of each place (T,) on a scale from 0 to 1; -1 for NaN and where there are no colours."""
        steps = len(self.bg)
        if not steps:
            return np.full(places.shape, -1, np.int64)
        if self.bands:
            return np.where(np.isnan(places), -1, np.searchsorted(_BEGINS, places, side="right"))
        step = np.minimum(np.nan_to_num(places, nan=0.0) * steps, steps - 1).astype(np.int64)
        return np.where(np.isnan(places), -1, step)


@dataclass(frozen=True, slots=True)
class Palettes:
    """The palettes in use.

    Attributes:
        usual: as the user chose it.
        signed: for values to both sides of zero: two hues that meet in white.
        chances: for probabilities; None where those are drawn as all others are.
    """

    usual: Palette
    signed: Palette
    chances: Palette | None = None

    def of(self, measured: Measured) -> Palette:
        """The palette that values are drawn with."""
        if measured.scale == "signed":
            return self.signed
        return self.chances or self.usual if measured.chance else self.usual


def chosen(name: str, depth: Depth) -> Palettes:
    """The palettes in use where the user chose one by its name."""
    bands = make(name, depth) if name == "bands" else None
    return Palettes(make(even(name), depth), make("red-blue", depth), bands)


def even(name: str) -> str:
    """The palette of that name, or the one that stands in where bands would have no meaning."""
    return BESIDE_BANDS if name == "bands" else name


def depth(system: str | None, terminal: str, no_color: bool) -> Depth:
    """What a terminal can show.

    Args:
        system: the colour system that rich found.
        terminal: the environment's TERM.
        no_color: whether the environment asks for no colours; shades of grey are none.
    """
    if system is None or terminal == "dumb":
        return "none"
    if no_color:
        return "grey"
    if system == "truecolor":
        return "truecolor"
    return "256" if system == "256" else "16"


def warning(depth: Depth) -> tuple[str, str] | None:
    """What to tell the user of a terminal without colours, as title and message; None for one with."""
    if depth == "grey":
        return "No colours", "NO_COLOR is set, so overlays are shades of grey. Unset it for colours."
    if depth == "none":
        hint = "Set TERM=xterm-256color, or take another terminal. All numbers are shown without colours too."
        return "A terminal without colours", hint
    return None


def make(name: str, depth: Depth) -> Palette:
    """A palette with as many steps as the terminal can tell apart."""
    if name == "bands":
        return _bands(depth)
    if depth == "grey":
        name = "grey"
    if depth == "16":
        bg = _colours(_SIXTEEN[name])
    elif depth == "256":
        bg = _distinct(_spread(_colours(_ANCHORS[name]), 1024), LEVELS[depth], name != "red-blue")
    else:
        bg = _spread(_colours(_ANCHORS[name]), LEVELS[depth])
    return Palette(name, bg, tuple(map(_readable, bg)))


def _bands(depth: Depth) -> Palette:
    """Five bands of probability; their colours are ones that a terminal of 256 has."""
    bg = _colours((_SIXTEEN if depth == "16" else _ANCHORS)["bands"])
    if depth == "grey":
        bg = _spread(_colours(_ANCHORS["grey"]), len(_BAND_NAMES))
    if depth == "none":
        return Palette("bands", (), ())
    return Palette("bands", bg, tuple(map(_readable, bg)), _BAND_NAMES)


def contrast(one: Rgb, other: Rgb) -> float:
    """WCAG contrast of two colours, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _colours(listed: str) -> tuple[Rgb, ...]:
    return tuple((int(each[:2], 16), int(each[2:4], 16), int(each[4:], 16)) for each in listed.split())


def _spread(anchors: tuple[Rgb, ...], steps: int) -> tuple[Rgb, ...]:
    """Colours at even places between anchors, straight from one to the next."""
    places = np.linspace(0.0, len(anchors) - 1, steps)
    channels = [np.interp(places, range(len(anchors)), channel) for channel in zip(*anchors, strict=True)]
    return tuple((round(r), round(g), round(b)) for r, g, b in zip(*channels, strict=True))


def _distinct(colours: tuple[Rgb, ...], steps: int, rising: bool) -> tuple[Rgb, ...]:
    """So many of the colours that a terminal of 256 draws these as, each another.

    Args:
        rising: whether a later one must not be darker, which the nearest of 256 may be.
    """
    drawn = list(dict.fromkeys(map(_in_256, colours)))
    if rising:
        drawn.sort(key=_luminance)
    return tuple(drawn[place] for place in np.linspace(0, len(drawn) - 1, steps).round().astype(int))


def _in_256(colour: Rgb) -> Rgb:
    red, green, blue = Color.from_rgb(*colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
    return red, green, blue


def _readable(bg: Rgb) -> Rgb:
    return _BLACK if contrast(bg, _BLACK) >= contrast(bg, _WHITE) else _WHITE


def _luminance(colour: Rgb) -> float:
    """WCAG relative luminance, from 0 to 1."""
    r, g, b = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in colour)
    )
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
