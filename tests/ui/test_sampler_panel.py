"""The sampler's panel: keys and clicks turn what is chosen, and what it draws is what is set."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.pilot import Pilot

from tests.ui.driving import in_loop
from token_explorer.core.sampling import KNOBS, Knob, Sampler, step
from token_explorer.ui.keys import KEYS
from token_explorer.ui.widgets.samplerpanel import (
    END,
    LEFT,
    RIGHT,
    SWITCH,
    Choice,
    SamplerPanel,
    about,
    figure,
)

WIDTH = 34
LINES = len(KNOBS) + 2
SEED = LINES - 1
TALL = 30
MEANT = ("choose-up", "choose-down", "page-up", "page-down", "first", "last", "pop", "append", "pin")
OTHERS = tuple(key.id for key in KEYS if key.id not in MEANT)
Said = tuple[Sampler, bool, int | None]


class Host(App[None]):
    """A panel alone, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.panel = SamplerPanel()
        self.said: list[Said] = []

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_sampler_panel_turned(self, message: SamplerPanel.Turned) -> None:
        self.said.append((message.sampler, message.on, message.seed))


@asynccontextmanager
async def hosting(
    height: int = TALL, sampler: Sampler | None = None, on: bool = False, seed: int | None = None
) -> AsyncIterator[tuple[Host, SamplerPanel, Pilot[None]]]:
    app = Host()
    async with app.run_test(size=(80, height)) as pilot:
        app.panel.show(sampler or Sampler(), on, seed)
        await pilot.pause()
        yield app, app.panel, pilot


def lines(panel: SamplerPanel) -> list[str]:
    """What is in view."""
    return [panel.render_line(y).text for y in range(panel.size.height)]


def values(panel: SamplerPanel) -> list[str]:
    """What each line of a tall panel says is set."""
    return [line.rstrip(f" {RIGHT}").split()[-1].lstrip(LEFT) for line in lines(panel)[:LINES]]


def bold(panel: SamplerPanel) -> list[int]:
    """Lines of a tall panel with something bold in them."""
    drawn = enumerate(map(panel.render_line, range(LINES)))
    return [y for y, line in drawn if any(part.style and part.style.bold for part in line)]


def place_of(knob: Knob) -> int:
    """The line of a knob."""
    return KNOBS.index(knob) + 1


@in_loop
async def test_the_panel_lists_the_switch_every_knob_and_the_seed() -> None:
    sampler = Sampler(temperature=0.8, top_k=40)
    async with hosting(sampler=sampler, on=True, seed=1234) as (_, panel, _pilot):
        assert panel.size.width == WIDTH
        titles = ["sampler", *(knob.title for knob in KNOBS), "seed"]
        assert all(line[1:].startswith(title) for line, title in zip(lines(panel), titles, strict=False))
        expected = {"temperature": "0.80", "top-k": "40"}
        assert values(panel) == ["on", *(expected.get(knob.title, "off") for knob in KNOBS), "1234"]
        working = [place for place, knob in enumerate(KNOBS, 1) if knob.title in expected]
        assert bold(panel) == [SWITCH, *working, SEED]
        panel.show(Sampler(), False, None)
        assert values(panel) == ["off"] * (LINES - 1) + ["random"]
        assert bold(panel) == []


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
@in_loop
async def test_a_knob_turns_notch_by_notch_and_switches_the_sampler_on(knob: Knob) -> None:
    async with hosting() as (app, panel, pilot):
        panel.choose(place_of(knob))
        expected = Sampler()
        for id, notches in [("append", 1)] * 3 + [("pop", -1)] * 6 + [("append", 1)] * 4:
            before, expected = expected, step(expected, knob, notches)
            assert panel.press(id)
            await pilot.pause()
            if (changed := expected != before) or not app.said:
                assert app.said[-1] == (expected, True, None)
            value = float(getattr(expected, knob.name))
            assert values(panel)[place_of(knob)] == ("off" if value == knob.off else figure(knob, value))
            assert changed or len(set(app.said[-2:])) == len(app.said[-2:]), "told without a change"
        assert len({said[0] for said in app.said}) > 3


