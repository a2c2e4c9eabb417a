"""A matrix on a terminal: its columns below one another in blocks that fit, and long lines broken.

Knows nothing of what its numbers are; names of rows and columns have passed `display` before.
"""

from collections.abc import Iterator, Sequence

from rich.text import Text

from token_explorer.results.table import HEADING, blocks, cells, fitted

_INDENT = "  "
_GAP = 2
# Cells of a name at most.
MOST_NAME = 12


def matrix(
    rows: Sequence[str], columns: Sequence[str], numbers: Sequence[Sequence[str]], width: int
) -> Iterator[Text]:
    """Lines of numbers with the names of rows and columns; blocks of columns one after another.

    Args:
        width: cells of a line.
    """
    names = [fitted(name, MOST_NAME) for name in rows]
    edge = max(cells(name.plain) for name in names)
    titles = [fitted(name, MOST_NAME) for name in columns]
    each = _GAP + max(cells(shown) for row in (*numbers, [title.plain for title in titles]) for shown in row)
    for first, stop in blocks([each - _GAP] * len(columns), len(_INDENT) + edge, width):
        block = slice(first, stop)
        yield _line(Text(" " * edge), titles[block], each, True)
        for name, row in zip(names, numbers, strict=True):
            padded = name.copy().append(" " * (edge - cells(name.plain)))
            yield _line(padded, [Text(shown) for shown in row[block]], each, False)


def _line(name: Text, shown: Sequence[Text], each: int, is_title: bool) -> Text:
    """A name and cells to the right of it, each aligned to the right."""
    line = Text(_INDENT)
    line.append(name.plain, HEADING)
    for cell in shown:
        line.append(" " * (each - cells(cell.plain)))
        line.append(cell.plain, HEADING if is_title else "")
    line.rstrip()
    return line


def wrapped(line: str, width: int) -> Iterator[Text]:
    """A line broken at blanks; what follows its beginning stands further in."""
    current = _INDENT
    for word in line.split(" "):
        if current.strip() and cells(current) + 1 + cells(word) > width:
            yield Text(current)
            current = _INDENT * 3
        current += word if not current.strip() else f" {word}"
    yield Text(current)
