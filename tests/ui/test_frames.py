"""A key and the answer to it are painted together, and a slow answer keeps no key from being painted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.fakes import PATIENCE_S
from tests.ui.driving import driving, in_loop
from token_explorer.ui.frames import HELD_S, Frames


class Clockwork:
    """What Frames needs of an application, noted down."""

    def __init__(self) -> None:
        self.paused, self.resumed, self.timers = 0, 0, list[tuple[float, Callable[[], None]]]()
        self.stopped = 0

    @contextmanager
    def pause(self) -> Iterator[None]:
        self.paused += 1
        yield
        self.paused -= 1

    def later(self, seconds: float, call: Callable[[], None]) -> Any:
        self.timers.append((seconds, call))
        return self

    def stop(self) -> None:
        self.stopped += 1

    def resume(self) -> None:
        self.resumed += 1


def made() -> tuple[Frames, Clockwork]:
    clockwork = Clockwork()
    return Frames(clockwork.pause, clockwork.later, clockwork.resume), clockwork


def test_frames_are_held_once_and_not_longer_for_a_second_key() -> None:
    frames, clockwork = made()
    frames.hold()
    frames.hold()
    assert (clockwork.paused, [seconds for seconds, _ in clockwork.timers]) == (1, [HELD_S])
    clockwork.timers[0][1]()
    assert (clockwork.paused, clockwork.resumed, frames.held) == (0, 1, False)


def test_an_answer_lets_them_go_and_the_timer_has_nothing_left_to_do() -> None:
    frames, clockwork = made()
    frames.hold()
    frames.release()
    frames.release()
    assert (clockwork.paused, clockwork.resumed, clockwork.stopped) == (0, 1, 1)


@in_loop
async def test_an_append_is_painted_with_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_explorer.ui.frames.HELD_S", PATIENCE_S)
    async with driving() as driver:
        pane, rows = driver.app.explore.prompt, driver.app.explore.table.rows
        painted = pane.painted
        driver.engine.hold()
        await driver.pilot.press("l")
        assert (driver.app.frames.held, pane.painted) == (True, painted)
        driver.engine.release()
        await driver.settle()
        assert not driver.app.frames.held
        assert pane.painted > painted
        assert driver.app.explore.table.rows != rows


@in_loop
async def test_a_key_is_painted_while_its_answer_is_still_to_come() -> None:
    async with driving() as driver:
        pane = driver.app.explore.prompt
        painted = pane.painted
        driver.engine.hold()
        await driver.pilot.press("l")
        while driver.app.frames.held or pane.painted == painted:
            await driver.pilot.pause(HELD_S)
        assert driver.app.explore.table.stale