@in_loop
async def test_a_knob_at_its_end_still_switches_the_sampler_on_and_then_says_nothing() -> None:
    knob = next(knob for knob in KNOBS if knob.notches[-1] == knob.off)
    async with hosting() as (app, panel, pilot):
        panel.choose(place_of(knob))
        for _ in range(3):
            panel.press("append")
            await pilot.pause()
        assert app.said == [(Sampler(), True, None)]


@in_loop
async def test_quick_turns_are_all_counted() -> None:
    knob = next(knob for knob in KNOBS if knob.name == "top_k")
    async with hosting() as (app, panel, pilot):
        panel.choose(place_of(knob))
        for _ in range(5):
            panel.press("append")
        await pilot.pause()
        assert app.said[-1] == (step(Sampler(), knob, 5), True, None)


@in_loop
async def test_the_pin_key_turns_the_switch_from_any_line_and_leaves_the_rest() -> None:
    sampler = Sampler(top_p=0.9)
    async with hosting(sampler=sampler, seed=3) as (app, panel, pilot):
        for line, on in ((0, True), (4, False), (SEED, True)):
            panel.choose(line)
            assert panel.press("pin")
            await pilot.pause()
            assert app.said[-1] == (sampler, on, 3)
            assert panel.chosen == line
        panel.choose(SWITCH)
        for id, on in (("append", False), ("pop", True), ("pop", False)):
            assert panel.press(id)
            await pilot.pause()
            assert app.said[-1] == (sampler, on, 3)


@in_loop
async def test_the_seed_goes_from_random_up_through_the_whole_numbers_and_back() -> None:
    async with hosting() as (app, panel, pilot):
        panel.press("last")
        said = []
        for id in ("append", "append", "append", "pop", "pop", "pop", "pop"):
            panel.press(id)
            await pilot.pause()
            said.append(app.said[-1][2])
            assert values(panel)[SEED] == ("random" if said[-1] is None else str(said[-1]))
        assert said == [0, 1, 2, 1, 0, None, None]
        assert len(app.said) == 6, "random is the end"
        assert not any(on for _, on, _ in app.said), "a seed alone doesn't switch the sampler on"


@in_loop
async def test_keys_walk_over_the_lines_and_stop_at_the_ends() -> None:
    async with hosting() as (_, panel, _pilot):
        walked = []
        for id in ("choose-up", "choose-down", "choose-down", "last", "choose-down", "choose-up", "first"):
            assert panel.press(id)
            walked.append(panel.chosen)
            arrows = [y for y, line in enumerate(lines(panel)) if LEFT in line and RIGHT in line]
            assert arrows == [panel.chosen]
        assert walked == [0, 1, 2, SEED, SEED, SEED - 1, 0]
    async with hosting(height=4) as (_, panel, _pilot):
        walked = []
        for id in ("page-down", "page-down", "page-up", "page-up"):
            assert panel.press(id)
            walked.append(panel.chosen)
        assert walked == [4, 8, 4, 0]


@in_loop
async def test_other_keys_mean_nothing_here() -> None:
    async with hosting() as (app, panel, pilot):
        before = lines(panel)
        assert not any(map(panel.press, OTHERS))
        await pilot.pause()
        assert (app.said, lines(panel)) == ([], before)
    assert {key.id for key in KEYS} >= set(MEANT)


@in_loop
async def test_a_click_chooses_a_line_and_its_arrows_turn_it() -> None:
    knob = next(knob for knob in KNOBS if knob.name == "top_k")
    line = place_of(knob)
    async with hosting() as (app, panel, pilot):
        await pilot.click(SamplerPanel, offset=(3, line))
        assert panel.chosen == line
        left, right = lines(panel)[line].index(LEFT), lines(panel)[line].index(RIGHT)
        for x in (right, right, left, right):
            await pilot.click(SamplerPanel, offset=(x, line))
            await pilot.pause()
            assert (lines(panel)[line].index(LEFT), lines(panel)[line].index(RIGHT)) == (left, right)
        assert app.said == [(step(Sampler(), knob, notches), True, None) for notches in (1, 2, 1, 2)]
        await pilot.click(SamplerPanel, offset=(3, line))
        await pilot.click(SamplerPanel, offset=(right, line + 1))
        assert panel.chosen == line + 1, "the arrows of a line that isn't chosen aren't there yet"
        await pilot.click(SamplerPanel, offset=(right, LINES + 1))
        await pilot.pause()
        assert (panel.chosen, len(app.said)) == (line + 1, 4)


