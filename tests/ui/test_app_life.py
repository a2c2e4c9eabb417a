"""The explorer's beginning, its troubles and its end: loading, dying engines, errors, quitting."""

from pathlib import Path

import pytest

from tests.fakes import FakeEngine, encode, score
from tests.ui.driving import driving, in_loop, saving_in
from tests.ui.truth import check_screen
from token_explorer.config import Settings
from token_explorer.core.engine import Progress, Report
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import ConfigError, EngineDied, EngineFault, ModelLoadError, ModelNotFound
from token_explorer.ui.app import Explorer
from token_explorer.ui.desk import RESTARTS

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)


@in_loop
async def test_the_first_picture_comes_before_anything_of_the_engine() -> None:
    engine = FakeEngine()
    painted_when_loading: list[int] = []
    load = engine.load_tokenizer

    def loading(report: Report) -> Vocabulary:
        painted_when_loading.append(driver.app.explore.prompt.painted)
        return load(report)

    engine.load_tokenizer = loading  # type: ignore[method-assign]
    async with driving(engine, settled=False) as driver:
        await driver.settle()
        check_screen(driver)
    assert painted_when_loading[0] > 0


@in_loop
async def test_while_the_model_loads_tokens_and_progress_are_shown_and_keys_work(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.hold_loading()
    async with driving(engine, settled=False, settings=saving_in(tmp_path)) as driver:
        while driver.app.exploration is None or "25%" not in driver.text():
            await driver.pilot.pause()
        text = driver.text()
        assert "<|start|>" + TEXT in text
        assert "weights [/b]␛" in text
        for key in (
            "right",
            "l",
            "down",
            "up",
            "end",
            "pagedown",
            "e",
            "p",
            "d",
            "w",
            "left",
            "x",
            "u",
            "question_mark",
        ):
            await driver.pilot.press(key)
        await driver.pilot.press("escape", "s", "left")
        assert len(driver.workspace.branches) == 2
        assert driver.workspace.branch.ids == IDS[:-1]
        assert [path.read_text() for path in (tmp_path / "prompts").iterdir()] == [TEXT[:-2]]
        engine.release_loading()
        await driver.settle()
        check_screen(driver)
        assert "probability 0 " in driver.text()


@in_loop
async def test_it_can_be_quit_while_the_model_loads() -> None:
    engine = FakeEngine()
    engine.hold_loading()
    async with driving(engine, settled=False) as driver:
        await driver.pilot.press("ctrl+q")
        await driver.pilot.pause()
    assert driver.app.return_code == 0
    assert "score" not in engine.calls


@in_loop
async def test_quitting_ends_the_work_that_runs() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("right")
        await driver.begun()
        await driver.pilot.press("ctrl+q")
    assert driver.app.return_code == 0
    assert driver.app.desk.wait_idle(5)
    assert driver.engine.stopped == [(*IDS, int(score(IDS, 1).next.ids[0]))]


@pytest.mark.parametrize("error", [ModelLoadError("Torn", "file x."), ModelNotFound("No model", "name y.")])
def test_a_model_that_can_not_be_loaded_ends_the_program_with_its_code(error: ModelLoadError) -> None:
    engine = FakeEngine()
    engine.load_error = error

    @in_loop
    async def run() -> None:
        async with driving(engine, settled=False) as driver:
            while driver.app.fatal is None:
                await driver.pilot.pause()
            assert driver.app.fatal is error
        assert driver.app.return_code == error.exit_code
        assert driver.app.return_value == error.exit_code

    run()


@in_loop
async def test_a_failed_load_waits_for_the_user_to_save_what_was_changed(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.hold_loading()
    engine.load_error = ModelLoadError("Torn", "file [/b] \x1b.", "Fetch it again.")
    async with driving(engine, settled=False, settings=saving_in(tmp_path)) as driver:
        while driver.app.exploration is None:
            await driver.pilot.pause()
        await driver.pilot.press("left")
        engine.release_loading()
        while not driver.said:
            await driver.pilot.pause()
        assert "Torn" in driver.said[0]
        assert "Fetch it again." in driver.said[0]
        await driver.pilot.press("x")
        assert [path.read_text() for path in (tmp_path / "prompts").iterdir()] == [TEXT[:-2]]
        await driver.pilot.press("ctrl+q")
    assert driver.app.return_code == 1
    assert driver.app.fatal is engine.load_error


@in_loop
async def test_how_far_a_long_prompt_is_read_is_told_till_it_is_and_not_beyond() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("right")
        await driver.begun()
        while "reading the prompt 50%" not in driver.lines()[0]:
            driver.engine.report_long(Progress("reading the prompt", 2, 4))
            await driver.pilot.pause()
        driver.engine.release()
        await driver.settle()
        driver.engine.report_long(Progress("reading the prompt", 3, 4))
        await driver.settle()
        assert "reading" not in driver.text()
        check_screen(driver)


@in_loop
async def test_an_engine_that_dies_amid_a_question_comes_back_and_loses_nothing() -> None:
    async with driving() as driver:
        await driver.press("right", "d", "right")
        driver.engine.deaths = 1
        await driver.press("right")
        assert "signal 9" in driver.said[0]
        assert len(driver.workspace.branches) == 2
        assert len(driver.workspace.branch.ids) == len(IDS) + 3
        check_screen(driver)
        assert driver.app.fatal is None


@in_loop
async def test_an_engine_that_dies_idle_is_noticed_and_comes_back() -> None:
    async with driving() as driver:
        await driver.press("right")
        before = driver.workspace
        driver.engine.die_idle()
        await driver.settle()
        assert driver.engine.calls.count("load_model") == 2
        assert "started again" in driver.said[0]
        assert driver.workspace == before
        await driver.press("right")
        check_screen(driver)


@in_loop
async def test_an_engine_that_goes_on_dying_leaves_a_workspace_to_save(tmp_path: Path) -> None:
    async with driving(settings=saving_in(tmp_path)) as driver:
        driver.engine.deaths = RESTARTS + 1
        await driver.press("right")
        assert "keeps dying" in driver.said[0]
        assert "keeps dying" in driver.text()
        await driver.press("x")
        assert len(list((tmp_path / "prompts").iterdir())) == 1
        assert isinstance(driver.app.fatal, EngineDied)
        await driver.press("left", "right")
        check_screen(driver)
        assert driver.app.fatal is None


@in_loop
async def test_a_fault_inside_the_engine_is_told_and_the_next_question_is_answered() -> None:
    async with driving() as driver:
        driver.engine.score_error = EngineFault("The engine failed", "KeyError [/b]", "Report it.")
        await driver.press("right")
        assert "The engine failed: KeyError [/b]" in driver.said[0]
        assert driver.app.explore.table.stale
        await driver.press("right", "down")
        driver.engine.score_error = None
        await driver.press("left", "right", "right")
        check_screen(driver)


def test_a_bug_saves_the_prompts_and_is_not_hidden_from_tests(tmp_path: Path) -> None:
    apps: list[Explorer] = []

    @in_loop
    async def run() -> None:
        async with driving(settings=saving_in(tmp_path)) as driver:
            apps.append(driver.app)
            await driver.press("left", "d", "right")
            driver.engine.score_error = RuntimeError("a bug [/b]\x1b")
            await driver.pilot.press("right")
            while driver.app.fatal is None:
                await driver.pilot.pause()

    with pytest.raises(RuntimeError, match="a bug"):
        run()
    fatal = apps[0].fatal
    assert fatal is not None
    assert "RuntimeError: a bug [/b]␛" in fatal.message
    assert apps[0].return_code == fatal.exit_code == 1
    saved = [path.read_text() for path in sorted((tmp_path / "prompts").iterdir())]
    assert len(saved) == 2
    assert TEXT[:-2] in saved
    assert all(str(path) in fatal.hint for path in (tmp_path / "prompts").iterdir())


@in_loop
async def test_a_prompt_that_was_refused_out_of_view_is_asked_again_and_never_shown_with_other_rows() -> None:
    async with driving() as driver:
        driver.engine.hold()
        driver.engine.score_error = EngineFault("The engine failed", "once.")
        await driver.pilot.press("right")
        await driver.begun()
        await driver.pilot.press("d", "s", "u", "u")
        assert driver.workspace.branch.ids == IDS
        driver.engine.release()
        await driver.settle()
        check_screen(driver)
        driver.engine.score_error = None
        await driver.press("U")
        assert len(driver.workspace.branch.ids) == len(IDS) + 1
        check_screen(driver)


def test_keys_that_can_not_be_used_are_an_error_before_anything_is_drawn() -> None:
    with pytest.raises(ConfigError):
        Explorer(FakeEngine(), Settings(keys={"append": ("left",)}), TEXT, "embedded")


@pytest.mark.parametrize(
    ("variables", "word"),
    [({"NO_COLOR": "1"}, "NO_COLOR"), ({"TERM": "dumb"}, "TERM=xterm-256color")],
)
def test_a_terminal_without_colours_is_told_and_shows_the_numbers(
    variables: dict[str, str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    @in_loop
    async def run() -> None:
        async with driving() as driver:
            assert word in driver.said[0]
            await driver.press("e", "e")
            assert "entropy 0 " in driver.text()
            assert " rank " in driver.text()

    run()


@in_loop
async def test_ctrl_c_tells_how_to_quit() -> None:
    async with driving() as driver:
        await driver.press("ctrl+c")
        assert "Ctrl+Q" in driver.said[0]
