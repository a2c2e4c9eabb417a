"""All of it by mouse or touch: the footer's keys, the menu, tokens, candidates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeEngine
from tests.ui.driving import Driver, driving, in_loop
from token_explorer.ui.keys import KEYS, footer
from token_explorer.ui.screens.menu import MenuScreen
from token_explorer.ui.widgets.footer import LINES, Footer, laid_out

PHONE = (44, 50)
ITEMS = tuple(footer(KEYS))


async def touch(driver: Driver, label: str) -> None:
    """Click an item of the footer by its label."""
    bar = driver.app.screen.query_one(Footer)
    for y, line in enumerate(bar._lines):
        for placed in line:
            if placed.item.label == label:
                await driver.pilot.click(bar, offset=(placed.start, y))
                await driver.settle()
                return
    raise AssertionError(f"the footer has no {label}: {driver.lines()[-3:]}")


async def click_row(driver: Driver, row: int, times: int = 1) -> None:
    await driver.pilot.click("#candidates", offset=(5, row + 1), times=times)
    await driver.settle()


@given(st.integers(1, 200), st.integers(1, 4))
def test_no_two_items_of_the_footer_overlap_and_each_cell_of_one_means_its_keys(
    width: int, most: int
) -> None:
    for line in laid_out(ITEMS, width, most):
        hit = [[placed.key_at(x) for x in range(width)] for placed in line]
        for x in range(width):
            assert sum(keys[x] is not None for keys in hit) <= 1
        for placed, keys in zip(line, hit, strict=True):
            found = [key for key in dict.fromkeys(keys) if key]
            assert found == list(placed.item.keys)[: len(found)]


@pytest.mark.parametrize("width", [40, 44, 48, 60, 80, 120])
def test_at_any_usual_width_the_menu_and_what_is_done_most_can_be_touched(width: int) -> None:
    lines = next((lines for below, lines in LINES if width < below), 1)
    shown = [placed.item.label for line in laid_out(ITEMS, width, lines) for placed in line]
    assert {"☰", "help", "back", "add", "next", "run on"} <= set(shown)
    if width < 60 or width >= 120:
        assert {"overlay", "insert", "edit", "reset", "model"} <= set(shown)
    assert len(laid_out(ITEMS, width, lines)) <= lines


@in_loop
async def test_the_footer_s_items_do_what_their_keys_do() -> None:
    async with driving(size=PHONE) as driver:
        start = driver.workspace.branch.ids
        await touch(driver, "next")
        assert len(driver.workspace.branch.ids) == len(start) + 1
        await touch(driver, "reset")
        assert driver.workspace.branch.ids == start
        await touch(driver, "add")
        await touch(driver, "back")
        assert driver.workspace.branch.ids == start
        await touch(driver, "overlay")
        assert driver.app.exploration is not None
        assert driver.app.exploration.overlay is not None


@in_loop
async def test_a_run_is_stopped_by_a_touch() -> None:
    engine = FakeEngine()
    async with driving(engine, size=PHONE) as driver:
        engine.hold()
        await touch_without_waiting(driver, "run on")
        await driver.begun()
        await driver.pilot.pause()
        await touch_without_waiting(driver, "stop")
        engine.release()
        await driver.settle()
        assert driver.app.writing is None
        assert all(placed.item.label != "stop" for line in footer_of(driver)._lines for placed in line)


async def touch_without_waiting(driver: Driver, label: str) -> None:
    bar = footer_of(driver)
    y, placed = next(
        (y, each) for y, line in enumerate(bar._lines) for each in line if each.item.label == label
    )
    await driver.pilot.click(bar, offset=(placed.start, y))
    await driver.pilot.pause()


def footer_of(driver: Driver) -> Footer:
    return driver.app.screen.query_one(Footer)


@in_loop
async def test_a_line_that_is_typed_is_taken_or_left_by_a_touch() -> None:
    async with driving(size=PHONE) as driver:
        await touch(driver, "insert")
        await driver.pilot.press("a")
        await touch(driver, "take it")
        assert driver.app.explore.entry.entry is None
        assert len(driver.workspace.branch.ids) > len(driver.workspace.branch.start)
        await touch(driver, "insert")
        await touch(driver, "leave")
        assert driver.app.explore.entry.entry is None


@in_loop
async def test_the_menu_does_what_any_key_does() -> None:
    async with driving(size=PHONE) as driver:
        await touch(driver, "☰")
        assert isinstance(driver.app.screen, MenuScreen)
        listed = driver.app.screen.query_one("OptionList")
        ids = [option.id for option in listed._options]  # type: ignore[attr-defined]
        assert {key.id for key in KEYS} - {"menu"} <= set(ids)
        listed.highlighted = ids.index("copy")  # type: ignore[attr-defined]
        await driver.press("enter")
        assert len(driver.workspace.branches) == 2
        await touch(driver, "☰")
        await driver.press("escape")
        assert driver.app.screen is driver.app.explore


@in_loop
async def test_a_double_click_takes_a_candidate_once() -> None:
    async with driving() as driver:
        assert driver.app.exploration is not None
        listed = driver.app.exploration.listed()
        assert listed is not None
        await click_row(driver, 2, times=2)
        assert driver.workspace.branch.ids == (*driver.workspace.branch.start, int(listed.ids[2]))


@in_loop
async def test_a_double_click_at_a_token_goes_on_in_a_copy() -> None:
    async with driving() as driver:
        await driver.press("comma", "comma")
        shown = driver.app.exploration
        assert shown is not None
        place, before = shown.place, shown.ids
        listed = shown.listed()
        assert listed is not None
        await click_row(driver, 3, times=2)
        assert driver.workspace.branch.ids == (*before[:place], int(listed.ids[3]))
        assert len(driver.workspace.branches) == 2


@in_loop
async def test_any_token_can_be_clicked_also_the_first_on_wrapped_lines_and_after_scrolling() -> None:
    text = "Once upon a time, there was a very small girl. " * 60
    async with driving(text=text, size=PHONE) as driver:
        prompt = driver.app.explore.prompt
        assert prompt.scroll_offset.y > 0
        for line in (1, 5):
            first = prompt._flow.line(prompt.scroll_offset.y + line)[0][0]
            await driver.pilot.click(prompt, offset=(2, line))
            await driver.settle()
            assert driver.workspace.branch.cursor == first
        prompt.scroll_home(animate=False)
        await driver.pilot.pause()
        await driver.pilot.click(prompt, offset=(2, 0))
        await driver.settle()
        assert driver.workspace.branch.cursor == 0
