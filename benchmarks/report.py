"""The page of results and its plots, made from the line of JSON that a run of the benchmark printed.

    python -m benchmarks.report docs/performance/result.json

Knows nothing of how anything is measured.
"""

import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from benchmarks.figures import shown
from token_explorer.results.canvas import BLUE, FAINT, INK, ORANGE, QUIET, axes, blank, look

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "PERFORMANCE.md"
PLOTS = DOCS / "performance"
_RESULTS = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- /results -->)", re.DOTALL)
# Two more colours of Okabe and Ito (2008), beside the two of the traces' plots.
GREEN, PURPLE = "#009E73", "#CC79A7"
FRAME_MS = 16
WIDTH, HEIGHT = 6.0, 3.6  # inches
_LEFT, _BOTTOM, _AROUND = 0.7, 0.55, 0.9
# A line: its field, its name, its colour. A panel: its table, what its values are, its lines.
_Line = tuple[str, str, str]
_Panel = tuple[str, str, tuple[_Line, ...]]
_DRAWN: dict[str, tuple[_Panel, ...]] = {
    "keys": (
        (
            "keys",
            "key to painted table, ms",
            (
                ("whole", "the whole prompt again, bare", QUIET),
                ("new", "append, not foreseen", ORANGE),
                ("step", "one step on a cache, bare", INK),
                ("foreseen", "append, foreseen", BLUE),
                ("switch", "switch", PURPLE),
                ("pop", "pop", GREEN),
            ),
        ),
    ),
    "prompt": (
        (
            "prefill",
            "whole prompt, ms",
            (
                ("bare_ms", "bare forward with logits", QUIET),
                ("ours_ms", "with the scores of all tokens", BLUE),
            ),
        ),
        (
            "memory",
            "rise of the peak, MiB",
            (
                ("bare_rise", "bare forward with logits", QUIET),
                ("ours_rise", "with the scores of all tokens", BLUE),
                ("kept", "keys, values, hidden states", ORANGE),
            ),
        ),
    ),
    "ahead": (
        (
            "ahead",
            "30 candidates, ms",
            (
                ("ours_ms", "look-ahead", BLUE),
                ("bare_prefill_ms", "prefill of 30 tokens, bare", QUIET),
                ("own_prefill_ms", "prefill of 30 tokens, own", GREEN),
                ("step_ms", "one step, bare", INK),
            ),
        ),
    ),
}
NAMES = tuple(_DRAWN)

Document = Mapping[str, Any]


def plots(document: Document) -> dict[str, bytes]:
    """The SVG files of what was measured, by name; the same bytes each time for the same numbers."""
    measured = {
        name: parts for name, parts in _DRAWN.items() if all(document.get(table) for table, *_ in parts)
    }
    with look(), matplotlib.rc_context({"svg.hashsalt": "token-explorer"}):
        return {name: _svg(_drawn(document, parts)) for name, parts in measured.items()}


def page(document: Document) -> str:
    """The results as Markdown: where they are from, the bounds, every table."""
    machine = document["machine"]
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    sides = f"float32, {document['threads']} thread(s) a side, --repeats {document['repeats']}"
    told = f"{document['model']}, {sides}; {about}."
    tables = [
        f"### {name}\n\n{_markdown(rows)}"
        for name, rows in document.items()
        if isinstance(rows, list) and rows and name != "bounds"
    ]
    return "\n\n".join([told, _markdown(list(map(_verdict, document["bounds"]))), *tables]) + "\n"


def write(document: Document, docs: Path = DOCS) -> None:
    """Write the plots, and put the results into the page."""
    folder = docs / PLOTS.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in plots(document).items():
        (folder / f"{name}.svg").write_bytes(svg)
    path = docs / PAGE.name
    text = path.read_text(encoding="utf-8")
    path.write_text(_RESULTS.sub(lambda _: page(document), text), encoding="utf-8")


def _verdict(bound: Mapping[str, Any]) -> dict[str, object]:
    sign = "≥" if bound["at_least"] else "≤"
    return {
        "figure": bound["name"],
        "measured": bound["value"],
        "bound": f"{sign} {shown(bound['limit'])} {bound['unit']}",
        "": "met" if bound["met"] else "**missed**",
    }


def _markdown(rows: Sequence[Mapping[str, object]]) -> str:
    names = [name.replace("_", " ") for name in rows[0]]
    lines = [names, ["---"] * len(names), *([shown(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _drawn(document: Document, parts: Sequence[_Panel]) -> Figure:
    figure = blank(WIDTH * len(parts), HEIGHT)
    for number, (table, title, lines) in enumerate(parts):
        place = axes(figure, WIDTH * number + _LEFT, _BOTTOM, WIDTH - _AROUND, HEIGHT - _AROUND)
        place.set_title(title)
        for key, name, colour in lines:
            _draw(place, document[table], key, name, colour)
        if table == "keys":
            place.axhline(FRAME_MS, color=INK, linewidth=0.8, linestyle=":")
        _finish(place, [row["tokens"] for row in document[table]])
    return figure


def _draw(place: Axes, rows: Sequence[Mapping[str, Any]], key: str, name: str, colour: str) -> None:
    known = [(row["tokens"], row[key]) for row in rows if row[key] is not None]
    if known:
        across, up = zip(*known, strict=True)
        place.plot(across, up, color=colour, marker="o", markersize=3.5, linewidth=1.4, label=name)


def _finish(place: Axes, lengths: Sequence[int]) -> None:
    place.set_xscale("log")
    place.set_yscale("log")
    place.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    place.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    place.set_xticks(lengths, [f"{length:,}" for length in lengths])
    place.minorticks_off()
    place.set_xlabel("tokens in the prompt")
    place.grid(color=FAINT)
    place.set_axisbelow(True)
    place.legend(frameon=False, fontsize=8)


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(
        file, format="svg", bbox_inches="tight", pad_inches=0.1, metadata={"Date": None, "Creator": None}
    )
    return file.getvalue()


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
