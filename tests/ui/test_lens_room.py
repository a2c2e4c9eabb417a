"""The lens's screen asks for what is in view, and moves by the explorer's keys."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events

from tests.fakes import LAYERS, VOCABULARY, encode, observe
from tests.ui.driving import in_loop
from tests.ui.lens_corridor import (
    COLOURS,
    IDS,
    LARGE,
    MOVES,
    SMALL,
    Size,
    corridor,
    in_view,
    press,
)
from token_explorer.core.branch import Workspace
from token_explorer.core.observation import Lens
from token_explorer.overlays.lens import LENS_MODES
from token_explorer.results import palette
from token_explorer.ui.keys import KEYS
from token_explorer.ui.screens.lens import LensRoom
from token_explorer.ui.widgets.lensgrid import GUTTER, HEADER, LensGrid
from token_explorer.ui.widgets.lenswindow import CHUNK


@pytest.mark.parametrize("size", [LARGE, SMALL, (30, 12)])
@in_loop
async def test_only_what_is_in_view_is_asked_for(size: Size) -> None:
    ids = IDS * 300
    assert len(ids) > 5000
    async with corridor(size, ids=ids, cursor=3000, layers=100) as (app, pilot):
        app.asked.clear()
        app.show()
        shown = in_view(app)
        asked = {place for facet in app.asked for place in range(facet.start, facet.stop)}
        assert set(shown) <= asked
        assert asked <= set(range(shown.start - CHUNK + 1, shown.stop + CHUNK - 1))
        first = app.lens.wanted()[0]
        assert first.start <= 3000 < first.stop
        assert len(app.asked) <= len(shown) // CHUNK + 2
        await press(app, pilot, "append")
        assert {facet.start for facet in app.asked} <= {facet.start for facet in app.answers}


@in_loop
async def test_walking_through_a_prompt_asks_for_each_chunk_once() -> None:
    async with corridor(SMALL, cursor=0) as (app, pilot):
        app.asked.clear()
        app.answers.clear()
        for _ in range(len(IDS)):
            await press(app, pilot, "append")
        facets = list(app.answers)
        assert {facet.start for facet in facets} == set(range(0, len(IDS), CHUNK))
        assert len(facets) == len({facet.start for facet in facets})
        assert app.told == [*range(1, len(IDS) - 1), None]


@given(
    moves=st.lists(st.sampled_from(MOVES), max_size=12),
    cursor=st.none() | st.integers(0, len(IDS) - 1),
    size=st.sampled_from([LARGE, SMALL, (40, 7)]),
    layers=st.sampled_from([LAYERS, 40]),
)
@settings(max_examples=16)
def test_any_way_to_a_place_shows_what_going_there_at_once_shows(
    moves: list[str], cursor: int | None, size: Size, layers: int
) -> None:
    async def walk() -> None:
        async with corridor(size, cursor=cursor, layers=layers) as (app, pilot):
            await press(app, pilot, *moves)
            walked = app.lens, app.lens.wanted(), app.lines(), app.pin, app.space.branch.cursor
        lens, wanted, lines, pin, there = walked
        async with corridor(size, cursor=there, pin=pin, layers=layers) as (fresh, pilot):
            fresh.lens.mode, fresh.lens.depth = lens.mode, lens.depth
            fresh.show()
            await pilot.pause()
            assert fresh.lens.wanted() == wanted
            assert fresh.lines() == lines

    asyncio.run(walk())


@in_loop
async def test_keys_pressed_faster_than_the_application_answers_all_count() -> None:
    async with corridor(cursor=None) as (app, pilot):
        for id in ("pop", "pop", "look-back", "append"):
            assert app.lens.press(id)
        await pilot.pause()
        assert app.space.branch.cursor == len(IDS) - 3
        await press(app, pilot, "append", "append", "append")
        assert app.space.branch.cursor is None


@in_loop
async def test_words_are_stepped_by_where_they_begin() -> None:
    async with corridor(cursor=None) as (app, pilot):
        await press(app, pilot, "word-back")
        back = app.space.branch.cursor
        assert back is not None
        assert VOCABULARY.starts_word(IDS, back)
        assert not any(VOCABULARY.starts_word(IDS, place) for place in range(back + 1, len(IDS) - 1))
        await press(app, pilot, "look-first", "word-on")
        assert app.space.branch.cursor == 1
        await press(app, pilot, "look-first")
        assert app.space.branch.cursor == 0


@in_loop
async def test_layers_are_moved_through_and_end_at_the_ends() -> None:
    async with corridor(SMALL, layers=100) as (app, pilot):
        page = app.lens.grid.room[0]
        await press(app, pilot, "choose-up", "layer-down")
        assert app.lens.depth == 98
        await press(app, pilot, "page-up", "layer-up", "choose-down")
        assert app.lens.depth == 100 - page
        await press(app, pilot, "first", "choose-up")
        assert app.lens.depth == 0
        assert "▸emb 0" in app.lens.grid.render_line(HEADER).text
        await press(app, pilot, "page-down", "last", "choose-down", "page-down")
        assert app.lens.depth == 100
        assert app.told == []


@in_loop
async def test_other_keys_are_left_to_the_application() -> None:
    async with corridor() as (app, _):
        for key in KEYS:
            assert app.lens.press(key.id) == (key.id in MOVES)


@in_loop
async def test_the_top_token_is_pinned_and_let_go_of() -> None:
    async with corridor(cursor=4) as (app, pilot):
        await press(app, pilot, "choose-up")
        top = int(observe(IDS, Lens(4, 5)).tops[LAYERS - 1, 0])  # type: ignore[attr-defined]
        assert "pin " not in app.lines()[-3]
        await press(app, pilot, "pin")
        assert app.pin == top
        assert app.lines()[-3].startswith(f'│ pin "{VOCABULARY[top].shown}"')
        assert {facet.pin for facet in app.lens.wanted()} == {top}
        await press(app, pilot, "choose-down", "overlay-back")
        assert app.lens.mode.of_pin
        await press(app, pilot, "choose-up", "pin")
        assert app.pin is None
        assert app.lens.mode is LENS_MODES[0]


@in_loop
async def test_modes_of_the_pinned_token_come_with_it() -> None:
    async with corridor() as (app, pilot):
        seen = []
        for _ in range(3):
            await press(app, pilot, "overlay")
            seen.append(app.lens.mode)
        assert seen == [*LENS_MODES[1:3], LENS_MODES[0]]
        await press(app, pilot, "pin")
        for mode in (*LENS_MODES[1:], LENS_MODES[0]):
            await press(app, pilot, "overlay")
            assert app.lens.mode is mode
            assert app.lines()[1].startswith(f"╭ {mode.name} ─")


@in_loop
async def test_a_click_goes_to_a_cell_and_the_wheel_through_layers_and_positions() -> None:
    async with corridor() as (app, pilot):
        start, width = in_view(app).start, app.lens.grid.column_width
        # The frame takes the first column of the widget.
        await pilot.click(LensGrid, offset=(1 + GUTTER + 2 * width, HEADER + 1))
        await pilot.pause()
        assert (app.lens.depth, app.space.branch.cursor) == (1, start + 2)
        start = in_view(app).start
        await pilot.click(LensGrid, offset=(1 + GUTTER + width, 0))
        await pilot.pause()
        assert (app.lens.depth, app.space.branch.cursor) == (1, start + 1)
        grid, place = app.lens.grid, (0, 0, 0, 0, 0)
        grid.post_message(events.MouseScrollUp(grid, *place, False, False, False))
        grid.post_message(events.MouseScrollDown(grid, *place, True, False, False))
        await pilot.pause()
        assert (app.lens.depth, app.space.branch.cursor) == (0, start + 2)


@in_loop
async def test_another_size_shows_and_asks_for_another_part() -> None:
    async with corridor(SMALL, cursor=10, layers=40) as (app, pilot):
        narrow = in_view(app)
        await pilot.resize_terminal(*LARGE)
        await pilot.pause()
        assert len(in_view(app)) > len(narrow)
        assert all("·" not in app.cell(40, place) for place in in_view(app))
        async with corridor(LARGE, cursor=10, layers=40) as (fresh, _):
            assert fresh.lines() == app.lines()


@in_loop
async def test_another_prompt_has_a_cursor_of_its_own() -> None:
    async with corridor(cursor=3) as (app, pilot):
        app.lens.press("append")
        app.space = Workspace.open(encode("there was a girl"))
        app.answers.clear()
        app.show()
        length = len(app.space.branch.ids)
        assert app.lens.wanted()[0] == Lens((length - 1) // CHUNK * CHUNK, length)
        app.lens.press("pop")
        await pilot.pause()
        assert app.told[-1] == length - 2


@in_loop
async def test_nothing_was_shown_yet_and_nothing_happens() -> None:
    lens = LensRoom(palette.Palettes(COLOURS, COLOURS), KEYS)
    assert lens.wanted() == []
    assert lens.press("pin")
    assert not lens.press("help")
