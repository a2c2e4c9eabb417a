"""On a phone's width nothing is lost: panes stand one below the other, legends and help are whole."""

from itertools import pairwise

import pytest
from textual.geometry import Region
from textual.widget import Widget

from tests.ui.driving import Driver, driving, in_loop
from token_explorer.config import DisplaySettings, Settings

SIZES = [(40, 40), (44, 50), (48, 60)]
BANDS = Settings(display=DisplaySettings(palette="bands"))


def panes(driver: Driver, *names: str) -> list[Region]:
    return [driver.app.screen.query_one(name, Widget).region for name in names]


def check_stacked(driver: Driver, *names: str) -> None:
    """The panes have the whole width, and each begins below the one before."""
    found = panes(driver, *names)
    for above, below in pairwise(found):
        assert above.bottom <= below.y
    for region in found:
        assert region.width >= driver.app.size.width - 4
        assert region.height > 2


@pytest.mark.parametrize("size", SIZES)
def test_all_bands_of_the_legend_are_named_below_the_prompt(size: tuple[int, int]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=size, settings=BANDS) as driver:
            await driver.press("e")
            line = next(line for line in driver.lines() if "<10" in line)
            assert "p  <10  10–30  30–50  50–70  >70%" in line
            assert any("9/9" in other for other in driver.lines())
            await driver.press("e")
            assert any("entropy 0" in other and "8 bits" in other for other in driver.lines())
            await driver.press("E", "E")
            assert not driver.app.explore._legend.display

    run()


@pytest.mark.parametrize("size", SIZES)
def test_the_sampler_s_panel_stands_below_the_table(size: tuple[int, int]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=size) as driver:
            await driver.press("t")
            check_stacked(driver, "CandidateTable", "SamplerPanel")
            assert all(any(knob in line for line in driver.lines()) for knob in ("temperature", "seed"))

    run()


@pytest.mark.parametrize("size", SIZES)
def test_the_attention_room_s_map_stands_above_its_lists(size: tuple[int, int]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=size) as driver:
            await driver.press("A")
            check_stacked(driver, "HeatMap", "HeadList", "WeightList")

    run()


@in_loop
async def test_the_help_and_the_model_s_list_fit() -> None:
    async with driving(size=(44, 50)) as driver:
        await driver.press("question_mark")
        assert all(line.rstrip().endswith(("│", "╮", "╯", "▃", "▁")) for line in driver.lines()[:10])
        assert "                token; at a token" in driver.text()
