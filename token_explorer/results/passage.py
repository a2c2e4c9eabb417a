"""A prompt as running text for a terminal: each token as it is shown, in a style or colour of its own.

Knows nothing of where values come from.
"""

from collections.abc import Sequence

import numpy as np
from rich.style import Style
from rich.text import Text

from token_explorer.core.reading import Reading
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results.palette import Palette
from token_explorer.results.table import QUIET, STRONG

RAMP_CELLS = 12


def passage(vocabulary: Vocabulary, ids: TokenIds, styles: Sequence[Style]) -> list[Text]:
    """The lines of a sequence of tokens, a style for each; newlines are drawn as signs too."""
    lines = [Text()]
    for shown, style in zip(vocabulary.show(ids), styles, strict=True):
        first, *others = shown
        lines[-1].append(first, style)
        lines.extend(Text(line, style) for line in others)
    return lines


def coloured(vocabulary: Vocabulary, ids: TokenIds, reading: Reading, palette: Palette) -> list[Text]:
    """The lines of a prompt, each token on the colour of its value; below them what the colours mean."""
    styles = [_style(palette, level) for level in palette.levels(reading.places).tolist()]
    lines = passage(vocabulary, ids, styles)
    return [*lines, *([Text()] if lines[-1].plain else []), legend(reading, palette)]


def legend(reading: Reading, palette: Palette) -> Text:
    """What the colours of a reading mean, in words and with the numbers at the ends of its scale."""
    line = Text()
    line.append(reading.title, STRONG)
    if np.isnan(reading.values).all():  # then the ends of the scale stand for nothing
        line.append(": no token has a value")
    elif palette.bands:
        line.append_text(Text.assemble("  ", *palette.labels()))
    else:
        line.append(f"  {reading.low:.4g} ")
        line.append_text(Text.assemble(*((" ", style) for style in palette.ramp(RAMP_CELLS))))
        line.append("" if palette.bg else "to", QUIET)
        line.append(f" {reading.high:.4g} {reading.unit}".rstrip())
        line.append(", by ratio" if reading.scale == "log" else "")
    return line.append(f" · {reading.note}" if reading.note else "", QUIET)


def _style(palette: Palette, level: int) -> Style:
    return palette.style(level) if level >= 0 else Style.null()
