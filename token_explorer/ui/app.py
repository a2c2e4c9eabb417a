"""The explorer: what each key and click does, as one switchboard.

Which prompts there are and what is known of them lives in Exploration, what is shown in Stage.
"""

from collections.abc import Callable, Iterable
from functools import partial

from textual.app import SystemCommand
from textual.binding import Binding, BindingsMap
from textual.screen import Screen

from token_explorer.config import Settings
from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Engine
from token_explorer.errors import ExplorerError, NotPossible
from token_explorer.overlays import OVERLAYS
from token_explorer.ui.saving import folder_beside, save_prompt
from token_explorer.ui.screens.help import HelpScreen
from token_explorer.ui.stage import Stage
from token_explorer.ui.widgets.candidates import CandidateTable
from token_explorer.ui.widgets.prompt import PromptPane


class Explorer(Stage):
    """The terminal program. See Stage for its arguments."""

    def __init__(self, engine: Engine, settings: Settings, text: str, model: str) -> None:
        super().__init__(engine, settings, text, model)
        # Not made by a keymap, as Textual drops a binding without a word where two keys clash.
        self._bindings = BindingsMap(self._make_bindings())

    def _make_bindings(self) -> Iterable[Binding]:
        if not any("ctrl+c" in entry.keys for entry in self.keys):
            yield Binding("ctrl+c", "help_quit", show=False, system=True)
        for entry in self.keys:
            for key in entry.keys:
                # From everywhere, also from the palette; but there a letter must stay a letter.
                always = entry.id == "quit" and key.startswith("ctrl+")
                yield Binding(key, f"press('{entry.id}')", entry.label, show=False, priority=always)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette lists: everything that has keys, and the theme."""
        for key in self.keys:
            if key.id != "commands":
                yield SystemCommand(key.help.capitalize(), key.shown, partial(self.action_press, key.id))
        yield SystemCommand("Theme", "choose the colours of the screen", self.action_change_theme)

    # What the keys do. All of them come through one door, also from the palette.

    async def action_press(self, id: str) -> None:
        """Do what a key does; any but append forgets the appends that wait."""
        if id != "append":
            self.appends = 0
        await self.run_action(next(key.action for key in self.keys if key.id == id))

    def _change(self, operation: Callable[[Workspace], Workspace]) -> None:
        """Do something to the workspace; before there is one, nothing."""
        if self.exploration is None:
            return
        try:
            self.exploration.change(operation)
        except NotPossible as error:
            self.report(error)
        else:
            self.show()

    def action_append(self) -> None:
        """Append the chosen token, or the likeliest one as soon as it is known."""
        if not self.explore.table.stale:
            self.append(self.explore.table.chosen)
        elif self.waiting:
            self.appends += 1

    def action_pop(self) -> None:
        self._change(Workspace.back)

    def action_choose(self, steps: int) -> None:
        self.explore.table.choose(self.explore.table.chosen + steps)

    def action_choose_page(self, pages: int) -> None:
        self.explore.table.choose(self.explore.table.chosen + pages * self.explore.table.page)

    def action_choose_end(self, side: int) -> None:
        self.explore.table.choose(0 if side < 0 else len(self.explore.table.rows) - 1)

    def action_switch(self, steps: int) -> None:
        self._change(lambda workspace: workspace.switch(steps))

    def action_copy(self) -> None:
        self._change(Workspace.fork)

    def action_remove(self) -> None:
        self._change(Workspace.drop)

    def action_reset(self) -> None:
        self._change(Workspace.reset)

    def action_undo(self) -> None:
        self._change(Workspace.undo)

    def action_redo(self) -> None:
        self._change(Workspace.redo)

    def action_cursor_off(self) -> None:
        self._change(lambda workspace: workspace.look_at(None))

    def action_look(self, steps: int) -> None:
        self._change(lambda workspace: workspace.step_cursor(steps))

    def action_look_word(self, steps: int) -> None:
        if self.exploration is not None:
            self.exploration.step_word(steps)
            self.show()

    def action_look_first(self) -> None:
        self._change(lambda workspace: workspace.look_at(0))

    def action_overlay(self, steps: int) -> None:
        if self.exploration is not None:
            self.exploration.turn_overlay(steps)
            self.show()

    def action_layers(self) -> None:
        if self.settings.display.layer_prob:
            self.say("Layers", "They are enabled, but this version doesn't draw them yet.")
            return
        how = "Start with --layer_prob, or write layer_prob = true under [display] in the configuration."
        self.say("Layers are not enabled", how, "warning")

    def action_save(self) -> None:
        if self.exploration is None:
            return
        text, whole = self.exploration.text()
        try:
            path = save_prompt(text, folder_beside(self.settings.source))
        except ExplorerError as error:
            self.report(error)
            return
        broken = "" if whole else "\nBytes that make no whole character were saved as U+FFFD."
        self.say("Saved", f"{path}{broken}")

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self.keys, OVERLAYS))

    def action_help_quit(self) -> None:
        shown = next(key.shown for key in self.keys if key.id == "quit")
        self.say("Do you want to quit?", f"Press {shown}.")

    async def action_quit(self) -> None:
        code = 0 if self.fatal is None else self.fatal.exit_code
        self.exit(code, return_code=code)

    def on_prompt_pane_token_clicked(self, message: PromptPane.TokenClicked) -> None:
        self.appends = 0
        self._change(lambda workspace: workspace.look_at(message.token))

    def on_candidate_table_row_clicked(self, message: CandidateTable.RowClicked) -> None:
        self.appends = 0
        if message.chosen:
            self.append(message.row)
        else:
            self.explore.table.choose(message.row)
