"""Pages: one HTML file each, that holds its numbers and asks nothing of any other place.

What goes into one is JSON that no parser of HTML can take for markup; its script shows it as text alone.
Knows nothing of what a page is about.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.engine import EngineInfo
from token_explorer.core.tokens import Vocabulary, display, visible_blanks
from token_explorer.results import palette

Name = Literal["attention", "lens", "learning", "byhand", "exercise"]
# The scripts of each page, in the order in which they run.
_SCRIPTS: dict[Name, tuple[str, ...]] = {
    "attention": ("shell.js", "heatmap.js", "attention.js"),
    "lens": ("shell.js", "lens.js"),
    "learning": ("shell.js", "learning.js"),
    "byhand": ("shell.js", "worksheet.js", "byhand.js"),
    "exercise": ("shell.js", "worksheet.js", "exercise.js"),
}
# JSON for a script's data: what can be written there, by its number.
Content = Mapping[str, Any]

# Characters that may begin markup, inside a script too; JSON can spell each by its number.
_MARKUP = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
# The styles of each, the shared ones first.
_STYLES: dict[Name, tuple[str, ...]] = {
    "attention": ("shell.css", "attention.css"),
    "lens": ("shell.css", "lens.css"),
    "learning": ("shell.css", "learning.css"),
    "byhand": ("shell.css", "worksheet.css"),
    "exercise": ("shell.css", "worksheet.css"),
}
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(name: Name, title: str, content: Content) -> str:
    """A page that stands alone.

    Args:
        name: which one; its parts are the files of that name.
        title: of the window, as shown.
        content: what its script draws; any text in it has gone through `display`.
    """
    style = "".join(map(part, _STYLES[name]))
    script = "".join(map(part, _SCRIPTS[name]))
    parts = {
        "title": html.escape(title),
        "style": style,
        "style_hash": digest(style),
        "body": part(f"{name}.html"),
        "content": written(content),
        "script": script,
        "script_hash": digest(script),
    }
    return filled("shell.html", parts)


def filled(frame: str, parts: Mapping[str, str]) -> str:
    """A file whose places have been filled, at one go: a place that a token names stays a token's text."""
    return _PLACE.sub(lambda place: parts[place[1]], part(frame))


def written(content: Content) -> str:
    """JSON in ASCII, without a character that HTML could take for markup."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).translate(_MARKUP)


def packed(values: NDArray[Any], kind: Literal["f4", "i4", "u1"]) -> str:
    """Numbers in base64, little-endian: exact, and a third larger than in memory."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()).decode("ascii")


def about(info: EngineInfo) -> dict[str, Any]:
    """What a page says of the model: the keys "model", "dtype" and "device"."""
    return {"model": display(info.model), "dtype": info.dtype, "device": info.device}


def labels(vocabulary: Vocabulary, ids: Sequence[int]) -> list[str]:
    """The tokens of a prompt on one line each, blanks visible."""
    return [visible_blanks("".join(parts)) for parts in vocabulary.show(ids)]


def colours(name: str) -> list[tuple[str, str]]:
    """The steps of a palette, lowest value first: each a background, and what can be read on it."""
    made = palette.make(palette.even(name), "truecolor")
    return [(_hex(bg), _hex(fg)) for bg, fg in zip(made.bg, made.fg, strict=True)]


def _hex(colour: palette.Rgb) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def digest(text: str) -> str:
    """What a content security policy knows a script or a style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def part(file: str) -> str:
    """A file that pages are made of."""
    return resources.files("token_explorer.results.pages").joinpath(file).read_text(encoding="utf-8")
