"""The stage: what is known of the exploration is shown, and what isn't is asked for.

Holds the exploration; knows nothing of keys, but for naming them at the bottom of the screen.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from textual.message import Message
from textual.screen import Screen

from token_explorer.config import Settings
from token_explorer.core.cuts import Cut
from token_explorer.core.engine import Engine, EngineInfo
from token_explorer.core.generation import Plan
from token_explorer.core.listing import Listed
from token_explorer.core.observation import Facet
from token_explorer.core.start import Start
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError
from token_explorer.results import palette
from token_explorer.ui import keys, news, words
from token_explorer.ui.desk import Desk, Look
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.frames import Frames
from token_explorer.ui.looking import Looking
from token_explorer.ui.saving import folder_beside, save_prompt
from token_explorer.ui.screens.explore import ExploreScreen
from token_explorer.ui.screens.room import Room
from token_explorer.ui.trouble import Troubled
from token_explorer.ui.view import View
from token_explorer.ui.widgets.candidates import Waiting
from token_explorer.ui.writing import Writing

# Questions that the tokenizer answers: at once, and before anything is known of the prompt.
OF_TEXT = ("tokenizer", "chat")
# Looks that nobody waits for: the title tells how long the answer to a key took.
_SILENT = (*OF_TEXT, "ahead")


def _is_work(look: Look) -> bool:
    """Whether the user waits for the model where it takes a look."""
    return look[1].kind not in _SILENT


class Stage(Troubled):
    """An application that shows an exploration and asks the engine about it.

    Args:
        engine: asked in the desk's thread only; closing the one in use at last stays with the caller.
        settings: raises ConfigError where its keys can't be used.
        first: the text of the first prompt, or its tokens.
        model: what to call the model until it is loaded.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Token Explorer"
    ALLOW_SELECT = False

    class Told(Message):
        """The desk has news."""

        def __init__(self, news: news.News, desk: int = 0) -> None:
            super().__init__()
            self.news = news
            self.desk = desk
            """Which desk's they are: another model has another one."""

        def can_replace(self, message: Message) -> bool:
            """Of reports of progress that wait in the queue only the last matters."""
            both = self, message
            return all(isinstance(each, Stage.Told) and isinstance(each.news, news.Loading) for each in both)

    def __init__(self, engine: Engine, settings: Settings, first: str | Start, model: str) -> None:
        super().__init__()
        self.settings = settings
        self.keys = keys.remap(settings.keys, settings.source)
        self.engine = engine
        """The one in use; another model has another one."""
        self.desks = 0  # how many there were before
        self.desk = Desk(engine, first, partial(self._hear, 0))
        self.looking = Looking(self._look, self.set_timer)
        self.frames = Frames(self.batch_update, self.set_timer, lambda: self.screen.check_idle())
        self.exploration: Exploration | None = None
        self.room: Room | None = None
        """The room that is open."""
        self.later: list[str] = []
        """Ids of keys that were pressed while there was no table, and wait for it."""
        self._first, self._model = first, words.plain(model)
        self.writing: Writing | None = None
        """What the model is writing; None while it isn't."""
        self._asked: TokenIds | None = None
        self._given_up: TokenIds | None = None
        self._listed: Listed | None = None
        self._looked = False  # whether looks that take the model are under way
        self._awaited: dict[Facet[Cut], Callable[[TokenIds], None]] = {}

    @property
    def waiting(self) -> bool:
        """Whether a loaded engine is asked for what the table is going to list."""
        shown = self.exploration
        if shown is None or shown.info is None or shown.scores is None:
            return shown is not None and shown.info is not None and self._asked == shown.ids
        return shown.listed() is None and not shown.list_trouble()

    def get_default_screen(self) -> Screen[None]:
        """The explorer's screen, with as many colours as the terminal has."""
        self.palettes = palette.chosen(self.settings.display.palette, self._depth())
        self.explore = ExploreScreen(self.palettes, self.keys)
        return self.explore

    def on_mount(self) -> None:
        self.explore.title_line.describe([self._model, "loading"])
        self.explore.title_line.work()
        self.explore.show_text(self._first if isinstance(self._first, str) else self._first.text)
        self.explore.wait(Waiting("Starting …"))
        if warning := palette.warning(self._depth()):
            self.say(*warning, "warning")
        # The first picture goes to the terminal before the engine takes the processor.
        self.call_after_refresh(self.desk.start)

    def on_unmount(self) -> None:
        self.desk.close()

    def _hear(self, desk: int, told: news.News) -> None:
        """Pass news on from a desk's thread."""
        self.post_message(self.Told(told, desk))

    def take_engine(self, engine: Engine, exploration: Exploration, info: EngineInfo) -> None:
        """Go on with another engine, which has loaded, and with what is explored in its tokens.

        Closing the one before is for the caller; nothing that it says is heard any more.
        """
        self.end_writing()
        self.desk.close()
        self.looking.end_all()
        self.frames.release()
        self.later.clear()
        self._awaited.clear()
        self._asked = self._given_up = self._listed = None
        self.engine, self.exploration, self.desks = engine, exploration, self.desks + 1
        self.desk = Desk(engine, "", partial(self._hear, self.desks), loaded=True)
        self.explore.forget()
        self.desk.start()
        self._describe(info)
        self.show()

    def _depth(self) -> palette.Depth:
        return palette.depth(self.console.color_system, os.environ.get("TERM", ""), self.no_color)

    # What is shown.

    def _wait(self, waiting: Waiting) -> None:
        """Show what is waited for, unless what is shown is known already."""
        if self.exploration is None or self.exploration.scores is None:
            self.explore.wait(waiting)

    def _describe(self, info: EngineInfo) -> None:
        """Tell what the model is."""
        about = [words.plain(part) for part in (info.model, info.device, info.dtype)]
        self.explore.title_line.describe(about, words.plain(info.note) if info.note else "", info.checks)

    def _rest(self, seconds: float | None) -> None:
        """Show how long the engine took, unless it goes on with something else."""
        if self._rests:
            self.explore.title_line.rest(seconds)

    @property
    def _rests(self) -> bool:
        """Whether the user waits for nothing of the engine."""
        return self._asked is None and self.writing is None and not self._works

    @property
    def _works(self) -> bool:
        """Whether the model takes a look that the user waits for."""
        return any(map(_is_work, self.looking.asked))

    def _give_up(self, error: ExplorerError) -> None:
        """Ask no more until there is another prompt to ask about."""
        asked, self._asked = self._asked, None
        self.frames.release()
        self.later.clear()
        self._rest(None)
        if self.exploration is not None and self.exploration.scores is None:
            self._given_up = asked
            self.explore.wait(Waiting(f"{words.plain(error.title)}."), keep=False)
        self.show()
        self.report(error)

    def show(self) -> None:
        """Draw the exploration, and ask for what isn't known of it."""
        if self.exploration is None:
            return
        if self.writing is not None and self.writing.ids != self.exploration.ids:
            self.end_writing()  # the user has gone elsewhere
        view = self.exploration.view()
        if self.writing is not None:
            view = replace(view, writing=self.writing.words)
        self.explore.show(view)
        self._show_table(view)
        self.explore.show_layers(view)
        self.explore.table.show_ahead(view.continuations)
        if self.room is not None:
            self.room.show(view, self.exploration.known)
        self.look()

    def _show_table(self, view: View) -> None:
        """Have the table list what is known, or say what is waited for, or why there is nothing."""
        assert self.exploration is not None
        if view.branch.ids != self._given_up:
            self._given_up = None
        if view.listed is not None:
            if view.listed is not self._listed:
                self._listed = view.listed
                self.explore.show_candidates(view, self.exploration.row)
            return
        self._listed = None
        if view.scores is None and self.writing is None:
            self._ask(view.branch.ids)
        elif trouble := self.exploration.list_trouble():
            self.explore.say_nothing_listed(trouble)
        else:
            self.explore.wait(Waiting("…"))

    def show_ahead(self) -> None:
        """Draw what has become known of how the text would go on; nothing else depends on it."""
        if self.exploration is not None:
            self.explore.table.show_ahead(self.exploration.continuations())
            self.look()

    def look(self) -> None:
        """Look inside the model for what is to be shown of the prompt and isn't known, once scores are."""
        shown = self.exploration
        if shown is None:
            return
        in_view = [*self._awaited, *([] if self.room is None else self.room.wanted())]
        if shown.scores is None:
            in_view = [facet for facet in in_view if facet.kind in OF_TEXT]
        else:
            in_view += shown.wanted()
            in_view += [] if self.writing is not None else shown.ahead()
        self.looking.want([(shown.ids, facet) for facet in shown.missing(in_view)])

    def _look(self, looks: Sequence[Look]) -> None:
        worked, self._looked = self._looked, any(map(_is_work, looks))
        if self._looked:
            self.explore.title_line.work()
        self.desk.look(looks)
        if worked and not self._looked:
            self._rest(None)

    def await_cut(self, facet: Facet[Cut], then: Callable[[TokenIds], None]) -> None:
        """Do something with the tokens of a text as soon as the tokenizer has cut it, or say why it can't."""
        if self.exploration is None:
            return
        known = self.exploration.known(facet)
        if isinstance(known, Cut):
            then(known.tokens)
        elif known is not None:
            self.report(known)
        else:
            self._awaited[facet] = then
            self.look()

    def write(self, plan: Plan) -> None:
        """Have the model write after the prompt that is shown."""
        if self.exploration is None:
            return
        ids = self.exploration.ids
        self.writing, self._asked, self._given_up = Writing(plan, len(ids), ids), None, None
        self.explore.title_line.work()
        self.desk.run(ids, plan)
        self.show()

    def end_writing(self) -> None:
        """Have the model write no further; what it wrote stays."""
        if self.writing is not None:
            self.writing = None
            self.desk.end_run()
            self._rest(None)

    def _ask(self, ids: TokenIds) -> None:
        if ids == self._given_up:
            return
        loaded = self.exploration is not None and self.exploration.info is not None
        self.explore.wait(Waiting("…" if loaded else "Loading the model …"))
        self.explore.title_line.work()
        if ids != self._asked:
            if loaded:
                self.frames.hold()
            self._asked = ids
            self.desk.ask(ids, self.settings.display.tokens_to_show)

    def append(self, row: int) -> None:
        """Append a candidate; where that can't be, say why."""
        if self.exploration is None:
            return
        try:
            self.exploration.append(row)
        except ExplorerError as error:
            self.later.clear()
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
