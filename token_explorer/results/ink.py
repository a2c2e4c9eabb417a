"""Colours for terminals: lines of styled text turned into what a stream can show. rich does the drawing.

Whoever makes the lines has passed hostile text through `display`.
"""

from typing import TextIO

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style
from rich.text import Text


def colours(stream: TextIO) -> ColorSystem | None:
    """The colours that a stream can show; None where it shows none, or NO_COLOR asks for none."""
    console = Console(file=stream)
    if console.no_color or console.color_system is None:
        return None
    return COLOR_SYSTEMS[console.color_system]


def rendered(line: Text, system: ColorSystem | None) -> str:
    """A line as a terminal obeys it, or as plain text without colours."""
    if system is None:
        return line.plain
    parts = line.render(Console())
    return "".join((part.style or Style.null()).render(part.text, color_system=system) for part in parts)
