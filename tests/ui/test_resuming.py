"""A session goes on where it ended: ids and all, in other tokens by its texts; broken files are put aside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes import VOCABULARY, FakeEngine
from tests.ui.driving import Driver, in_loop
from tests.ui.test_moving import ONE_A_BYTE, ByteEngine
from token_explorer.config import Settings
from token_explorer.core.session import loaded
from token_explorer.core.start import Example
from token_explorer.ui.app import Explorer
from token_explorer.ui.keeper import Keeper
from token_explorer.ui.resuming import Kept


@asynccontextmanager
async def going_on(
    file: Path, engine: FakeEngine | None = None, text: str = Example("Once upon")
) -> AsyncIterator[Driver]:
    """An explorer that keeps its session in a file, and writes it at the end."""
    engine = engine or FakeEngine()
    kept = Kept.read(Keeper(file, quiet_s=1000.0))
    app = Explorer(engine, Settings(), text, "embedded", None, kept)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        driver = Driver(app, pilot, engine)
        await driver.settle()
        yield driver


@in_loop
async def test_prompts_cursor_overlay_and_sampler_are_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "workspace.json"
    async with going_on(file) as driver:
        await driver.press("right", "d", "right", "n", "e", "T", "comma", "w")
        driver.app.turn("temperature", "0.5")
        driver.app.set_seed(7)
        before, overlay = driver.workspace, driver.app.exploration.overlay  # type: ignore[union-attr]
    async with going_on(file) as driver:
        shown = driver.app.exploration
        assert shown is not None
        assert driver.workspace.branches == before.branches
        assert driver.workspace.active == before.active
        assert shown.overlay is overlay
        assert (shown.sampler.temperature, shown.sampler_on, shown.seed) == (0.5, True, 7)


@in_loop
async def test_a_prompt_that_is_asked_for_stands_beside_those_that_were_kept(tmp_path: Path) -> None:
    file = tmp_path / "workspace.json"
    async with going_on(file) as driver:
        await driver.press("right")
        before = driver.workspace.branches
    async with going_on(file, text="a small girl") as driver:
        assert driver.workspace.branches[:-1] == before
        assert VOCABULARY.text(driver.workspace.branch.ids) == "a small girl"


@in_loop
async def test_with_other_tokens_the_texts_are_cut_anew_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "workspace.json"
    async with going_on(file) as driver:
        await driver.press("right", "d", "right")
        texts = [VOCABULARY.text(each.ids) for each in driver.workspace.branches]
    async with going_on(file, ByteEngine()) as driver:
        assert [ONE_A_BYTE.text(each.ids) for each in driver.workspace.branches] == texts
        assert "cut anew" in driver.said[0]


@in_loop
async def test_a_broken_file_is_put_aside_and_told_of(tmp_path: Path) -> None:
    file = tmp_path / "workspace.json"
    file.write_text("{broken [/b]")
    async with going_on(file) as driver:
        assert "Not a workspace" in driver.said[0]
        assert "workspace.json.kept-1" in driver.said[0]
    assert (tmp_path / "workspace.json.kept-1").read_text() == "{broken [/b]"
    assert loaded(file.read_text()).model == "embedded"


def test_changes_are_written_soon_and_only_the_last_of_many(tmp_path: Path) -> None:
    import threading

    from token_explorer.core.branch import Workspace
    from token_explorer.core.session import Session

    file, written = tmp_path / "workspace.json", threading.Event()
    keeper = Keeper(file, quiet_s=0.0)
    made = []

    def make(ids: tuple[int, ...]) -> Session:
        made.append(ids)
        written.set()
        return Session.of("embedded", Workspace.open(ids), VOCABULARY)

    keeper.keep(lambda: make((1,)))
    assert written.wait(20)
    keeper.keep(lambda: make((1, 2)))
    keeper.keep(lambda: make((1, 2, 3)))
    keeper.close()
    assert loaded(file.read_text()).prompts[0].ids == (1, 2, 3)
    assert not [each for each in tmp_path.iterdir() if each != file]


@in_loop
async def test_a_file_that_can_t_be_written_is_told_of_and_the_program_goes_on(tmp_path: Path) -> None:
    from token_explorer.core.branch import Workspace
    from token_explorer.core.session import Session

    told: list[str] = []
    keeper = Keeper(tmp_path / "nowhere" / "workspace.json")
    keeper.when_refused(lambda error: told.append(str(error)))
    keeper.keep(lambda: Session.of("embedded", Workspace.open((1,)), VOCABULARY))
    keeper.close()
    assert "no folder" in told[0]
