"""Changing the model: the one before goes on until the other is there, and texts go over, not ids."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np

from tests.fakes import PIECES, VOCABULARY, FakeEngine, encode
from tests.ui.driving import Driver, driving, in_loop
from token_explorer.core.cuts import Cut, Encoding
from token_explorer.core.engine import Answer, Engine, Report, Stop
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import ModelLoadError
from token_explorer.ui.models import Models
from token_explorer.ui.screens.models import ModelScreen

LISTED = (("embedded", "fake-model"), ("bytes", "one token a byte [/b]"))
# As many tokens, but its words have other ids, and its tokenizer cuts bytes.
ONE_A_BYTE = Vocabulary(
    (*PIECES[:257], *reversed(PIECES[257:])), frozenset({256}), 256, 256, frozenset({256})
)


class ByteEngine(FakeEngine):
    """A model whose tokens are single bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.info = replace(self.info, model="byte-model")

    def load_tokenizer(self, report: Report) -> Vocabulary:
        super().load_tokenizer(report)
        return ONE_A_BYTE

    def observe(self, ids: tuple[int, ...], facet: Facet[Answer], stop: Stop) -> Answer:
        if isinstance(facet, Encoding):
            return Cut(np.array([256, *facet.text.encode()], np.int64))  # type: ignore[return-value]
        return super().observe(ids, facet, stop)


@asynccontextmanager
async def choosing(*engines: FakeEngine) -> AsyncIterator[Driver]:
    """An explorer that gets these engines, one after the other, for the models that are chosen."""
    waiting = list(engines)
    async with driving() as driver:
        driver.app.models = Models(lambda name: waiting.pop(0), lambda: LISTED)
        try:
            yield driver
        finally:
            for engine in engines:
                engine.release()
                engine.release_loading()


async def until(driver: Driver, holds: Callable[[], bool]) -> None:
    """Wait until something holds, without a clock: each turn lets the threads and the screen work."""
    for _ in range(2000):
        if holds():
            await driver.settle()
            return
        await driver.pilot.pause()
    raise AssertionError("it never came to hold")


def chooser(driver: Driver) -> ModelScreen:
    assert isinstance(driver.app.screen, ModelScreen)
    return driver.app.screen


@in_loop
async def test_the_list_names_the_models_that_are_here_and_the_one_in_use() -> None:
    async with choosing() as driver:
        await driver.press("m")
        await until(driver, lambda: bool(driver.app.offered))
        text = driver.text()
        assert "in use" in text
        assert "one token a byte [/b]" in text
        await driver.press("escape")
        assert driver.app.screen is driver.app.explore


@in_loop
async def test_with_other_tokens_each_prompt_s_text_is_cut_anew_and_undo_begins_anew() -> None:
    engine = ByteEngine()
    async with choosing(engine) as driver:
        await driver.press("right", "d", "right", "e")
        before = driver.workspace
        texts = [VOCABULARY.text(each.ids) for each in before.branches]
        await driver.app.choose_model("bytes")
        await until(driver, lambda: driver.app.engine is engine)
        after = driver.workspace
        assert [ONE_A_BYTE.text(each.ids) for each in after.branches] == texts
        assert after.active == before.active
        assert not after.past
        assert f"{len(before.branch.ids)} → {len(after.branch.ids)} tokens" in driver.said[0]
        assert "byte-model" in driver.text()
        assert driver.app.exploration is not None
        assert driver.app.exploration.overlay is not None
        assert engine.scored[-1] == after.branch.ids
        await until(driver, lambda: "close" in driver.engine.calls)


@in_loop
async def test_with_the_same_tokens_all_ids_stay() -> None:
    engine = FakeEngine()
    async with choosing(engine) as driver:
        await driver.press("right", "comma")
        before = driver.workspace.branches
        await driver.app.choose_model("twin")
        await until(driver, lambda: driver.app.engine is engine)
        assert driver.workspace.branches == before
        assert "as they were" in driver.said[0]


@in_loop
async def test_a_model_that_can_t_be_had_leaves_all_as_it_is() -> None:
    engine = FakeEngine()
    engine.load_error = ModelLoadError("Can't load the model", "broken [/b].", "Choose another.")
    async with choosing(engine) as driver:
        await driver.press("right")
        before = driver.workspace
        await driver.app.choose_model("broken")
        await until(driver, lambda: "broken [/b]." in driver.text())
        assert "close" in engine.calls
        await driver.press("escape")
        assert driver.workspace is before
        assert driver.app.engine is driver.engine
        await driver.press("right")
        assert len(driver.workspace.branch.ids) == len(before.branch.ids) + 1


@in_loop
async def test_esc_gives_up_a_model_that_loads_and_the_one_before_goes_on() -> None:
    engine = FakeEngine()
    engine.hold_loading()
    async with choosing(engine) as driver:
        before = driver.workspace
        await driver.app.choose_model("slow")
        await until(driver, lambda: "25%" in driver.text())
        await driver.press("escape")
        assert driver.app.screen is driver.app.explore
        await until(driver, lambda: "close" in engine.calls)
        engine.release_loading()
        await driver.press("right")
        assert driver.app.engine is driver.engine
        assert len(driver.workspace.branch.ids) == len(before.branch.ids) + 1


@in_loop
async def test_what_the_model_before_still_says_is_not_heard() -> None:
    engine = ByteEngine()
    async with choosing(engine) as driver:
        driver.engine.hold()
        await driver.pilot.press("right")
        await driver.pilot.pause()
        await driver.app.choose_model("bytes")
        await until_engine(driver, engine)
        driver.engine.release()
        await driver.settle()
        assert driver.app.exploration is not None
        assert driver.app.exploration.scores is not None
        assert driver.app.exploration.scores.ids == driver.workspace.branch.ids


async def until_engine(driver: Driver, engine: Engine) -> None:
    for _ in range(2000):
        if driver.app.engine is engine:
            return
        await driver.pilot.pause()
    raise AssertionError("the model never came")


@in_loop
async def test_where_there_is_no_other_model_it_is_said() -> None:
    async with driving() as driver:
        await driver.press("m")
        assert "No other model" in driver.said[0]
        assert driver.workspace.branch.ids == encode("Once upon a time, there was a")
