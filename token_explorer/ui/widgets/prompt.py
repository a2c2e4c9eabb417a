"""The prompt as tokens: wrapped, coloured, clickable. Paints only the lines in view.

Knows nothing of models and scores: it is told tokens as shown, a colour for each, and where the cursor is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from token_explorer.core.tokens import Shown, TokenIds, common_length
from token_explorer.results.palette import Palette
from token_explorer.ui.widgets.flow import Flow
from token_explorer.ui.widgets.lines import LineView

Levels = NDArray[np.int64]
"""(T,) step of the palette of each token; -1 for none."""

_Look: TypeAlias = tuple[int, bool, bool, bool]
"""How a token is drawn: its level, and whether it is special, added, and the one that is looked at."""

# So many tokens of another colour are most of what is in view: all of it is painted again. And where so many
# go, they are kept as they lie in their lines, of so many prompts: those come back with one key.
MANY = 100
KEPT = 9


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt to draw.

    Attributes:
        ids: what the tokens are; an equal beginning means equal tokens.
        show: how the tokens from an index on are shown, one for each.
        special: ids that stand for no text.
        added: index of the first token that the user added.
        cursor: index of the token that is looked at; None for the end.
    """

    ids: TokenIds
    show: Callable[[int], Sequence[Shown]]
    special: frozenset[int] = frozenset()
    added: int = 0
    cursor: int | None = None


