"""The lens's screen: what each layer would say after each token of the prompt, and where it changes its mind.

Asks no engine itself; knows nothing of how the lens is computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from textual.app import ComposeResult

from token_explorer.core.engine import Answer
from token_explorer.core.observation import Facet, Lens, LensCells
from token_explorer.errors import ExplorerError
from token_explorer.overlays.lens import LENS_MODES, LensMode
from token_explorer.results.palette import Palettes
from token_explorer.ui import lenswords, roomwords, words
from token_explorer.ui.keys import Key
from token_explorer.ui.screens.room import Known, Room
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Bar, run
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.lensgrid import LensGrid
from token_explorer.ui.widgets.lenswindow import LensWindow, Sight


class LensRoom(Room):
    """Layers by positions, each cell with the lens's likeliest token or a measure of its distribution."""

    needs = "lens"
    DEFAULT_CSS = """
    LensRoom { layout: vertical; overflow: hidden; background: $background; }
    LensRoom #lens-title { background: $panel; }
    LensRoom LensGrid {
        height: 1fr; background: $background; border-left: solid $primary; border-right: solid $primary;
    }
    """

    def __init__(self, palettes: Palettes, keys: Sequence[Key]) -> None:
        super().__init__()
        self.grid = LensGrid()
        self.mode: LensMode = LENS_MODES[0]
        self.depth: int | None = None
        """The layer that is looked at; None for the last one."""
        self._palettes = palettes
        self._title = Bar(id="lens-title")
        self._top, self._bottom = Bar(("╭", "╮"), "─"), Bar(("╰", "╯"), "─")
        self._way = Bar(("│", "│"))
        self._way.display = False
        self._footer = Footer(roomwords.footer(keys, lenswords.LABELS))
        self._view: View | None = None
        self._known: Known = _unknown
        self._acts = self._make_acts()

    def _make_acts(self) -> dict[str, Callable[[View], None]]:
        """What keys do here, by the ids of the table."""
        return {
            **self.walks(),
            **{id: partial(self._climb, -1) for id in ("choose-up", "layer-down")},
            **{id: partial(self._climb, 1) for id in ("choose-down", "layer-up")},
            "page-up": lambda view: self._climb(-self.grid.room[0], view),
            "page-down": lambda view: self._climb(self.grid.room[0], view),
            "first": partial(self._choose, 0),
            "last": lambda view: self._choose(_last_layer(view), view),
            "overlay": partial(self._turn, 1),
            "overlay-back": partial(self._turn, -1),
            "pin": self._pin,
        }

    def compose(self) -> ComposeResult:
        yield from (self._title, self._top, self.grid, self._way, self._bottom, self._footer)

    def show(self, view: View, known: Known) -> None:
        """See Room.show."""
        self.arrive(view, self._view)
        self._view, self._known = view, known
        if view.pin is None and self.mode.of_pin:
            self.mode = LENS_MODES[0]
        self._draw()

    def wanted(self) -> Sequence[Facet[Any]]:
        """See Room.wanted."""
        return [] if self._view is None else self._window(self._view).chunks(self._view.pin)

    def press(self, id: str) -> bool:
        """See Room.press."""
        if (act := self._acts.get(id)) is None:
            return False
        if self._view is not None:
            act(self._view)
        return True

    def go(self, place: int, view: View) -> None:
        """See Room.go; the window follows at once."""
        super().go(place, view)
        self._draw()

    # What is looked at there.

    def _layer(self, view: View) -> int:
        return _last_layer(view) if self.depth is None else min(self.depth, _last_layer(view))

    def _climb(self, steps: int, view: View) -> None:
        self._choose(self._layer(view) + steps, view)

    def _choose(self, layer: int, view: View) -> None:
        """Look at a layer, or the nearest there is."""
        self.depth = max(0, min(layer, _last_layer(view)))
        self._draw()

    def _turn(self, steps: int, view: View) -> None:
        modes = [mode for mode in LENS_MODES if view.pin is not None or not mode.of_pin]
        self.mode = modes[(modes.index(self.mode) + steps) % len(modes)]
        self._draw()

    def _pin(self, view: View) -> None:
        """Pin the top token of the cell that is looked at; let go of it where it is pinned already."""
        sight, _ = self._look(view)
        if sight.top is not None:
            self.post_message(self.PinChosen(None if sight.top == view.pin else sight.top))

    def on_lens_grid_cell_clicked(self, message: LensGrid.CellClicked) -> None:
        if self._view is not None:
            self._choose(message.layer, self._view)
            self.go(message.position, self._view)

    def on_lens_grid_wheeled(self, message: LensGrid.Wheeled) -> None:
        if self._view is not None:
            self._climb(message.layers, self._view)
            self.step(message.positions, self._view)

    def on_lens_grid_resized(self) -> None:
        self._draw()
        self.post_message(self.Changed())

    # What is shown.

    def _window(self, view: View) -> LensWindow:
        """The part of the lens that there is room for around the cell that is looked at."""
        layers, length = _last_layer(view) + 1, len(view.branch.ids)
        return LensWindow.around(self._layer(view), self.position(view), layers, length, *self.grid.room)

    def _look(self, view: View) -> tuple[Sight, ExplorerError | None]:
        """What is known of the part in view, and the error that stands where the cursor is, if one does."""
        window = self._window(view)
        answers = [(chunk, _answer(self._known, chunk)) for chunk in window.chunks(view.pin)]
        nearest = answers[0][1]
        sight = window.gather((chunk, each) for chunk, each in answers if isinstance(each, LensCells))
        return sight, nearest if isinstance(nearest, ExplorerError) else None

    def _draw(self) -> None:
        """Draw what is known of the part in view; before there is a place for it, nothing."""
        if (view := self._view) is None or not self.grid.size:
            return
        sight, error = self._look(view)
        grid = self.mode.read(sight.cells)
        palette = self._palettes.of(grid)
        sheet = lenswords.sheet(sight, grid, self.mode, view, palette)
        self.grid.show(sheet if error is None else replace(sheet, said=roomwords.why_not(error)))
        self._bottom.set(words.legend(grid, palette), *lenswords.detail(sight, self.mode, view))
        self._draw_frame(view, sight)

    def _draw_frame(self, view: View, sight: Sight) -> None:
        self._title.set(roomwords.title("Logit lens", view))
        self._top.set([run(f" {self.mode.name} ", bold=True)], *lenswords.origin())
        self._way.display = view.pin is not None
        if view.pin is not None:
            curve, numbers = lenswords.way(sight, view.vocabulary[view.pin].shown, self.grid.size.width)
            self._way.set(curve, *numbers)


def _last_layer(view: View) -> int:
    return 0 if view.info is None else view.info.layers


def _unknown(facet: Facet[Answer]) -> Answer | ExplorerError | None:
    """What is known before anything was told."""
    return None


def _answer(known: Known, chunk: Lens) -> LensCells | ExplorerError | None:
    """What is known of a chunk; while the pinned token's numbers aren't, what is known without them."""
    answer = known(chunk)
    return known(replace(chunk, pin=None)) if answer is None and chunk.pin is not None else answer
