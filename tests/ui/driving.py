"""Runs the explorer without a terminal: presses keys, waits without sleeping, reads the screen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.fakes import PATIENCE_S, FakeEngine
from token_explorer.config import DisplaySettings, Settings
from token_explorer.core.branch import Workspace
from token_explorer.core.start import Start
from token_explorer.ui.app import Explorer


@dataclass
class Driver:
    """An explorer that runs, and hands to drive it with."""

    app: Explorer
    pilot: Pilot[int]
    engine: FakeEngine

    @property
    def workspace(self) -> Workspace:
        assert self.app.exploration is not None
        return self.app.exploration.workspace

    @property
    def said(self) -> list[str]:
        """What the notifications in view say, the newest first."""
        return [f"{note.title}: {note.message}" for note in self.app._notifications][::-1]

    def lines(self) -> list[str]:
        """The screen as text."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    def text(self) -> str:
        return "\n".join(self.lines())

    async def settle(self) -> None:
        """Wait until the engine has nothing to do and everything it said is drawn."""
        while True:
            assert await asyncio.to_thread(self.app.desk.wait_idle, PATIENCE_S), "the desk never came to rest"
            await self.pilot.pause()
            if self.app.desk.wait_idle(0) and not self.app.looking.planned:
                break
        while self.engine.began.acquire(blocking=False):
            pass  # what was begun before is no answer to `begun`

    async def press(self, *keys: str) -> None:
        """Press keys, each after the answer to the one before."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def begun(self) -> None:
        """Wait until the engine has begun one more question since it was at rest."""
        assert await asyncio.to_thread(self.engine.began.acquire, timeout=PATIENCE_S), "nothing was asked"


@asynccontextmanager
async def driving(
    engine: FakeEngine | None = None,
    text: str | Start = "Once upon a time, there was a",
    size: tuple[int, int] = (120, 40),
    settings: Settings | None = None,
    settled: bool = True,
) -> AsyncIterator[Driver]:
    """Run an explorer on a fake engine."""
    engine = engine or FakeEngine()
    app = Explorer(engine, settings or Settings(), text, "embedded")
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            driver = Driver(app, pilot, engine)
            if settled:
                await driver.settle()
            yield driver
    finally:
        engine.release()
        engine.release_loading()


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that awaits."""

    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__wrapped__ = test  # type: ignore[attr-defined]  # so that pytest sees its fixtures
    return run


def saving_in(folder: Path, **display: Any) -> Settings:
    """Settings whose prompts are saved below a folder."""
    return Settings(display=DisplaySettings(**display), source=folder / "config.toml")