@in_loop
async def test_the_chosen_line_s_help_and_range_stand_below_where_there_is_room() -> None:
    async with hosting() as (_, panel, _pilot):
        for line, knob in enumerate(KNOBS, 1):
            panel.choose(line)
            told = " ".join(" ".join(lines(panel)[LINES:]).split())
            assert told == " ".join(about(knob).split())
            assert knob.help in told
            assert knob.allowed in told
        for line in (SWITCH, SEED):
            panel.choose(line)
            assert "".join(lines(panel)[LINES:]).rstrip().endswith(".")


@pytest.mark.parametrize("height", range(1, TALL))
@in_loop
async def test_at_every_height_the_chosen_line_is_in_view_and_help_gives_way_first(height: int) -> None:
    sampler = Sampler(temperature=0.8)
    async with hosting(height, sampler, True, 10**12) as (_, panel, _pilot):
        for line in [*range(LINES), *range(LINES, -1, -1), SEED]:
            panel.choose(line)
            drawn = lines(panel)
            assert all(len(text) <= WIDTH for text in drawn)
            assert len([text for text in drawn if LEFT in text and RIGHT in text]) == 1
            listed = min(height, LINES)
            assert all(text.strip() for text in drawn[:listed]), "lines of the list gave way"
        assert panel.virtual_size == Size(0, LINES)
        told = "".join(drawn[LINES:]).strip()
        assert bool(told) == (height > LINES + 1)
        assert not told or told.endswith((".", "…"))


@in_loop
async def test_a_click_is_for_the_line_below_it_wherever_the_view_is() -> None:
    async with hosting(height=4) as (_, panel, pilot):
        panel.choose(SEED)
        await pilot.click(SamplerPanel, offset=(3, 1))
        assert panel.chosen == LINES - 3
        assert LEFT in lines(panel)[1]


@in_loop
async def test_the_chosen_line_stays_in_view_where_the_terminal_shrinks() -> None:
    async with hosting() as (_, panel, pilot):
        panel.choose(SEED)
        await pilot.resize_terminal(80, 4)
        await pilot.pause()
        assert [LEFT in line for line in lines(panel)] == [False, False, False, True]


@in_loop
async def test_a_wide_or_narrow_panel_is_drawn_in_its_own_width() -> None:
    app = Host()
    async with app.run_test(size=(80, 20)) as pilot:
        for width in (5, 12, 20, 34, 60):
            app.panel.styles.width = width
            await pilot.pause()
            inner = app.panel.scrollable_content_region.width
            for line in range(LINES):
                app.panel.choose(line)
                assert {app.panel.render_line(y).cell_length for y in range(20)} == {inner}


@in_loop
async def test_the_panel_takes_no_focus() -> None:
    async with hosting() as (app, panel, pilot):
        await pilot.click(SamplerPanel, offset=(3, 3))
        assert app.focused is None
        assert not panel.can_focus


@given(st.integers(0, LINES - 1), st.integers(0, 2**64), st.booleans())
def test_turning_there_and_back_ends_where_it_began_but_for_the_switch(
    line: int, seed: int, on: bool
) -> None:
    notches = {knob.name: random.Random(seed).choice(knob.notches[1:-1]) for knob in KNOBS}
    before = Choice(replace(Sampler(), **notches), on, seed)  # type: ignore[arg-type]
    after = before.turned(line, 1).turned(line, -1)
    assert replace(after, on=on) == before
    assert after.on == (on or line not in (SWITCH, SEED))


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_every_notch_has_a_figure_of_its_own_that_is_its_value_and_fits(knob: Knob) -> None:
    figures = [figure(knob, notch) for notch in (*knob.notches, knob.low, knob.high)]
    assert [float(each) for each in figures] == [*knob.notches, knob.low, knob.high]
    assert max(map(len, figures)) <= END - 4
    assert figure(KNOBS[0], 1.2345) == "1.2345"
