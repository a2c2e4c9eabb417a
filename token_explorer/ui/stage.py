"""The stage: what the desk tells becomes what the screen shows, and troubles become words.

Holds the exploration; knows nothing of keys, but for naming them at the bottom of the screen.
"""

import os
from typing import Literal

from textual.app import App
from textual.message import Message
from textual.screen import Screen

from token_explorer.config import Settings
from token_explorer.core.engine import Engine, EngineInfo, Progress
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError, NotPossible
from token_explorer.ui import desk, keys, palette, words
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.saving import folder_beside, save_prompt
from token_explorer.ui.screens.explore import ExploreScreen
from token_explorer.ui.widgets.candidates import Waiting

Severity = Literal["information", "warning", "error"]


class Stage(App[int]):
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

        def __init__(self, news: desk.News) -> None:
            super().__init__()
            self.news = news

        def can_replace(self, message: Message) -> bool:
            """Of reports of progress that wait in the queue only the last matters."""
            both = self, message
            return all(isinstance(each, Stage.Told) and isinstance(each.news, desk.Loading) for each in both)

    def __init__(self, engine: Engine, settings: Settings, text: str, model: str) -> None:
        super().__init__()
        self.settings = settings
        self.keys = keys.remap(settings.keys, settings.source)
        self.desk = desk.Desk(engine, text, self._hear)
        self.exploration: Exploration | None = None
        self.fatal: ExplorerError | None = None
        """Why the program ends, for the caller to print; its exit_code is the program's."""
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
        colours = palette.make(self.settings.display.palette, self._depth())
        self.explore = ExploreScreen(colours, self.keys)
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

    def _hear(self, news: desk.News) -> None:
        """Pass news on from the desk's thread."""
        self.post_message(self.Told(news))

    def on_stage_told(self, message: Told) -> None:
        news = message.news
        if isinstance(news, desk.Loading):
            self._show_progress(news.progress)
        elif isinstance(news, desk.TokenizerReady):
            limit = self.settings.prompt.max_prompts
            self.exploration = Exploration(news.vocabulary, news.ids, limit)
            self.show()
        elif isinstance(news, desk.ModelReady):
            self._greet(news.info)
        elif isinstance(news, desk.Answered):
            self._take(news)
        elif isinstance(news, desk.Refused):
            self._refuse(news)
        elif isinstance(news, desk.Restarting):
            said = f"{news.error.message}\nIt is started again; all prompts are kept."
            self.say(news.error.title, said, "warning")
        elif isinstance(news, desk.Failed):
            self._fail(news.error)
        else:
            raise news.error

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
        if self.exploration is not None:
            self.exploration.info = info
        about = [words.plain(part) for part in (info.model, info.device, info.dtype)]
        self.explore.title_line.describe(about, words.plain(info.note) if info.note else "")
        self._wait(Waiting("Reading the prompt …"))
        if self._asked is None:
            self.explore.title_line.rest(None)

    def _take(self, answer: desk.Answered) -> None:
        """Keep an answer, show it if it is of the prompt that is shown, and append what is waited for."""
        if answer.scores.ids == self._asked:
            self._asked = None
            self.explore.title_line.rest(answer.seconds)
        if self.exploration is None or not self.exploration.take(answer.scores):
            return
        self.show()
        if self.appends:
            self.appends -= 1
            self.append(0)

    def _refuse(self, refused: desk.Refused) -> None:
        """The engine can't answer the question."""
        if refused.ids == self._asked:
            self._give_up(refused.error)

    def _give_up(self, error: ExplorerError) -> None:
        """Ask no more until there is another prompt to ask about."""
        asked, self._asked, self.appends = self._asked, None, 0
        self.explore.title_line.rest(None)
        if self.exploration is not None and self.exploration.scores is None:
            self._given_up = asked
            self.explore.wait(Waiting(f"{words.plain(error.title)}."), keep=False)
        self.report(error)

    def _fail(self, error: ExplorerError) -> None:
        """There is no model; end, unless something would be lost that can be saved."""
        self.fatal = error
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

    def _ask(self, ids: TokenIds) -> None:
        if ids == self._given_up:
            return
        loaded = self.exploration is not None and self.exploration.info is not None
        self.explore.wait(Waiting("…" if loaded else "Loading the model …"))
        self.explore.title_line.work()
        if ids != self._asked:
            self._asked = ids
            self.desk.ask(ids, self.settings.display.tokens_to_show)

    def say(self, title: str, message: str, severity: Severity = "information") -> None:
        """Tell the user something, in place of what was told before. Never markup."""
        self.clear_notifications()
        self.notify(words.plain(message), title=words.plain(title), severity=severity, markup=False)

    def report(self, error: ExplorerError) -> None:
        """Tell the user of an error: what failed, with which value, and how to mend it."""
        message = "\n".join(part for part in (error.message, error.hint) if part)
        self.say(error.title, message, "warning" if isinstance(error, NotPossible) else "error")

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

    # What nobody foresaw.

    def _handle_exception(self, error: Exception) -> None:
        """Textual's one door for unexpected errors: end with words, not with a traceback of the user's text.

        The error goes on to whoever runs the program as a test.
        """
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
            self.fatal = ExplorerError(
                "Token Explorer failed",
                words.plain(f"{type(error).__name__}: {error}"),
                f"This is a bug; please report it. {self._rescue()}".rstrip(),
            )
            self.fatal.__cause__ = error
        self._return_code = self.fatal.exit_code if self.fatal else 1
        self._close_messages_no_wait()

    def _rescue(self) -> str:
        """Save all open prompts; in words, where."""
        if self.exploration is None:
            return ""
        folder = folder_beside(self.settings.source)
        try:
            paths = [save_prompt(text, folder) for text in self.exploration.texts()]
        except ExplorerError as error:
            return f"The prompts could not be saved: {error.message}"
        return "The prompts were saved: " + ", ".join(map(str, paths))
