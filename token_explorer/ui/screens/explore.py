"""The explorer's screen: title, prompt, table, footer. Draws a View; knows nothing of keys and engines."""

import re
from collections.abc import Sequence
from functools import partial

from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer

from token_explorer.core.tokens import common_length, show
from token_explorer.ui import keys, words
from token_explorer.ui.palette import Palette
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Bar, Runs, run
from token_explorer.ui.widgets.candidates import CandidateTable, Waiting
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.prompt import Levels, PromptPane, Tokens, no_levels
from token_explorer.ui.widgets.row import rows
from token_explorer.ui.widgets.title import TitleLine

# Of a text that isn't tokens yet, as much of its end as a screen may show.
PREVIEW = 20_000
# Rows of the last prompt stay bright for so long: most answers come sooner, and nothing flickers.
BRIGHT_S = 0.1


class ExploreScreen(Screen[None], inherit_bindings=False):
    """The one screen of the explorer, but for help."""

    AUTO_FOCUS = None

    def __init__(self, palette: Palette, table: Sequence[keys.Key]) -> None:
        super().__init__()
        self.palette = palette
        self.title_line = TitleLine(id="title")
        self.prompt = PromptPane(palette, id="prompt")
        self.table = CandidateTable(id="candidates")
        self._prompt_top = Bar(("╭", "╮"), "─", id="prompt-top")
        self._prompt_bottom = Bar(("╰", "╯"), "─", id="prompt-bottom")
        self._table_top = Bar(("╭", "╮"), "─", id="table-top")
        self._table_bottom = Bar(("╰", "╯"), "─", id="table-bottom")
        self._footer = Footer(keys.footer(table), id="footer")
        self._dimming: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield from (self._prompt_top, self.prompt, self._prompt_bottom)
        yield from (self._table_top, self.table, self._table_bottom)
        yield self._footer

    def on_mount(self) -> None:
        self._table_top.set([run(" next token ")])

    def show_text(self, text: str) -> None:
        """Show a text that isn't tokens yet."""
        self._prompt_top.set([run(" prompt ")])
        chunks = re.findall(r"\s*\S+|\s+", text[-PREVIEW:])
        shown = show(chunk.encode(errors="replace") for chunk in chunks)
        self.prompt.show(Tokens(tuple(range(-len(shown), 0)), shown, added=len(shown)), no_levels(len(shown)))

    def show(self, view: View) -> None:
        """Show a prompt, with what is known of it."""
        self._show_prompt(view)
        self._show_frame(view)

    def show_candidates(self, view: View) -> None:
        """Show the tokens that may follow the prompt."""
        if view.scores is not None:
            self._stop_dimming()
            self.table.show(rows(view.scores.next, view.vocabulary))
            self._table_bottom.set([], *words.tail(view.scores.next))

    def wait(self, waiting: Waiting, keep: bool = True) -> None:
        """Show that the tokens that may follow aren't known yet; keep the last ones in view, or don't."""
        bright = keep and bool(self.table.rows) and not self.table.stale
        self.table.stale = True
        if bright:
            self._dimming = self.set_timer(BRIGHT_S, partial(self._wait_now, waiting, keep))
        elif self._dimming is None or not keep:
            self._wait_now(waiting, keep)

    def _wait_now(self, waiting: Waiting, keep: bool) -> None:
        self._stop_dimming()
        self.table.wait(waiting, keep)
        self._table_bottom.set([])

    def _stop_dimming(self) -> None:
        if self._dimming is not None:
            self._dimming.stop()
            self._dimming = None

    def _show_prompt(self, view: View) -> None:
        branch, vocabulary = view.branch, view.vocabulary
        special = frozenset(place for place, token in enumerate(branch.ids) if token in vocabulary.special)
        added = common_length(branch.ids, branch.start)
        tokens = Tokens(branch.ids, vocabulary.show(branch.ids), special, added, branch.cursor)
        self.prompt.show(tokens, self._levels(view))

    def _levels(self, view: View) -> Levels | None:
        """The tokens' colours; None where they aren't known yet."""
        reading = view.reading
        if reading is not None:
            return self.palette.levels(reading.places)
        return None if view.coloured else no_levels(len(view.branch.ids))

    def _show_frame(self, view: View) -> None:
        space, ids = view.workspace, view.branch.ids
        count = f"{len(ids)} token{'s' * (len(ids) > 1)}"
        cached = "" if view.scores is None else f" · {view.scores.reused} cached"
        title = f" prompt {space.active + 1}/{len(space.branches)} "
        self._prompt_top.set([run(title, bold=True)], [run(f" {count}{cached} ")], [run(f" {count} ")])
        legend: Runs = [] if view.reading is None else words.legend(view.reading, self.palette)
        looked = words.detail(ids, view.branch.cursor, view.vocabulary, view.scores, view.reading)
        self._prompt_bottom.set(legend, *looked)
