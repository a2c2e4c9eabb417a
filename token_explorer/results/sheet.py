"""Pages of words and tables alone, without a script: to be read, folded, and printed.

Knows nothing of what stands in them; all text that is put in is escaped here.
"""

from collections.abc import Iterable, Sequence
from html import escape

from token_explorer.byhand.lines import Line, equation
from token_explorer.results import page
from token_explorer.results.table import blocks, cells

# So many characters fit side by side on paper.
ACROSS = 158


def sheet(title: str, body: Iterable[str]) -> str:
    """A page that stands alone.

    Args:
        title: of the window, as shown.
        body: markup, made by the functions of this module.
    """
    style = page.part("shell.css") + page.part("sheet.css")
    parts = {
        "title": escape(title),
        "style": style,
        "style_hash": page.digest(style),
        "body": "\n".join(body),
    }
    return page.filled("sheet.html", parts)


def heading(title: str, *notes: str) -> str:
    """The page's title, and what it is about."""
    return f"<header><h1>{escape(title)}</h1>{''.join(f'<p>{escape(note)}</p>' for note in notes)}</header>"


def folded(title: str, about: str, *inner: str) -> str:
    """A part that can be folded, open at first."""
    summary = f"<summary><h2>{escape(title)}</h2> <span>{escape(about)}</span></summary>"
    return f"<details open>{summary}{''.join(inner)}</details>"


def formula(text: str) -> str:
    """A line of symbols."""
    return f'<p class="formula">{escape(text)}</p>'


def paragraph(text: str) -> str:
    """A line of words."""
    return f"<p>{escape(text)}</p>"


def matrix(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[str]]) -> str:
    """A table of numbers, in as many blocks of columns as paper needs."""
    widths = [max(map(cells, (name, *taken))) for name, *taken in zip(columns, *values, strict=True)]
    across = blocks(widths, max(map(cells, rows)), ACROSS)
    return "".join(
        _block(rows, columns[start:stop], [row[start:stop] for row in values]) for start, stop in across
    )


def _block(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[str]]) -> str:
    above = "".join(f"<th scope=col><bdi>{escape(column)}</bdi></th>" for column in columns)
    body = "".join(_row(row, line) for row, line in zip(rows, values, strict=True))
    head = f"<thead><tr><th></th>{above}</tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'


def _row(name: str, values: Sequence[str]) -> str:
    numbers = "".join(f"<td>{escape(value)}</td>" for value in values)
    return f"<tr><th scope=row><bdi>{escape(name)}</bdi></th>{numbers}</tr>"


def working(lines: Iterable[Line], digits: int) -> str:
    """The lines that lead to a number."""
    return '<div class="working">' + "".join(_line(line, digits) for line in lines) + "</div>"


def _line(line: Line, digits: int) -> str:
    return f'<div><span class="name">{escape(line.name)}</span> = {escape(equation(line, digits))}</div>'
