"""Steering: what the keys for searching, sampling, running, jumping and writing text do.

Knows nothing of how any of it is drawn, nor of the engine.
"""

from collections.abc import Callable
from typing import Literal

from textual import events

from token_explorer.config import Settings
from token_explorer.core import jumps
from token_explorer.core.cuts import Encoding, Recut
from token_explorer.core.engine import Engine
from token_explorer.core.generation import Plan
from token_explorer.core.knobs import fresh_seed
from token_explorer.core.search import MODES, Mode, Query
from token_explorer.core.start import Start
from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.errors import ExplorerError, NotPossible
from token_explorer.files import read_prompt
from token_explorer.ui.audience import Audience
from token_explorer.ui.commandline import file_offers
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.widgets.entry import Entry, EntryLine
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.samplerpanel import SamplerPanel
from token_explorer.ui.widgets.spark import Sparkline

Marks = Literal["uncertain", "not-top"]
_INSERT = Entry("insert", "insert ", "Enter appends its tokens · Esc leaves")
_OPEN = Entry("open", "open ", "Enter opens a text file as another prompt", file_offers, remembers=True)


class Steering(Audience):
    """An application that can be steered. See Stage for its arguments."""

    def __init__(self, engine: Engine, settings: Settings, first: str | Start, model: str) -> None:
        super().__init__(engine, settings, first, model)
        self.mode: Mode = "text"
        """How the next search is read."""
        self.stop_text = settings.run.stop
        """The text that ends a run; '' for none."""

    def _do(self, act: Callable[[Exploration], None]) -> None:
        """Do something to the exploration; before there is one, nothing."""
        if self.exploration is None:
            return
        try:
            act(self.exploration)
        except ExplorerError as error:
            self.report(error)
        else:
            self.show()

    # Take another token.

    def action_replace(self) -> None:
        if not self.explore.table.stale:
            self._do(lambda shown: shown.replace(self.explore.table.chosen))

    # Search.

    def action_find(self) -> None:
        shown = self.exploration
        if shown is not None and (lack := shown.lack("distribution")):
            self.say("No search here", lack, "warning")
        else:
            query = None if shown is None else shown.query
            self.open_entry(self._find_entry, "" if query is None else query.text)

    @property
    def _find_entry(self) -> Entry:
        ids = "" if self.mode == "regex" else " · #id"  # there, # is a sign like any other
        return Entry("find", "/", f"{MODES[self.mode]} · Tab changes that{ids}")

    def _search(self, text: str) -> None:
        """Search for what was typed, and tell of it beside the line."""
        shown, entry = self.exploration, self.explore.entry
        if shown is None:
            return
        try:
            self.set_query(Query(text, self.mode) if text else None)
        except ExplorerError as error:
            entry.tell(f"{error.title}: {error.message}", wrong=True)
        else:
            entry.tell(self._find_entry.hint)

    def set_query(self, query: Query | None) -> None:
        """Have the table list what a search finds; None for the likeliest tokens. Raises InputError."""
        if self.exploration is not None and query != self.exploration.query:
            self.exploration.search(query)
            self.show()

    # The line to type in.

    def open_entry(self, entry: Entry, text: str = "") -> None:
        """Have the user type a line."""
        if self.room is not None:
            self.say("Not here", "Leave this room first.", "warning")
        elif self.exploration is None:
            self.say("Not yet", "The model is still loading.", "warning")
        else:
            self.clear_notifications()  # they would cover it
            self.explore.entry.open(entry, text)

    def on_entry_line_turned(self) -> None:
        self.explore.offer()

    def on_footer_clicked(self, message: Footer.Clicked) -> None:
        """A key of the footer's is one like any other."""
        self.simulate_key(message.key)

    def on_entry_line_changed(self, message: EntryLine.Changed) -> None:
        self.later.clear()
        if message.entry.name == "find":
            self._search(message.text)

    def on_entry_line_tabbed(self, message: EntryLine.Tabbed) -> None:
        if message.entry.name == "find":
            names = list(MODES)
            self.mode = names[(names.index(self.mode) + 1) % len(names)]
            self._search(self.explore.entry.text)

    def on_entry_line_strayed(self, message: EntryLine.Strayed) -> None:
        self.post_message(message.input)

    def on_entry_line_left(self, message: EntryLine.Left) -> None:
        if message.entry.name == "find":
            self.set_query(None)

    def on_entry_line_submitted(self, message: EntryLine.Submitted) -> None:
        self.later.clear()
        if message.entry.name == "insert":
            self.insert(message.text)
        elif message.entry.name == "open":
            self._do(lambda shown: self.open_file(message.text))
        elif message.entry.name == "command":
            self.obey(message.text)

    def obey(self, line: str) -> None:
        """Do what a line of the command line says."""
        raise NotImplementedError

    # Text.

    def action_insert(self) -> None:
        self.open_entry(_INSERT)

    def action_open(self) -> None:
        self.open_entry(_OPEN)

    def on_paste(self, event: events.Paste) -> None:
        """Text that is pasted where nothing takes text goes to the end of the prompt."""
        if self.room is None and self.screen is self.explore:
            self.insert(event.text.replace("\r\n", "\n").replace("\r", "\n"))  # as terminals send line ends

    def insert(self, text: str) -> None:
        """Put the tokens of a text after the prompt that is shown."""
        if self.exploration is None or not text:
            return
        ids = self.exploration.ids

        def then(tokens: TokenIds) -> None:
            self._do(lambda shown: self._insert_after(shown, ids, tokens))

        self.await_cut(Encoding(text, whole=False), then)

    def _insert_after(self, shown: Exploration, ids: TokenIds, tokens: TokenIds) -> None:
        if shown.ids != ids:
            raise NotPossible("Not inserted", "the prompt has changed since.", "Insert it once more.")
        shown.change(lambda workspace: workspace.append(*tokens))

    def open_file(self, path: str) -> None:
        """Open a text file as another prompt. Raises InputError."""
        self.open_text(read_prompt(path))

    def open_text(self, text: str) -> None:
        """Open a text as another prompt."""

        def then(tokens: TokenIds) -> None:
            self._do(lambda shown: shown.change(lambda workspace: workspace.add(tokens)))

        self.await_cut(Encoding(text, whole=True), then)

    def action_retokenize(self) -> None:
        shown = self.exploration
        if shown is None:
            return
        ids = shown.ids

        def then(tokens: TokenIds) -> None:
            if tokens == ids:
                self.say("Nothing to cut anew", "The tokenizer cuts this text into these very tokens.")
            elif shown.ids == ids:
                self._do(lambda shown: shown.change(lambda workspace: workspace.rewrite(tokens)))

        self.await_cut(Recut(), then)

    # The sampler.

    def action_sampler(self) -> None:
        if self.exploration is not None:
            self.explore.panel.display = not self.explore.panel.display
            self.show_sampler()

    def action_switch_sampler(self) -> None:
        self._do(lambda shown: shown.use_sampler(shown.sampler, not shown.sampler_on))
        self.show_sampler()

    def show_sampler(self) -> None:
        """Draw the sampler's panel, if it is open."""
        shown = self.exploration
        if shown is not None and self.explore.panel.display:
            self.explore.panel.show(shown.sampler, shown.sampler_on, shown.seed)

    def set_seed(self, seed: int | None) -> None:
        """Draw with a seed; None for a fresh one each time."""
        if self.exploration is not None:
            self.exploration.seed = seed
            self.show_sampler()

    def turn(self, name: str, text: str) -> None:
        """Set a knob of the sampler, and switch it on. Raises InputError, NotPossible."""
        if self.exploration is not None:
            self.exploration.use_sampler(self.exploration.sampler.turned(name, text), True)
            self.show()
            self.show_sampler()

    def on_sampler_panel_turned(self, message: SamplerPanel.Turned) -> None:
        self.later.clear()
        if self.exploration is not None:
            self.exploration.seed = message.seed
        self._do(lambda shown: shown.use_sampler(message.sampler, message.on))

    # Runs.

    def action_run(self, limit: int | None = None) -> None:
        self.run_model(limit or self.settings.run.tokens)

    def action_run_on(self) -> None:
        self.run_model(None)

    def run_model(self, limit: int | None) -> None:
        """See Audience.run_model."""
        shown = self.exploration
        if shown is None:
            return
        if self.writing is not None:
            if self.writing.plan.limit == 1:  # keys come faster than tokens
                self.writing.later.append(limit)
            return
        try:
            shown.check_context()
        except ExplorerError as error:
            self.report(error)
            return
        shown.go_to(None)
        seed = fresh_seed() if shown.seed is None else shown.seed
        branch = shown.workspace.branch
        prompt = common_length(branch.ids, branch.start)
        sampler = shown.sampler if shown.sampler_on else None
        stops = (self.stop_text,) if self.stop_text else ()
        self.write(Plan(limit, sampler, seed, prompt, stops))

    # Jumps.

    def action_jump(self, marks: Marks, steps: int) -> None:
        self._do(lambda shown: self._jump(shown, marks, steps))

    def _jump(self, shown: Exploration, marks: Marks, steps: int) -> None:
        if shown.scores is None:
            raise NotPossible("Nowhere to jump", "the prompt isn't scored yet.")
        display = self.settings.display
        if marks == "uncertain":
            bits, least = display.uncertain_bits, display.uncertain_probability
            marked = jumps.uncertain(shown.scores, bits, least)
            what = f"had more than {bits:g} bits of entropy or a probability below {least:g}"
        else:
            marked, what = jumps.not_top(shown.scores), "of this prompt was less than the likeliest"
        place = jumps.next_place(marked, shown.place, steps)
        if place is None:  # from the last one on to the first, and back
            place = jumps.next_place(marked, -1 if steps > 0 else len(shown.ids), steps)
        if place is None:
            raise NotPossible("Nowhere to jump", f"no token {what}.")
        shown.go_to(place)

    def go_to(self, number: int) -> None:
        """Look at the token with a number, counted from 1."""
        self._do(lambda shown: self._go_to(shown, number))

    def _go_to(self, shown: Exploration, number: int) -> None:
        if number > len(shown.ids):
            raise NotPossible("No such token", f"{number}; the prompt has {len(shown.ids)}.")
        shown.go_to(number - 1)

    def show_prompt(self, number: int) -> None:
        """Show the prompt with a number, counted from 1."""
        self._do(lambda shown: shown.change(lambda workspace: workspace.show(number - 1)))

    def diverge_from(self, number: int) -> None:
        """Look at the first token that differs from the prompt with a number, counted from 1."""
        self._do(lambda shown: self._diverge(shown, shown.workspace.show(number - 1).branch.ids))

    def action_diverge(self) -> None:
        self._do(lambda shown: self._diverge(shown, shown.workspace.branch.origin))

    def _diverge(self, shown: Exploration, other: TokenIds) -> None:
        if not other:
            hint = "Copy a prompt, or write :diverge and the number of another one."
            raise NotPossible("Nothing to compare with", "this prompt wasn't copied from another.", hint)
        if (place := jumps.divergence(shown.ids, other)) is None:
            raise NotPossible("No difference", "this prompt has no token that the other one hasn't.")
        shown.go_to(place)

    def action_spark(self) -> None:
        self._do(Exploration.turn_spark)

    def on_sparkline_place_clicked(self, message: Sparkline.PlaceClicked) -> None:
        self.later.clear()
        self._do(lambda shown: shown.go_to(message.place))
