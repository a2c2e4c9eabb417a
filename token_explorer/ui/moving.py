"""Changing the model while the program runs: choosing one, waiting for it, and going on in its tokens.

The one before goes on until the other is there. Knows nothing of how either is run.
"""

import threading
from collections.abc import Sequence

from textual.message import Message

from token_explorer.config import Settings
from token_explorer.core.engine import Engine, EngineInfo, Progress
from token_explorer.core.start import Start
from token_explorer.errors import ExplorerError
from token_explorer.ui import words
from token_explorer.ui.models import Models
from token_explorer.ui.removal import Moved, Removal, close_aside
from token_explorer.ui.saving import folder_beside, save_prompt
from token_explorer.ui.screens.models import ModelScreen
from token_explorer.ui.steering import Steering


class Moving(Steering):
    """An application whose model can be changed. See Stage for its other arguments.

    Args:
        models: what another model is chosen with; None where there is no other.
    """

    class Offered(Message):
        """The models that are here."""

        def __init__(self, models: Sequence[tuple[str, str]]) -> None:
            super().__init__()
            self.models = models

    class Heard(Message):
        """A removal has come further, or to its end."""

        def __init__(self, removal: Removal, news: Progress | Moved | ExplorerError) -> None:
            super().__init__()
            self.removal = removal
            self.news = news

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        first: str | Start,
        model: str,
        models: Models | None = None,
    ) -> None:
        super().__init__(engine, settings, first, model)
        self.models = models
        self.model_name = model
        """The name by which the model in use was asked for."""
        self.offered: Sequence[tuple[str, str]] = ()
        """The models that are here, as far as that is known."""
        self._removal: Removal | None = None
        self._chooser: ModelScreen | None = None

    async def leave_rooms(self) -> None:
        """Leave the room that is open, and forget what all of them show."""
        raise NotImplementedError

    def _greet(self, info: EngineInfo) -> None:
        super()._greet(info)
        if not self.offered:
            self._list_models()

    async def action_model(self) -> None:
        await self.choose_model()

    async def choose_model(self, name: str = "") -> None:
        """Have the user choose a model, or open one by its name."""
        if self.models is None:
            self.say("No other model", "This is a recorded run, or a session with one model.", "warning")
        elif self.exploration is None:
            self.say("Not yet", "The model is still loading.", "warning")
        elif self._chooser is None:
            self.end_writing()
            await self.leave_rooms()
            self._chooser = ModelScreen(self.model_name)
            await self.push_screen(self._chooser, self._close_chooser)
            self._chooser.offer(self.offered)
            self._list_models()
            if name:
                self._move_to(name)

    def _close_chooser(self, _: None) -> None:
        self._chooser = None
        self.show()

    def _list_models(self) -> None:
        """Find out which models are here, in a thread: it may look through many folders."""
        if (models := self.models) is not None:
            look = threading.Thread(
                target=lambda: self.post_message(self.Offered(models.available())), daemon=True
            )
            look.start()

    def on_moving_offered(self, message: Offered) -> None:
        changed, self.offered = message.models != self.offered, message.models
        if self._chooser is not None and changed:
            self._chooser.offer(self.offered)

    def on_model_screen_chosen(self, message: ModelScreen.Chosen) -> None:
        self._move_to(message.name)

    def on_model_screen_given_up(self) -> None:
        removal, self._removal = self._removal, None
        if removal is not None and self._chooser is not None:
            removal.cancel()
            self._chooser.dismiss()
            self.say("Model kept", f"{words.plain(self.model_name)} is in use as before.")

    def _move_to(self, name: str) -> None:
        shown, models = self.exploration, self.models
        if shown is None or models is None or self._chooser is None or self._removal is not None:
            return
        self._chooser.load(name)

        def tell(news: Progress | Moved | ExplorerError) -> None:
            self.post_message(self.Heard(removal, news))

        removal = Removal(name, models.make, shown.workspace, shown.vocabulary, tell)
        self._removal = removal
        removal.start()

    def on_moving_heard(self, message: Heard) -> None:
        told = message.news
        if message.removal is not self._removal:
            if isinstance(told, Moved):  # given up while it was on its way here
                close_aside(told.engine)
        elif isinstance(told, Progress):
            if self._chooser is not None:
                self._chooser.show_progress(told)
        else:
            self._removal = None
            if isinstance(told, Moved):
                self._settle(told)
            elif self._chooser is not None:
                self._chooser.fail(told)

    def _settle(self, moved: Moved) -> None:
        """Go on with the model that is there now."""
        before, self.model_name = self.engine, moved.name
        if self._chooser is not None:
            self._chooser.dismiss()
        shown = self.explore_in(moved.vocabulary, moved.prompts.workspace.branch.ids)
        if self.exploration is not None:
            shown.see_as(self.exploration)
        shown.workspace = moved.prompts.workspace
        shown.learn(moved.info)
        self.fatal = None
        self.take_engine(moved.engine, shown, moved.info)
        self.show_sampler()
        close_aside(before)
        self.say(moved.info.model, f"{moved.prompts.told}{self._save_left(moved.prompts.left)}")

    def _save_left(self, texts: Sequence[str]) -> str:
        """Save the prompts that the model can't read; in words, where."""
        if not texts:
            return ""
        try:
            paths = [save_prompt(text, folder_beside(self.settings.source)) for text in texts]
        except ExplorerError as error:
            return f"\nWhat it can't read could not be saved: {error.message}"
        return "\nWhat it can't read was saved: " + ", ".join(map(str, paths))

    def on_unmount(self) -> None:
        if self._removal is not None:
            self._removal.cancel()