class PromptPane(LineView):
    """The tokens of a prompt, each with its colour."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "prompt--added",
        "prompt--special",
        "prompt--cursor",
        "prompt--end",
    }
    DEFAULT_CSS = """
    PromptPane > .prompt--added { text-style: underline; }
    PromptPane > .prompt--special { color: $warning; text-style: italic; }
    PromptPane > .prompt--cursor { text-style: bold reverse; }
    PromptPane > .prompt--end { color: $accent; }
    """

    class TokenClicked(Message):
        """A token was clicked."""

        def __init__(self, token: int) -> None:
            super().__init__()
            self.token = token

    def __init__(self, palette: Palette, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.palette = palette
        self.painted = 0  # lines painted so far: what a change costs
        self._tokens = Tokens((), lambda first: ())
        self._levels = no_levels(0)
        self._flow = Flow(1)
        self._kept: list[tuple[TokenIds, Flow]] = []  # of prompts shown lately
        self._tallest = 1
        self._strips: dict[int, Strip] = {}
        self._styles: dict[_Look, Style] = {}

    def show(self, tokens: Tokens, levels: Levels | None, palette: Palette | None = None) -> None:
        """Draw a prompt.

        Args:
            levels (T,): colours; None keeps those of the tokens that stay, as long as others aren't known.
            palette: that the levels are steps of; None for the one in use.
        """
        if palette is not None and palette != self.palette:
            self.palette = palette
            self._forget_styles()
            self.refresh()
        before, self._tokens = self._tokens, tokens
        same = common_length(before.ids, tokens.ids)
        changed = same < max(len(before.ids), len(tokens.ids))
        if changed:
            self._reflow(before, same)
        self._recolour(levels, same)
        self._move_marks(before)
        if changed or tokens.cursor != before.cursor:
            self._reveal()

    def forget(self) -> None:
        """Show nothing, and keep nothing: ids mean other tokens from now on."""
        self._tokens, self._kept = Tokens((), lambda first: ()), []
        self._levels, self._flow, self._tallest = no_levels(0), Flow(self._flow.width), 1
        self._strips.clear()
        self.refresh()

    def _reflow(self, before: Tokens, same: int) -> None:
        """Lay out the tokens, the first `same` of which were there before."""
        first = self._flow.begins(same)
        self._flow = self._flowed(before.ids, same)
        first = min(first, self._flow.begins(same))
        self._fit_height()
        self._drop(range(first, max(len(self._flow), 1 + max(self._strips, default=0))))

    def _flowed(self, before: TokenIds, same: int) -> Flow:
        """The tokens in lines: those that lay so lately as they did, and what differs anew."""
        ids, flow = self._tokens.ids, self._flow
        if len(before) - same > MANY:
            others = [each for each in self._kept if each[0] is not before]
            self._kept, flow = [*others, (before, flow)][-KEPT:], flow.copy()
        if len(ids) - same > MANY and self._kept:
            nearest, lines = max(self._kept, key=lambda each: common_length(each[0], ids))
            if (shared := common_length(nearest, ids)) > same:
                flow, same = lines.copy(), shared
        flow.truncate(same)
        flow.extend(self._tokens.show(same))
        return flow

    def _fit_height(self) -> None:
        lines = len(self._flow)
        # With a scrollbar the pane is as high as it may be.
        self.fit(lines, grows=lines >= self._tallest and not self.show_vertical_scrollbar)

    def _recolour(self, levels: Levels | None, same: int) -> None:
        """Take new colours, and paint again only the lines where one changed."""
        count = len(self._tokens.ids)
        kept = no_levels(count)
        kept[: min(same, len(self._levels))] = self._levels[: min(same, count)]
        self._levels = kept if levels is None else levels
        changed = np.flatnonzero(kept != self._levels).tolist()
        if len(changed) > MANY:
            self._strips.clear()
            self.refresh()
            return
        for token in changed:
            self._drop_tokens(token, token + 1)

    def _move_marks(self, before: Tokens) -> None:
        """Paint the cursor where it is and no longer where it was, and the mark of what was added."""
        now = self._tokens
        if before.cursor != now.cursor:
            for cursor in (before.cursor, now.cursor):
                if cursor is not None and cursor < len(now.ids):
                    self._drop_tokens(cursor, cursor + 1)
            self._drop(range(len(self._flow) - 1, len(self._flow)))  # the mark at the end
        if before.added != now.added:
            low, high = sorted((before.added, now.added))
            self._drop_tokens(low, min(high, len(now.ids)))

    def _drop_tokens(self, start: int, stop: int) -> None:
        """Have the tokens [start, stop) painted again."""
        if start < stop:
            self._drop(range(self._flow.first[start], self._flow.last(stop - 1) + 1))

    def _drop(self, lines: range) -> None:
        """Have lines painted again."""
        top, height = self.scroll_offset.y, self.size.height
        for line in lines if len(lines) < len(self._strips) else tuple(self._strips):
            if line in lines:
                self._strips.pop(line, None)
        first, last = max(lines.start, top), min(lines.stop, top + height)
        if first < last:
            self.refresh_lines(first, last - first)

    def _reveal(self) -> None:
        """Scroll to the cursor, or to the end."""
        cursor = self._tokens.cursor
        line = len(self._flow) - 1 if cursor is None else self._flow.first[cursor]
        self.scroll_to_region(Region(0, line, 1, 1), animate=False, force=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there were at most and a spare one, so that what stands below seldom jumps."""
        self._tallest = max(self._tallest, len(self._flow) + 1)
        return self._tallest

    def on_resize(self) -> None:
        if self.line_width == self._flow.width:
            return
        self._flow, self._kept = Flow(self.line_width), []
        self._tallest = 1
        self._flow.extend(self._tokens.show(0))
        self._strips.clear()
        self._fit_height()
        self.call_after_refresh(self._reveal)
        self.refresh()
        # Textual drops what is asked of a layout while one is under way; the height was that of other lines.
        self.call_after_refresh(self.refresh, layout=True)

    def _forget_styles(self) -> None:
        self._strips.clear()
        self._styles.clear()

    def notify_style_update(self) -> None:
        self._forget_styles()
        super().notify_style_update()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is not None:
            token = self._flow.at(place.y + self.scroll_offset.y, place.x)
            if token is not None:
                self.post_message(self.TokenClicked(token))

    def render_line(self, y: int) -> Strip:
        line = y + self.scroll_offset.y
        if line >= len(self._flow):
            return Strip.blank(self.line_width, self.base)
        if line not in self._strips:
            self._strips[line] = self._paint(line)
        return self._strips[line]

    def _paint(self, line: int) -> Strip:
        self.painted += 1
        alike = groupby(self._flow.line(line), key=lambda piece: self._look(piece[0]))
        segments = [Segment("".join(text for _, text in run), self._style(look)) for look, run in alike]
        if line == len(self._flow) - 1 and self._tokens.cursor is None:
            segments.append(Segment("▏", self.get_component_rich_style("prompt--end")))
        return Strip(segments).adjust_cell_length(self.line_width, self.base)

    def _look(self, token: int) -> _Look:
        tokens = self._tokens
        level = int(self._levels[token]) if token < len(self._levels) else -1
        return level, tokens.ids[token] in tokens.special, token >= tokens.added, token == tokens.cursor

    def _style(self, look: _Look) -> Style:
        if look not in self._styles:
            self._styles[look] = self._make_style(*look)
        return self._styles[look]

    def _make_style(self, level: int, special: bool, added: bool, cursor: bool) -> Style:
        style = self.base
        if special:
            style += self.get_component_rich_style("prompt--special", partial=True)
        if level >= 0:
            style += self.palette.style(level)
        if added:
            style += self.get_component_rich_style("prompt--added", partial=True)
        if cursor:
            style += self.get_component_rich_style("prompt--cursor", partial=True)
        return style


def no_levels(count: int) -> Levels:
    """No colours for so many tokens."""
    return np.full(count, -1, np.int64)
