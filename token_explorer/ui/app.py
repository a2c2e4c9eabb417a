"""The explorer: what each key and click does, as one switchboard.

Which prompts there are and what is known of them lives in Exploration, what is shown in Stage.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingsMap
from textual.screen import Screen

from token_explorer.config import Settings
from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Engine
from token_explorer.core.observation import Kind
from token_explorer.core.start import Start
from token_explorer.core.tokens import display
from token_explorer.errors import ExplorerError
from token_explorer.overlays import OVERLAYS, Overlay
from token_explorer.ui.choices import LAYER_MODES
from token_explorer.ui.commandline import CommandLine
from token_explorer.ui.doors import DOORS
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.models import Models
from token_explorer.ui.orders import orders
from token_explorer.ui.resuming import Kept, Resuming
from token_explorer.ui.saving import file_name, folder_beside, save_prompt
from token_explorer.ui.screens.room import Room, RoomKind
from token_explorer.ui.widgets.candidates import CandidateTable
from token_explorer.ui.widgets.entry import Entry
from token_explorer.ui.widgets.prompt import PromptPane

if TYPE_CHECKING:
    from textual.command import Provider

    from token_explorer.ui.screens.compose import Composer
# What keys do while a line is typed; the others are for the line, or come by mistake.
_BESIDE_A_LINE = ("choose-up", "choose-down", "page-up", "page-down", "commands", "quit")
# Keys that wait for nothing.
_AT_ONCE = ("quit", "help", "commands", "menu")
# Keys that are about what the table lists.
_AT_A_TABLE = ("append", "replace", "choose-up", "choose-down", "page-up", "page-down", "first", "last")


def _commands() -> "type[Provider]":
    """What the command palette searches; imported when it is opened."""
    from token_explorer.ui.commands import Commands

    return Commands


class Explorer(Resuming):
    """The terminal program. See Stage, Moving and Resuming for its arguments."""

    COMMANDS: ClassVar["set[type[Provider] | Callable[[], type[Provider]]]"] = {_commands}
    ROOMS: ClassVar[Mapping[str, RoomKind]] = DOORS
    """The rooms by the ids of their keys; each is made from the palettes and the table of keys."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        first: str | Start,
        model: str,
        models: Models | None = None,
        kept: Kept | None = None,
    ) -> None:
        super().__init__(engine, settings, first, model, models, kept)
        # Not made by a keymap, as Textual drops a binding without a word where two keys clash.
        self._bindings = BindingsMap(self._make_bindings())
        # Where layers aren't enabled, their key first explains itself.
        self._layers_explained = settings.display.layer_prob
        self._layers_offered = False
        self.command_line = CommandLine(orders(self))
        self._rooms: dict[str, Room] = {}
        self._room_name = ""

    @property
    def _command_entry(self) -> Entry:
        return Entry("command", ":", "Tab completes", self.command_line.complete, remembers=True)

    def action_command_line(self) -> None:
        self.open_entry(self._command_entry)

    def obey(self, line: str) -> None:
        """See Steering.obey."""
        if not line.strip():
            return
        try:
            command, argument = self.command_line.find(line)
            command.do(argument)
        except ExplorerError as error:
            self.report(error)

    def _make_bindings(self) -> Iterable[Binding]:
        if not any("ctrl+c" in entry.keys for entry in self.keys):
            yield Binding("ctrl+c", "help_quit", show=False, system=True)
        for entry in self.keys:
            for key in entry.keys:
                # From everywhere, also from the palette; but there a letter must stay a letter.
                always = entry.id == "quit" and key.startswith("ctrl+")
                yield Binding(key, f"press('{entry.id}')", entry.label, show=False, priority=always)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette lists: all that has keys, each overlay, ways to show layers, the theme."""
        for key in self.keys:
            if key.id != "commands":
                press = partial(self.action_press, key.id)
                yield self._command(key.help.capitalize(), key.shown, press, self._needs(key.id))
        yield self._command("Overlay: text", "no colours", partial(self.use_overlay, None))
        for overlay in OVERLAYS:
            use = partial(self.use_overlay, overlay)
            yield self._command(f"Overlay: {overlay.name}", overlay.help, use, overlay.needs)
        for mode, help in LAYER_MODES.items():
            needs: Kind | None = None if mode == "none" else "lens"
            yield self._command(f"Layers: {mode}", help, partial(self.show_layers, mode), needs)
        for name, about in self.offered:
            title = f"Model: {display(name)}"
            yield self._command(title, about, partial(self.call_later, self.choose_model, name))
        for command in self.command_line.commands:
            if command.argument and not any(command.name == key.id for key in self.keys):
                begin = partial(self.open_entry, self._command_entry, f"{command.name} ")
                yield self._command(f"{command.name} {command.argument}", command.help, begin)
        yield self._command("Theme", "choose the colours of the screen", self.action_change_theme)

    def _command(
        self, title: str, help: str, do: Callable[[], object], needs: Kind | None = None
    ) -> SystemCommand:
        """A command, or what stands in its place where the model lacks what it needs."""
        from token_explorer.ui.commands import Absent

        lack = "" if self.exploration is None else self.exploration.lack(needs)
        if lack:
            return Absent(title, f"not here: {lack}", partial(self.say, title, lack, "warning"))
        return SystemCommand(title, help, do)

    def _needs(self, id: str) -> Kind | None:
        """What the model must have for a key."""
        return "lens" if id == "layers" else self.ROOMS[id].needs if id in self.ROOMS else None

    # What the keys do. All of them come through one door, also from the palette.

    async def action_press(self, id: str) -> None:
        """Do what a key does, in the room that is open, or as soon as there is the table that it is for.

        So keys that come faster than a table do what they would do slowly. A key that needs no table makes
        those that wait for the engine's next answer of no use; it waits with them for one that needs no
        forward.
        """
        if self.explore.entry.entry is not None and id not in _BESIDE_A_LINE:
            return
        wants = id in _AT_A_TABLE and self.explore.table.stale and self.waiting and not self._elsewhere
        brief = self.exploration is not None and self.exploration.scores is not None
        joins = self.later and (brief or id in _AT_A_TABLE) and id not in _AT_ONCE
        if wants or joins:
            self.later.append(id)
        else:
            self.later.clear()
            await self._press(id)

    @property
    def _elsewhere(self) -> bool:
        """Whether keys go to something else than the table."""
        return self.room is not None or self.explore.panel.display

    async def take_up(self) -> None:
        """See Audience.take_up."""
        while self.later:
            awaited = self.later[0] in _AT_A_TABLE and self.explore.table.stale and self.waiting
            if awaited and not self._elsewhere:
                return
            await self._press(self.later.pop(0))

    async def _press(self, id: str) -> None:
        if self.writing is not None and id == "cursor-off":
            self.end_writing()
            self.show()
        elif self.room is not None and self.room.press(id):
            pass
        elif self.room is not None and id == "cursor-off":
            await self._close_room()
        elif self.room is not None or not (self.explore.panel.display and self.explore.panel.press(id)):
            await self.run_action(next(key.action for key in self.keys if key.id == id))

    def _change(self, operation: Callable[[Workspace], Workspace]) -> None:
        """Do something to the workspace."""
        self._do(lambda shown: shown.change(operation))

    def action_append(self) -> None:
        if not self.explore.table.stale:
            self.append(self.explore.table.chosen)

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
        """Leave what is open: the sampler's panel, a search, the token that is looked at."""
        shown = self.exploration
        if self.explore.panel.display:
            self.explore.panel.display = False
        elif shown is not None and shown.query is not None:
            self.set_query(None)
        else:
            self._do(lambda shown: shown.go_to(None))

    def action_look(self, steps: int) -> None:
        self._change(lambda workspace: workspace.step_cursor(steps))

    def action_look_word(self, steps: int) -> None:
        self._do(lambda shown: shown.step_word(steps))

    def action_look_first(self) -> None:
        self._do(lambda shown: shown.go_to(0))

    def action_overlay(self, steps: int) -> None:
        self._do(lambda shown: shown.turn_overlay(steps))

    def use_overlay(self, overlay: Overlay | None) -> None:
        """Colour the prompt by an overlay; None for plain text."""
        self.later.clear()
        self._do(lambda shown: shown.use_overlay(overlay))

    def action_layers(self) -> None:
        if self._layers_explained or (self.exploration is not None and self.exploration.lack("lens")):
            if self._layers_offered:
                self._layers_offered = False
                self.clear_notifications()  # the offer has been taken
            self._do(Exploration.turn_layers)
            return
        self._layers_explained = self._layers_offered = True
        shown = next(key.shown for key in self.keys if key.id == "layers")
        how = "Start with --layer_prob, or write layer_prob = true under [display] in the configuration."
        again = f"Press {shown or 'the key'} again to switch them on now."
        self.say("Layers are not enabled", f"{how}\n{again}", "warning")

    def show_layers(self, mode: str) -> None:
        """Have the table show the candidates' layers in one of LAYER_MODES."""
        self.later.clear()
        self._layers_explained = True
        self._do(lambda shown: shown.show_layers(mode))

    def action_layer(self, steps: int) -> None:
        self._do(lambda shown: shown.turn_layer(steps))

    def action_sink(self) -> None:
        self._do(Exploration.turn_sink)
        if self.exploration is not None and (self.room is not None or not self.exploration.attends):
            how = "counts in" if self.exploration.sink else "is left out of"
            self.say("Attention sink", f"The first token {how} the scale of the influence overlay.")

    def action_pin(self) -> None:
        self._do(Exploration.turn_pin)

    async def action_room(self, name: str) -> None:
        """Open a room in place of the one that is open, or close it."""
        kind, shown = self.ROOMS[name], self.exploration
        if shown is None or shown.info is None:
            self.say("Not yet", "The model is still loading.", "warning")
            return
        if lack := shown.lack(kind.needs):
            self.say(f"No {name} here", lack, "warning")
            return
        before = await self._close_room()
        if name != before:
            if name not in self._rooms:  # it is kept, so that it opens again as it was left
                self._rooms[name] = kind(self.palettes, self.keys)
                self.install_screen(self._rooms[name], name)
            await self.push_screen(name)
            self.room, self._room_name = self._rooms[name], name
            self.show()

    async def _close_room(self) -> str:
        """Close the room that is open; its name, '' where none was."""
        name, self._room_name = self._room_name, ""
        if self.room is not None:
            self.room = None
            await self.pop_screen()
            self.show()
        return name

    async def leave_rooms(self) -> None:
        """See Moving.leave_rooms."""
        await self._close_room()
        for name in self._rooms:
            self.uninstall_screen(name)
        self._rooms.clear()

    def on_room_cursor_moved(self, message: Room.CursorMoved) -> None:
        self.later.clear()
        place = message.cursor
        if self.exploration is not None and (place is None or place < len(self.exploration.ids)):
            self._do(lambda shown: shown.go_to(place))

    def on_room_pin_chosen(self, message: Room.PinChosen) -> None:
        self._do(lambda shown: shown.follow(message.token))

    async def on_composer_applied(self, message: "Composer.Applied") -> None:
        """What was written in a room becomes the prompt, or another one."""
        ids, opens_new = message.ids, message.room.opens_new
        await self._close_room()
        self._change(lambda workspace: workspace.add(ids) if opens_new else workspace.rewrite(ids))

    def on_room_changed(self) -> None:
        self.look()

    def action_save(self) -> None:
        if self.exploration is None:
            return
        text, whole = self.exploration.text()
        try:
            place = self._saved(text)
        except ExplorerError as error:
            self.report(error)
            return
        broken = "" if whole else "\nBytes that make no whole character were saved as U+FFFD."
        self.say("Saved", f"{place}{broken}")

    def _saved(self, text: str) -> str:
        """Save a text where its user can get at it, and say where. Raises InputError."""
        if not self.is_web:
            return str(save_prompt(text, folder_beside(self.settings.source)))
        name = file_name()
        self.deliver_text(StringIO(text), save_filename=name, mime_type="text/plain", encoding="utf-8")
        return f"{name}, a download of the browser."

    def on_key(self, event: events.Key) -> None:
        """Type keys that were on their way to the screen when the one before them opened a line."""
        line = self.explore.entry
        if line.entry is not None and event is not line.passed and self.screen is self.explore:
            event.prevent_default()
            line.take(event)

    def action_help(self) -> None:
        from token_explorer.ui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.keys, OVERLAYS))

    def action_menu(self) -> None:
        from token_explorer.ui.screens.menu import MenuScreen

        self.push_screen(MenuScreen(self.keys), self._take_from_menu)

    def _take_from_menu(self, id: str | None) -> None:
        if id is not None:
            self.call_later(self.action_press, id)

    def action_help_quit(self) -> None:
        shown = next(key.shown for key in self.keys if key.id == "quit")
        self.say("Do you want to quit?", f"Press {shown}.")

    async def action_quit(self) -> None:
        code = 0 if self.fatal is None else self.fatal.exit_code
        self.exit(code, return_code=code)

    def on_prompt_pane_token_clicked(self, message: PromptPane.TokenClicked) -> None:
        self.later.clear()
        self._do(lambda shown: shown.go_to(message.token))

    def on_candidate_table_row_chosen(self) -> None:
        table, shown = self.explore.table, self.exploration
        if shown is not None and not table.stale and table.chosen != shown.row:
            shown.row = table.chosen
            self.show()

    def on_candidate_table_row_clicked(self, message: CandidateTable.RowClicked) -> None:
        self.later.clear()
        if message.takes:
            self.append(message.row)
        else:
            self.explore.table.choose(message.row)
