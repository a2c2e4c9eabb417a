"""The bottom line: the most important keys, as many as there is room for."""

from collections.abc import Iterable

from rich.segment import Segment

from token_explorer.ui.widgets.bar import Bar, run

# Who knows these two finds all the others, and the way out.
ALWAYS = 2


class Footer(Bar):
    """Keys and what they do; the last two stand at the right and are always shown.

    Args:
        items: keys as shown, and a label.
    """

    DEFAULT_CSS = """
    Footer { background: $panel; }
    """

    def __init__(self, items: Iterable[tuple[str, str]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._items = tuple(items)

    def on_resize(self) -> None:
        room = self.size.width - 2 - sum(map(_width, self._items[-ALWAYS:]))
        shown: list[tuple[str, str]] = []
        for item in self._items[:-ALWAYS]:
            room -= _width(item)
            if room < 0:
                break
            shown.append(item)
        self.set(_runs(shown), _runs(self._items[-ALWAYS:]))


def _width(item: tuple[str, str]) -> int:
    return len(item[0]) + len(item[1]) + 3


def _runs(items: Iterable[tuple[str, str]]) -> list[Segment]:
    return [part for key, label in items for part in (run(key, bold=True), run(f" {label}  ", dim=True))]
