"""The explorer's screen: title, prompt, table, sampler, a line to type in, footer.

Draws a View; knows nothing of keys and engines.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer

from token_explorer.core.reading import Grid
from token_explorer.core.tokens import common_length, show
from token_explorer.results.palette import Palette, Palettes
from token_explorer.ui import keys, words
from token_explorer.ui.keys import Item
from token_explorer.ui.screens.room import NARROW
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Bar, run
from token_explorer.ui.widgets.candidates import CandidateTable, Waiting
from token_explorer.ui.widgets.entry import EntryLine
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.layers import legend
from token_explorer.ui.widgets.prompt import PromptPane, Tokens, no_levels
from token_explorer.ui.widgets.row import rows
from token_explorer.ui.widgets.samplerpanel import SamplerPanel
from token_explorer.ui.widgets.spark import Sparkline
from token_explorer.ui.widgets.title import TitleLine

# Of a text that isn't tokens yet, as much of its end as a screen may show.
PREVIEW = 20_000
# Rows of the last prompt stay bright for so long: most answers come sooner, and nothing flickers.
BRIGHT_S = 0.1
# What the footer offers while a line is typed; a touch has no other way to end it.
WHILE_TYPING = (
    Item(("enter",), "take it"),
    Item(("tab",), "complete", 3),
    Item(("up", "down"), "earlier lines", 4),
    Item(("escape",), "leave", 1),
)


class ExploreScreen(Screen[None], inherit_bindings=False):
    """The one screen of the explorer, but for help."""

    HORIZONTAL_BREAKPOINTS = NARROW
    AUTO_FOCUS = ""  # None would mean the application's, which is whatever takes the focus

    def __init__(self, palettes: Palettes, table: Sequence[keys.Key]) -> None:
        super().__init__()
        self.palettes = palettes
        self.title_line = TitleLine(id="title")
        self.prompt = PromptPane(palettes.usual, id="prompt")
        self.table = CandidateTable(id="candidates")
        self._prompt_top = Bar(("╭", "╮"), "─", id="prompt-top")
        self._prompt_bottom = Bar(("╰", "╯"), "─", id="prompt-bottom")
        self._legend = Bar(("│", "│"))  # where the line below the prompt has no room for it
        self._legend.display = False
        self._table_top = Bar(("╭", "╮"), "─", id="table-top")
        self._table_bottom = Bar(("╰", "╯"), "─", id="table-bottom")
        self.spark = Sparkline(id="spark")
        self.spark.display = False
        self.panel = SamplerPanel(id="sampler")
        self.panel.display = False
        self.entry = EntryLine(id="entry")
        self._items = tuple(keys.footer(table))
        self._stop = next(key.keys[:1] for key in table if key.id == "cursor-off")
        self._footer = Footer(self._items, id="footer")
        self._writing = False
        self._shown = {key.id: keys.shown_key(key.keys[0]) if key.keys else f":{key.id}" for key in table}
        self._dimming: Timer | None = None
        self._layers: tuple[Grid | None, Palette | None] | None = None  # as the table draws them

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield from (self._prompt_top, self.prompt, self.spark, self._legend, self._prompt_bottom)
        yield self._table_top
        with Horizontal(id="middle"):
            yield from (self.table, self.panel)
        yield from (self._table_bottom, self.entry, self._footer)

    def show_text(self, text: str) -> None:
        """Show a text that isn't tokens yet."""
        self._prompt_top.set([run(" prompt ")])
        chunks = re.findall(r"\s*\S+|\s+", text[-PREVIEW:])
        shown = show(chunk.encode(errors="replace") for chunk in chunks)
        tokens = Tokens(tuple(range(-len(shown), 0)), lambda first: shown[first:], added=len(shown))
        self.prompt.show(tokens, no_levels(len(shown)))

    def show(self, view: View) -> None:
        """Show a prompt, with what is known of it."""
        self._writing = bool(view.writing)
        self.offer()
        self._show_prompt(view)
        self._show_spark(view)
        self._show_frame(view)

    def forget(self) -> None:
        """What comes next has other tokens: an id that was shown no longer means what it did."""
        self.prompt.forget()
        self._stop_dimming()
        self._layers = None
        self.table.wait(Waiting("…"), keep=False)

    def offer(self) -> None:
        """Have the footer show the keys of a line that is typed, or what stops the model, or the usual."""
        if self.entry.entry is not None:
            self._footer.offer(WHILE_TYPING)
        elif self._writing and self._stop:
            self._footer.offer((Item(self._stop, "stop"), *self._items))
        else:
            self._footer.offer(self._items)

    def show_candidates(self, view: View, row: int) -> None:
        """Show the tokens that the table lists, one of them chosen."""
        if view.listed is None:
            return
        self._stop_dimming()
        self._layers = None
        if len(view.listed):
            self.table.show(rows(view.listed, view.vocabulary), min(row, len(view.listed) - 1))
        else:
            self.table.say("No token matches.")

    def say_nothing_listed(self, why: str) -> None:
        """Say why the table lists nothing."""
        self._stop_dimming()
        self._layers = None
        self.table.say(words.plain(why))

    def show_layers(self, view: View) -> None:
        """Show the layers of the tokens that may follow, or no longer, and what the rows don't say."""
        grid = view.layers
        palette = self.palettes.usual if grid is None else self.palettes.of(grid)
        noted = [] if grid is None else [grid, replace(grid, note="")]
        scale = [[*legend(each, palette), run(" ")] for each in noted]
        title = [*words.table_title(view), *words.pinned(view)]
        writing = (
            [[run(f" {view.writing} · {self._shown['cursor-off']} stops ", bold=True)]]
            if view.writing
            else []
        )
        self._table_top.set(title, *writing, *scale)
        if self.table.stale and view.layered:
            return  # the layers of old rows stay as long as those rows
        layers = grid, palette if view.layered and not view.layer_trouble else None
        if layers != self._layers:
            self._layers = layers
            self.table.show_layers(*layers)
        if not self.table.stale:
            self._table_bottom.set([], *words.below_table(view, self.table.chosen))

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
        added = common_length(branch.ids, branch.start)
        show_from = partial(vocabulary.show, branch.ids)
        tokens = Tokens(branch.ids, show_from, vocabulary.special, added, branch.cursor)
        if (reading := view.reading) is not None:
            palette = self.palettes.of(reading)
            self.prompt.show(tokens, palette.levels(reading.places), palette)
        else:
            awaited = view.coloured and not view.trouble
            self.prompt.show(tokens, None if awaited else no_levels(len(branch.ids)))

    def _show_spark(self, view: View) -> None:
        self.spark.display = bool(view.spark)
        if view.spark:
            scores, surprisal = view.scores, view.spark == "surprisal"
            values = None if scores is None else scores.surprisals if surprisal else scores.entropy_bits
            self.spark.show(values, view.spark, "bits", view.branch.cursor)

    def _show_frame(self, view: View) -> None:
        space, ids = view.workspace, view.branch.ids
        count = f"{len(ids)} token{'s' * (len(ids) > 1)}"
        cached = "" if view.scores is None else f" · {view.scores.reused} cached"
        title = f" prompt {space.active + 1}/{len(space.branches)} "
        self._prompt_top.set(
            [run(title, bold=True), *_cut(view, self._shown["retokenize"])],
            [run(f" {count}{cached} ")],
            [run(f" {count} ")],
        )
        looked = words.detail(ids, view.branch.cursor, view.vocabulary, view.scores, view.reading)
        narrow = self.has_class("-narrow")
        legend = words.title(view, self.palettes, narrow)
        self._legend.display = below = bool(legend) and narrow
        self._legend.set(legend if below else [])
        self._prompt_bottom.set([] if below else legend, *looked)


def _cut(view: View, key: str) -> list[Segment]:
    """Where the tokenizer would cut the prompt's text differently, and the key that has it cut so."""
    if view.cut is None:
        return []
    return [run(f"· {key}: cut differently from token {view.cut + 1} on ", dim=True)]
