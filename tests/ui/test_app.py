"""The explorer on a fake engine: what keys do, what is drawn, and what never happens."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.fakes import BOS, HOSTILE, VOCABULARY, FakeEngine, encode, score, token_of
from tests.ui.driving import driving, in_loop, saving_in
from tests.ui.truth import check_screen
from token_explorer.config import PromptSettings, Settings
from token_explorer.core.branch import Workspace
from token_explorer.errors import NotPossible
from token_explorer.results import figures

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)


def best(ids: tuple[int, ...], row: int = 0) -> int:
    return int(score(ids, 30).next.ids[row])


@in_loop
async def test_the_first_screen_shows_prompt_table_model_and_keys() -> None:
    async with driving() as driver:
        check_screen(driver)
        text = driver.text()
        for part in (
            TEXT,
            "<|start|>",
            "fake-model · cpu · float32",
            "next token",
            "? help",
            "Ctrl+Q quit",
            "beyond",
        ):
            assert part in text


@in_loop
async def test_right_appends_the_chosen_token_and_left_pops_it() -> None:
    async with driving() as driver:
        await driver.press("down", "j", "up", "right")
        assert driver.workspace.branch.ids == (*IDS, best(IDS, 1))
        check_screen(driver)
        assert driver.app.explore.table.chosen == 0
        await driver.press("l", "h", "left")
        assert driver.workspace.branch.ids == IDS
        check_screen(driver)


@in_loop
async def test_going_back_asks_the_engine_nothing_that_it_has_answered() -> None:
    async with driving() as driver:
        await driver.press("right", "right", "left", "left", "d", "w", "s", "u", "U", "ctrl+r")
        assert driver.engine.scored == [
            IDS,
            (*IDS, best(IDS)),
            (*IDS, best(IDS), best((*IDS, best(IDS)))),
        ]


@in_loop
async def test_copying_the_second_of_four_shows_the_copy() -> None:
    async with driving() as driver:
        await driver.press("d", "d", "d", "w", "w", "right")
        assert (driver.workspace.active, len(driver.workspace.branches)) == (1, 4)
        await driver.press("d")
        assert (driver.workspace.active, len(driver.workspace.branches)) == (2, 5)
        assert driver.workspace.branches[2].ids == driver.workspace.branches[1].ids
        assert "prompt 3/5" in driver.text()
        check_screen(driver)


@in_loop
async def test_w_and_s_go_around_the_ends() -> None:
    async with driving() as driver:
        await driver.press("d", "d")
        seen = []
        for key in "wwwsss":
            await driver.press(key)
            seen.append(driver.workspace.active)
        assert seen == [0, 1, 2, 1, 0, 2]


KEYS = (
    "right",
    "left",
    "down",
    "up",
    "d",
    "a",
    "w",
    "s",
    "e",
    "E",
    "u",
    "U",
    "ctrl+r",
    "escape",
    "end",
    "home",
)


def done(workspace: Workspace, row: int, key: str) -> tuple[Workspace, int]:
    """What a key should do to a workspace and to the chosen row."""
    rows = 30
    moves = {"down": row + 1, "up": row - 1, "end": rows - 1, "home": 0}
    if key in moves:
        return workspace, max(0, min(rows - 1, moves[key]))
    operations: dict[str, Callable[[], Workspace]] = {
        "right": lambda: workspace.append(best(workspace.branch.ids, row)),
        "left": workspace.back,
        "d": workspace.fork,
        "a": workspace.drop,
        "w": lambda: workspace.switch(1),
        "s": lambda: workspace.switch(-1),
        "u": workspace.undo,
        "U": workspace.redo,
        "ctrl+r": workspace.reset,
        "escape": lambda: workspace.look_at(None),
    }
    if key not in operations:
        return workspace, row
    try:
        after = operations[key]()
    except NotPossible:
        return workspace, row
    return after, row if after.branch.ids == workspace.branch.ids else 0


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(KEYS), max_size=25))
def test_any_keys_do_what_the_workspace_does_and_the_screen_follows(keys: list[str]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=(100, 30)) as driver:
            expected, row = Workspace.open(IDS), 0
            for key in keys:
                await driver.press(key)
                expected, row = done(expected, row, key)
                assert driver.workspace == expected
                assert driver.app.explore.table.chosen == row
                check_screen(driver)

    run()


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(KEYS), max_size=40))
def test_keys_pressed_faster_than_the_engine_leave_a_screen_that_is_true(keys: list[str]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=(100, 30)) as driver:
            for key in keys:
                await driver.pilot.press(key)
            await driver.settle()
            check_screen(driver)

    run()


@in_loop
async def test_a_slow_answer_never_overwrites_a_newer_one() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("right")
        await driver.begun()
        await driver.pilot.press("left")
        assert [row.id for row in driver.app.explore.table.rows] == score(IDS, 30).next.ids.tolist()
        driver.engine.release()
        await driver.settle()
        assert driver.workspace.branch.ids == IDS
        check_screen(driver)
        assert len(driver.engine.scored) == 2
        await driver.press("right")
        check_screen(driver)
        assert len(driver.engine.scored) == 2  # the late answer was kept


@in_loop
async def test_a_table_of_another_prompt_is_dimmed_and_nothing_of_it_is_taken() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("down", "down", "right")
        table = driver.app.explore.table
        assert table.stale
        await driver.pilot.press("down")
        await driver.pilot.click(table, offset=(10, 5))
        assert table.chosen == 0
        await driver.pilot.click(table, offset=(10, 1))
        assert driver.said == []
        assert len(driver.workspace.branch.ids) == len(IDS) + 1
        driver.engine.release()
        await driver.settle()
        check_screen(driver)


@in_loop
async def test_appends_pressed_ahead_take_the_likeliest_token_each() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("right", "right", "right", "right")
        driver.engine.release()
        await driver.settle()
        expected = IDS
        for _ in range(4):
            expected = (*expected, best(expected))
        assert driver.workspace.branch.ids == expected
        check_screen(driver)


@pytest.mark.parametrize("key", ["e", "left", "question_mark", "x"])
def test_a_key_that_needs_no_table_forgets_the_appends_ahead(key: str, tmp_path: Path) -> None:
    @in_loop
    async def run() -> None:
        async with driving(settings=saving_in(tmp_path)) as driver:
            driver.engine.hold()
            await driver.pilot.press("right", "right", "right", key)
            driver.engine.release()
            await driver.settle()
            assert len(driver.workspace.branch.ids) == len(IDS) + (0 if key == "left" else 1)

    run()


@in_loop
async def test_the_end_of_the_context_is_told() -> None:
    async with driving(FakeEngine(context=len(IDS) + 1)) as driver:
        await driver.press("right", "right")
        assert len(driver.workspace.branch.ids) == len(IDS) + 1
        assert "The context is full" in driver.said[0]


@in_loop
async def test_a_prompt_longer_than_the_context_is_told_and_can_be_shortened() -> None:
    async with driving(FakeEngine(context=len(IDS) - 1)) as driver:
        assert "Prompt too long" in driver.said[0]
        assert "Prompt too long" in driver.text()
        await driver.press("left")
        check_screen(driver)
        await driver.press("u")
        assert driver.app.explore.table.stale
        assert "Prompt too long" in driver.said[0]


@in_loop
async def test_what_is_not_possible_is_told_in_words() -> None:
    async with driving(text="") as driver:
        assert driver.workspace.branch.ids == (BOS,)
        for key, title in (
            ("left", "Nothing to pop"),
            ("a", "Not removed"),
            ("u", "Nothing to undo"),
            ("U", "redo"),
        ):
            await driver.press(key)
            assert title in driver.said[0]
        assert "no context before it" in driver.text()
        check_screen(driver)


@in_loop
async def test_there_are_as_many_prompts_as_the_settings_allow() -> None:
    async with driving(settings=Settings(prompt=PromptSettings(max_prompts=2))) as driver:
        await driver.press("d", "d")
        assert len(driver.workspace.branches) == 2
        assert "max_prompts" in driver.said[0]


@in_loop
async def test_e_goes_through_the_overlays_and_the_legend_tells_their_unit() -> None:
    async with driving() as driver:
        assert "bits ──" not in driver.text()
        await driver.press("e")
        assert "probability 0 " in driver.text()
        await driver.press("e")
        assert "entropy 0 " in driver.text()
        assert "8 bits" in driver.text()
        await driver.press("e")
        assert "entropy 0 " not in driver.text()
        await driver.press("E")
        assert "entropy 0 " in driver.text()


@in_loop
async def test_colours_are_those_of_the_values_and_stay_while_an_answer_is_awaited() -> None:
    async with driving() as driver:
        await driver.press("e")
        prompt, palette = driver.app.explore.prompt, driver.app.palettes.usual
        values = score(IDS, 5).probabilities
        assert prompt._levels.tolist() == palette.levels(values).tolist()
        assert prompt._levels[0] == -1
        driver.engine.hold()
        await driver.pilot.press("right")
        assert prompt._levels.tolist() == [*palette.levels(values).tolist(), -1]


@in_loop
async def test_p_tells_how_to_enable_layers() -> None:
    async with driving() as driver:
        await driver.press("p")
        assert "--layer_prob" in driver.said[0]
        assert "layer_prob = true" in driver.said[0]
        assert "Press p again" in driver.said[0]
        assert driver.engine.observed == []


@in_loop
async def test_a_click_looks_at_a_token_and_escape_looks_away() -> None:
    async with driving() as driver:
        prompt = driver.app.explore.prompt
        at = len("<|start|>")
        await driver.pilot.click(prompt, offset=(2 + at, 0))
        assert driver.workspace.branch.cursor == 1
        logprob = float(score(IDS, 5).logprobs[1])
        assert (
            f'2/{len(IDS)} "Once"  id {token_of("Once")}  p {figures.probability(logprob)}' in driver.text()
        )
        await driver.pilot.click(prompt, offset=(2, 0))
        assert "no context before it" in driver.text()
        await driver.press("escape")
        assert driver.workspace.branch.cursor is None
        assert f"{len(IDS)}/{len(IDS)}" in driver.text()


@in_loop
async def test_a_click_chooses_a_candidate_and_a_second_one_appends_it() -> None:
    async with driving() as driver:
        await driver.pilot.click(driver.app.explore.table, offset=(10, 4))
        assert driver.app.explore.table.chosen == 3
        assert driver.workspace.branch.ids == IDS
        await driver.pilot.click(driver.app.explore.table, offset=(10, 4))
        await driver.settle()
        assert driver.workspace.branch.ids == (*IDS, best(IDS, 3))


@in_loop
async def test_every_key_works_wherever_was_clicked() -> None:
    async with driving() as driver:
        for y in range(0, 39, 3):  # all but the footer, whose keys a click presses
            await driver.pilot.click(offset=(60, y))
            await driver.settle()
            before = driver.workspace
            await driver.press("right", "left")
            assert driver.workspace.branch.ids == before.branch.ids
            assert len(driver.workspace.past) == len(before.past) + 2


@in_loop
async def test_the_chosen_row_is_always_in_view() -> None:
    async with driving(size=(80, 24)) as driver:
        for key in ("end", "up", "pageup", "home", "pagedown", "down"):
            await driver.press(key)
            chosen = driver.app.explore.table.chosen
            assert any(line.startswith(f"│ {chosen + 1:>6} ") for line in driver.lines()), key


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20), (40, 12), (20, 8), (200, 60)])
def test_it_is_usable_at_every_size(size: tuple[int, int]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=size) as driver:
            await driver.press("e", "right", "right", "left", "d")
            assert len(driver.workspace.branches) == 2
            assert all(cell_len(line) <= size[0] for line in driver.lines())
            if size[0] >= 80:
                check_screen(driver)
                assert "probability 0 " in driver.text()
                assert " p 0." in driver.text() or "e-" in driver.text()

    run()


@in_loop
async def test_resizing_loses_nothing() -> None:
    async with driving() as driver:
        await driver.press("e", "right", "d", "down", "down")
        before = driver.workspace
        for size in ((80, 24), (30, 10), (1, 1), (200, 50), (120, 40)):
            await driver.pilot.resize_terminal(*size)
            await driver.settle()
        assert driver.workspace == before
        assert driver.app.explore.table.chosen == 2
        check_screen(driver)
        assert "probability 0 " in driver.text()


@in_loop
async def test_hostile_tokens_are_drawn_literally() -> None:
    async with driving(text="".join(HOSTILE), size=(160, 40)) as driver:
        assert set(map(token_of, HOSTILE)) <= set(driver.workspace.branch.ids)
        text = driver.text()
        for part in (
            "[/b]",
            "[INST]",
            "[@click=app.quit]x[/]",
            "␛[31mred",
            "␛]2;PWNED␛\\",
            "‹9b›5;5H",
            "back\\",
        ):
            assert part in text
        for place in range(len(driver.workspace.branch.ids)):
            driver.app._change(partial(Workspace.look_at, cursor=place))
            await driver.pilot.pause()
            shown = driver.text()
            assert all(char.isprintable() or char == "\n" for char in shown)
            assert VOCABULARY[driver.workspace.branch.ids[place]].shown[:14] in shown


@in_loop
async def test_hostile_candidates_are_drawn_literally() -> None:
    everything = saving_in(Path("."), tokens_to_show=len(VOCABULARY))
    async with driving(settings=everything, size=(100, 600)) as driver:
        text = driver.text()
        assert all(char.isprintable() or char == "\n" for char in text)
        for word in HOSTILE:
            assert VOCABULARY[token_of(word)].shown[:19] in text


@in_loop
async def test_an_append_at_8000_tokens_paints_few_lines() -> None:
    async with driving(text=" the girl" * 4000, size=(120, 40)) as driver:
        prompt = driver.app.explore.prompt
        assert len(driver.workspace.branch.ids) > 8000
        assert prompt.painted < 200
        await driver.press("e")
        for key in ("right", "left", "right"):
            before = prompt.painted
            await driver.press(key)
            assert prompt.painted - before <= 6
        before = prompt.painted
        await driver.press("e")
        assert prompt.painted - before <= 40
        check_screen(driver)


@in_loop
async def test_the_end_of_a_long_prompt_stays_in_view() -> None:
    async with driving(text="line\n" * 300, size=(80, 24)) as driver:
        prompt = driver.app.explore.prompt
        for key in ("right", "right", "left", "d"):
            await driver.press(key)
            assert prompt.scroll_offset.y == prompt.max_scroll_y > 200


@in_loop
async def test_help_tells_of_every_key_and_overlay_and_closes() -> None:
    async with driving(size=(120, 90)) as driver:
        for close in ("escape", "question_mark", "q"):
            await driver.press("question_mark")
            text = driver.text()
            for key in driver.app.keys:
                assert key.help in text
            assert "entropy" in text
            await driver.press("right")
            assert driver.workspace.branch.ids == IDS
            await driver.press(close)
            assert len(driver.app.screen_stack) == 1
        await driver.press("right")
        assert len(driver.workspace.branch.ids) == len(IDS) + 1


@in_loop
async def test_the_palette_lists_what_keys_do() -> None:
    async with driving() as driver:
        commands = {command.title: command for command in driver.app.get_system_commands(driver.app.screen)}
        for key in driver.app.keys:
            assert key.id == "commands" or key.help.capitalize() in commands
        await driver.press("ctrl+p")
        assert len(driver.app.screen_stack) == 2
        await driver.press("escape")
        await driver.app.action_press("append")
        await driver.settle()
        assert driver.workspace.branch.ids == (*IDS, best(IDS))


@in_loop
async def test_own_keys_work_and_are_shown() -> None:
    async with driving(settings=Settings(keys={"append": ("enter",), "help": ("f1",)})) as driver:
        await driver.press("right")
        assert driver.workspace.branch.ids == IDS
        await driver.press("enter")
        assert driver.workspace.branch.ids == (*IDS, best(IDS))
        assert "Enter add" in driver.text()
        assert "f1 help" in driver.text()


@in_loop
async def test_x_saves_the_text_and_says_where(tmp_path: Path) -> None:
    async with driving(settings=saving_in(tmp_path)) as driver:
        await driver.press("x", "x")
        saved = sorted((tmp_path / "prompts").iterdir())
        assert [path.read_text() for path in saved] == [TEXT, TEXT]
        assert str(saved[-1]) in driver.said[0] or str(saved[0]) in driver.said[0]
        assert "U+FFFD" not in driver.said[0]


@in_loop
async def test_half_a_character_is_saved_with_a_warning(tmp_path: Path) -> None:
    async with driving(settings=saving_in(tmp_path), text="é") as driver:
        await driver.press("left", "x")
        assert "U+FFFD" in driver.said[0]


@in_loop
async def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "prompts").write_text("in the way")
    async with driving(settings=saving_in(tmp_path)) as driver:
        await driver.press("x")
        assert "Not saved" in driver.said[0]
        assert str(tmp_path / "prompts") in driver.said[0]


@in_loop
async def test_keys_move_the_cursor_by_token_and_by_word() -> None:
    async with driving(text="ab  cd e") as driver:  # the fake's tokens are bytes
        for key, cursor in (  # 0 is the BOS
            ("comma", 8),
            ("comma", 7),
            ("full_stop", 8),
            ("full_stop", None),
            ("less_than_sign", 7),
            ("less_than_sign", 4),
            ("less_than_sign", 3),
            ("less_than_sign", 1),
            ("less_than_sign", 0),
            ("less_than_sign", 0),
            ("greater_than_sign", 1),
            ("dollar_sign", None),
            ("0", 0),
            ("escape", None),
        ):
            await driver.press(key)
            assert driver.workspace.branch.cursor == cursor, key
        await driver.press("0", "full_stop")
        assert '2/9 "a"' in driver.text()
