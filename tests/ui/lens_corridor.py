"""An application with nothing but the lens's screen, and lenses to show on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from textual.app import App
from textual.pilot import Pilot

from tests.fakes import LAYERS, VOCABULARY, encode, observe
from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Answer, EngineInfo
from token_explorer.core.observation import Facet, Lens, LensCells
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError
from token_explorer.results import palette
from token_explorer.ui.keys import KEYS
from token_explorer.ui.screens.lens import LensRoom
from token_explorer.ui.screens.room import Room
from token_explorer.ui.view import View
from token_explorer.ui.widgets.lensgrid import GUTTER, HEADER

TEXT = "Once upon a time, there was a very small girl 日本 there was a time"
IDS = encode(TEXT)
COLOURS = palette.make("viridis", "truecolor")
NO_COLOURS = palette.Palette("none", (), ())
MOVES = (
    *("pop", "append", "look-back", "look-on", "word-back", "word-on", "look-first"),
    *("choose-up", "choose-down", "layer-down", "layer-up", "page-up", "page-down", "first", "last"),
    *("overlay", "overlay-back", "pin"),
)
Size = tuple[int, int]
LARGE, SMALL = (120, 40), (80, 24)


class Corridor(App[None]):
    """An application with nothing but the room: what the room wants is answered at once, unless it waits."""

    def __init__(
        self,
        ids: TokenIds = IDS,
        cursor: int | None = None,
        pin: int | None = None,
        layers: int = LAYERS,
        colours: palette.Palette = COLOURS,
    ) -> None:
        super().__init__()
        self.lens = LensRoom(palette.Palettes(colours, colours), KEYS)
        self.space = Workspace.open(ids).look_at(cursor)
        self.pin = pin
        self.info = EngineInfo("fake", "cpu", "float32", 0, layers)
        self.answers: dict[Facet[Any], LensCells | ExplorerError] = {}
        self.asked: list[Facet[Any]] = []
        """What the room wanted to know the answer of, or wanted asked."""
        self.told: list[int | None] = []
        """Where the room sent the cursor."""
        self.answering = True

    async def on_mount(self) -> None:
        await self.push_screen(self.lens)
        self.show()

    @property
    def view(self) -> View:
        return View(self.space, VOCABULARY, None, None, False, info=self.info, pin=self.pin)

    def show(self) -> None:
        """Show the room what is known, and answer what it wants beside that."""
        self.lens.show(self.view, self.known)
        wanted = [facet for facet in self.lens.wanted() if facet not in self.answers]
        self.asked += wanted
        if wanted and self.answering:
            self.answers.update({facet: self.answer(facet) for facet in wanted})
            self.lens.show(self.view, self.known)

    def known(self, facet: Facet[Answer]) -> Any:
        self.asked.append(facet)
        return self.answers.get(facet)

    def answer(self, facet: Facet[Any]) -> LensCells | ExplorerError:
        assert isinstance(facet, Lens)
        if self.info.layers != LAYERS or len(self.space.branch.ids) > 1000:
            return made_up(facet, self.info.layers)
        found = observe(self.space.branch.ids, facet)
        assert isinstance(found, LensCells)
        return found

    def on_room_cursor_moved(self, message: Room.CursorMoved) -> None:
        self.told.append(message.cursor)
        self.space = self.space.look_at(message.cursor)
        self.show()

    def on_room_pin_chosen(self, message: Room.PinChosen) -> None:
        self.pin = message.token
        self.show()

    def on_room_changed(self) -> None:
        self.show()

    def lines(self) -> list[str]:
        """The screen as text."""
        return [strip.text for strip in self.screen._compositor.render_strips()]

    def cell(self, layer: int, position: int) -> str:
        """The text of a cell in view."""
        view = self.lens._window(self.view)
        row, width = layer - view.top + HEADER, self.lens.grid.column_width
        start = GUTTER + (position - view.start) * width
        strip = self.lens.grid.render_line(row).crop(start, start + width)
        return strip.text


def made_up(facet: Lens, layers: int) -> LensCells:
    """Numbers for prompts and models that would take the fake one too long."""
    random = np.random.default_rng(facet.start)
    shape = layers + 1, facet.stop - facet.start
    logprobs = np.log(random.random(shape)).astype(np.float32)
    pinned = None if facet.pin is None else logprobs - 1
    ranks = None if facet.pin is None else random.integers(1, 300_000, shape)
    tops = random.integers(0, len(VOCABULARY), shape)
    return LensCells(tops, logprobs, -logprobs * 3, -logprobs * 4, pinned, ranks)


@asynccontextmanager
async def corridor(size: Size = LARGE, **given: Any) -> AsyncIterator[tuple[Corridor, Pilot[None]]]:
    app = Corridor(**given)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def press(app: Corridor, pilot: Pilot[None], *ids: str) -> None:
    for id in ids:
        assert app.lens.press(id)
        await pilot.pause()


def in_view(app: Corridor) -> range:
    window = app.lens._window(app.view)
    return range(window.start, window.stop)
