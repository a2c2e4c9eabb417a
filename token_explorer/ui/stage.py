"""The stage: what the desk tells becomes what the screen shows, and what that needs is asked for.

Holds the exploration; knows nothing of keys, but for naming them at the bottom of the screen.
"""

import os
from collections.abc import Sequence
from typing import Any

from textual.message import Message
from textual.screen import Screen

from token_explorer.config import Settings
from token_explorer.core.engine import Engine, EngineInfo, Progress
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError
from token_explorer.ui import keys, news, palette, words
from token_explorer.ui.desk import Desk, Look
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.looking import Looking
from token_explorer.ui.saving import folder_beside, save_prompt
from token_explorer.ui.screens.explore import ExploreScreen
from token_explorer.ui.screens.room import Room
from token_explorer.ui.trouble import Troubled
from token_explorer.ui.widgets.candidates import Waiting


class Stage(Troubled):
    """An application that shows an exploration and asks the engine about it.

    Args:
        engine: asked in the desk's thread only; closing it stays with the caller.
        settings: raises ConfigError where its keys can't be used.
        text: of the first prompt.
        model: what to call the model until it is loaded.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Token Explorer"
    ALLOW_SELECT = False

    class Told(Message):
        """The desk has news."""

        def __init__(self, news: news.News) -> None:
            super().__init__()
            self.news = news

        def can_replace(self, message: Message) -> bool:
            """Of reports of progress that wait in the queue only the last matters."""
            both = self, message
            return all(isinstance(each, Stage.Told) and isinstance(each.news, news.Loading) for each in both)

    def __init__(self, engine: Engine, settings: Settings, text: str, model: str) -> None:
        super().__init__()
        self.settings = settings
        self.keys = keys.remap(settings.keys, settings.source)
        self.desk = Desk(engine, text, self._hear)
        self.looking = Looking(self._look, self.set_timer)
        self.exploration: Exploration | None = None
        self.room: Room | None = None
        """The room that is open."""
        self.appends = 0
        """Appends asked for while there was no table; each takes the likeliest token of the next one."""
        self._text, self._model = text, words.plain(model)
        self._asked: TokenIds | None = None
        self._given_up: TokenIds | None = None
        self._listed: TokenIds | None = None

    @property
    def waiting(self) -> bool:
        """Whether a loaded engine is asked about the prompt that is shown."""
        shown = self.exploration
        return shown is not None and shown.info is not None and self._asked == shown.ids

    def get_default_screen(self) -> Screen[None]:
        """The explorer's screen, with as many colours as the terminal has."""
        depth = self._depth()
        usual = palette.make(self.settings.display.palette, depth)
        self.palettes = palette.Palettes(usual, palette.make("red-blue", depth))
        self.explore = ExploreScreen(self.palettes, self.keys)
        return self.explore

    def on_mount(self) -> None:
        self.explore.title_line.describe([self._model, "loading"])
        self.explore.title_line.work()
        self.explore.show_text(self._text)
        self.explore.wait(Waiting("Starting …"))
        if warning := palette.warning(self._depth()):
            self.say(*warning, "warning")
        # The first picture goes to the terminal before the engine takes the processor.
        self.call_after_refresh(self.desk.start)

    def on_unmount(self) -> None:
        self.desk.close()

    def _depth(self) -> palette.Depth:
        return palette.depth(self.console.color_system, os.environ.get("TERM", ""), self.no_color)

    # What the desk tells.

    def _hear(self, told: news.News) -> None:
        """Pass news on from the desk's thread."""
        self.post_message(self.Told(told))

    def on_stage_told(self, message: Told) -> None:
        told = message.news
        if isinstance(told, news.Loading):
            self._show_progress(told.progress)
        elif isinstance(told, news.TokenizerReady):
            self._open(told)
        elif isinstance(told, news.ModelReady):
            self._greet(told.info)
        elif isinstance(told, news.Proved):
            self._describe(told.info)
            if self.exploration is not None:
                self.exploration.info = told.info
            self.show()
        elif isinstance(told, news.Unproved):
            self.report_once(told.error)
        elif isinstance(told, news.Answered):
            self._take(told)
        elif isinstance(told, news.Refused):
            self._refuse(told)
        elif isinstance(told, news.Observed | news.Unseen):
            self._see(told)
        elif isinstance(told, news.Restarting):
            said = f"{told.error.message}\nIt is started again; all prompts are kept."
            self.say(told.error.title, said, "warning")
        elif isinstance(told, news.Failed):
            self._fail(told.error)
        else:
            raise told.error

    def _open(self, ready: news.TokenizerReady) -> None:
        """The prompt is tokens."""
        heads, most = self.settings.display.influence_heads, self.settings.prompt.max_prompts
        self.exploration = Exploration(ready.vocabulary, ready.ids, most, heads)
        self.show()

    def _show_progress(self, progress: Progress) -> None:
        part = min(1.0, progress.done / progress.total) if progress.total else None
        self.explore.title_line.work()
        self._wait(Waiting(f"{words.plain(progress.stage)}{'' if progress.total else ' …'}", part))

    def _wait(self, waiting: Waiting) -> None:
        """Show what is waited for, unless what is shown is known already."""
        if self.exploration is None or self.exploration.scores is None:
            self.explore.wait(waiting)

    def _greet(self, info: EngineInfo) -> None:
        """The model is there."""
        self.fatal = None
        self.forget_said()
        if self.exploration is not None:
            self.exploration.learn(info)
        self._describe(info)
        self.show()
        self._wait(Waiting("Reading the prompt …"))
        self._rest(None)

    def _describe(self, info: EngineInfo) -> None:
        """Tell what the model is."""
        about = [words.plain(part) for part in (info.model, info.device, info.dtype)]
        self.explore.title_line.describe(about, words.plain(info.note) if info.note else "", info.checks)

    def _rest(self, seconds: float | None) -> None:
        """Show how long the engine took, unless it goes on with something else."""
        if self._asked is None and not self.looking.asked:
            self.explore.title_line.rest(seconds)

    def _take(self, answer: news.Answered) -> None:
        """Keep an answer, show it if it is of the prompt that is shown, and append what is waited for."""
        if answer.scores.ids == self._asked:
            self._asked = None
            self._rest(answer.seconds)
        if self.exploration is None or not self.exploration.take(answer.scores):
            return
        self.show()
        if self.appends:
            self.appends -= 1
            self.append(0)

    def _see(self, seen: news.Observed | news.Unseen) -> None:
        """Keep what was seen inside the model, or why it can't be."""
        awaited = self.looking.end((seen.ids, seen.facet))
        if isinstance(seen, news.Observed):
            self._keep(seen.ids, seen.facet, seen.answer)
            self._rest(seen.seconds)
        else:
            self._keep(seen.ids, seen.facet, seen.error)
            self._rest(None)
            if awaited:
                self.report_once(seen.error)
        self.show()

    def _keep(self, ids: TokenIds, facet: Facet[Any], answer: object) -> None:
        if self.exploration is not None:
            self.exploration.keep(ids, facet, answer)

    def _refuse(self, refused: news.Refused) -> None:
        """The engine can't answer the question."""
        if refused.ids == self._asked:
            self._give_up(refused.error)

    def _give_up(self, error: ExplorerError) -> None:
        """Ask no more until there is another prompt to ask about."""
        asked, self._asked, self.appends = self._asked, None, 0
        self._rest(None)
        if self.exploration is not None and self.exploration.scores is None:
            self._given_up = asked
            self.explore.wait(Waiting(f"{words.plain(error.title)}."), keep=False)
        self.show()
        self.report(error)

    def _fail(self, error: ExplorerError) -> None:
        """There is no model; end, unless something would be lost that can be saved."""
        self.fatal = error
        for ids, facet in self.looking.end_all():
            self._keep(ids, facet, error)
        if self.exploration is None or not self.exploration.worth_keeping:
            self.exit(error.exit_code, return_code=error.exit_code)
        else:
            self._give_up(error)

    # What is shown.

    def show(self) -> None:
        """Draw the exploration, and ask for what isn't known of it."""
        if self.exploration is None:
            return
        view = self.exploration.view()
        self.explore.show(view)
        if view.branch.ids != self._given_up:
            self._given_up = None
        if view.scores is None:
            self._listed = None
            self._ask(view.branch.ids)
        elif self._listed != view.branch.ids:
            self._listed = view.branch.ids
            self.explore.show_candidates(view)
        self.explore.show_layers(view)
        if self.room is not None:
            self.room.show(view, self.exploration.known)
        self.look()

    def look(self) -> None:
        """Look inside the model for what is to be shown of the prompt and isn't known, once scores are."""
        shown = self.exploration
        if shown is None or shown.scores is None:
            self.looking.want([])
            return
        in_view = [*([] if self.room is None else self.room.wanted()), *shown.wanted()]
        self.looking.want([(shown.ids, facet) for facet in shown.missing(in_view)])

    def _look(self, looks: Sequence[Look]) -> None:
        if looks:
            self.explore.title_line.work()
        self.desk.look(looks)
        self._rest(None)

    def _ask(self, ids: TokenIds) -> None:
        if ids == self._given_up:
            return
        loaded = self.exploration is not None and self.exploration.info is not None
        self.explore.wait(Waiting("…" if loaded else "Loading the model …"))
        self.explore.title_line.work()
        if ids != self._asked:
            self._asked = ids
            self.desk.ask(ids, self.settings.display.tokens_to_show)

    def append(self, row: int) -> None:
        """Append a candidate; where that can't be, say why."""
        if self.exploration is None:
            return
        try:
            self.exploration.append(row)
        except ExplorerError as error:
            self.appends = 0
            self.report(error)
        else:
            self.show()

    def rescue(self) -> str:
        """See Troubled.rescue."""
        if self.exploration is None:
            return ""
        folder = folder_beside(self.settings.source)
        try:
            paths = [save_prompt(text, folder) for text in self.exploration.texts()]
        except ExplorerError as error:
            return f"The prompts could not be saved: {error.message}"
        return "The prompts were saved: " + ", ".join(map(str, paths))
