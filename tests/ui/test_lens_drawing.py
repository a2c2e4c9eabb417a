"""The lens's screen draws what is known: true numbers, in view, readable on every terminal."""

from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

from tests.fakes import HOSTILE, LAYERS, VOCABULARY, observe, score, token_of
from tests.ui.driving import in_loop
from tests.ui.lens_corridor import COLOURS, IDS, LARGE, NO_COLOURS, SMALL, Size, corridor, in_view, press
from token_explorer.core.observation import Lens, LensCells
from token_explorer.errors import FacetUnavailable
from token_explorer.overlays.lens import LENS_MODES
from token_explorer.results import palette
from token_explorer.ui import lenswords
from token_explorer.ui.widgets.lensgrid import GUTTER, HEADER
from token_explorer.ui.widgets.lenswindow import CHUNK


@in_loop
async def test_each_cell_says_its_layers_top_token_and_how_likely_it_is() -> None:
    async with corridor() as (app, _):
        cells = observe(IDS, Lens(0, len(IDS)))
        assert isinstance(cells, LensCells)
        assert len(in_view(app)) > 4
        for layer in range(LAYERS + 1):
            for place in in_view(app):
                text = app.cell(layer, place).rstrip(" ◂")
                token, _, figure = text.rpartition(" ")
                shown = VOCABULARY[int(cells.tops[layer, place])].shown
                token = token.rstrip()
                assert token == shown or (token.endswith("…") and shown.startswith(token[:-1]))
                p = float(np.exp(cells.logprobs[layer, place]))
                assert figure == lenswords.short("probability", p)


@in_loop
async def test_the_last_row_is_what_the_scores_say_comes_next() -> None:
    async with corridor() as (app, _):
        for place in in_view(app):
            following = score(IDS[: place + 1], 1).next
            shown = VOCABULARY[int(following.ids[0])].shown
            figure = lenswords.short("probability", float(np.exp(following.logprobs[0])))
            text = app.cell(LAYERS, place).rstrip(" ◂")
            assert text.startswith(shown[:3])
            assert text.endswith(f" {figure}")


@pytest.mark.parametrize("mode", LENS_MODES, ids=lambda mode: mode.name)
def test_each_mode_draws_the_values_of_its_grid(mode: Any) -> None:
    @in_loop
    async def drawn() -> None:
        async with corridor(pin=9) as (app, _):
            app.lens.mode = mode
            app.show()
            cells = observe(IDS, Lens(0, len(IDS), 9))
            assert isinstance(cells, LensCells)
            values = mode.read(cells).values
            for layer in range(LAYERS + 1):
                for place in in_view(app):
                    figure = lenswords.short(mode.counts, float(values[layer, place]))
                    assert app.cell(layer, place).rstrip(" ◂").endswith(f" {figure}")

    drawn()


@in_loop
async def test_what_is_not_known_is_dots_until_it_is() -> None:
    async with corridor() as (app, pilot):
        app.answering = False
        app.answers.clear()
        app.show()
        await pilot.pause()
        assert all(set(app.cell(LAYERS, place)) <= set("· ◂") for place in in_view(app))
        nearest = app.lens.wanted()[0]
        app.answers[nearest] = app.answer(nearest)
        app.show()
        known = [place for place in in_view(app) if "·" not in app.cell(LAYERS, place)]
        assert known == [place for place in in_view(app) if nearest.start <= place < nearest.stop]


@in_loop
async def test_while_a_pinned_tokens_numbers_come_what_is_known_without_them_stays() -> None:
    async with corridor() as (app, pilot):
        before = [app.cell(layer, place) for layer in range(LAYERS + 1) for place in in_view(app)]
        app.answering, app.pin = False, 9
        app.show()
        assert [app.cell(layer, place) for layer in range(LAYERS + 1) for place in in_view(app)] == before
        await pilot.pause()
        assert app.lines()[-3].split("pin")[1].split("…")[0].strip() == f'"{VOCABULARY[9].shown}"'
        app.lens.mode = LENS_MODES[-1]
        app.show()
        assert all(set(app.cell(LAYERS, place)) <= set("· ◂") for place in in_view(app))


@in_loop
async def test_an_error_is_told_in_words_where_the_cursor_is() -> None:
    async with corridor(cursor=0) as (app, pilot):
        app.answers[Lens(0, CHUNK)] = FacetUnavailable(
            "No lens [/b]", "this model has none.", "Take another."
        )
        app.show()
        await pilot.pause()
        assert any("No lens [/b]:" in line for line in app.lines())
        assert any("Take another." in line for line in app.lines())
        await press(app, pilot, *["append"] * CHUNK)
        assert not any("No lens" in line for line in app.lines())


@pytest.mark.parametrize("colours", [COLOURS, NO_COLOURS, palette.make("viridis", "grey")])
@pytest.mark.parametrize("size", [LARGE, SMALL, (20, 8), (9, 5)])
@pytest.mark.parametrize("layers", [1, 100])
@pytest.mark.parametrize("length", [1, 40])
def test_every_line_fits_and_the_cursor_is_in_view(
    length: int, layers: int, size: Size, colours: palette.Palette
) -> None:
    hostile = tuple(map(token_of, (*HOSTILE, " 日本")))
    ids = (hostile * 40)[:length]

    @in_loop
    async def fits() -> None:
        async with corridor(size, ids=ids, layers=layers, colours=colours, pin=hostile[0]) as (app, pilot):
            await press(app, pilot, "overlay", "choose-up", "pop")
            lines = app.lines()
            assert {cell_len(line) for line in lines} == {size[0]}
            assert not any(char < " " or char in "\u200b\u200d\u202e\x9b" for char in "".join(lines))
            if size[1] > 5:
                assert "▸" in "".join(lines)
            if size in (LARGE, SMALL):
                assert sum(line.count("◂") for line in lines) == 1

    fits()


@in_loop
async def test_the_marked_cell_is_reversed_and_bold_even_without_colours() -> None:
    async with corridor(colours=NO_COLOURS, cursor=3) as (app, _):
        marked = [
            segment
            for y in range(app.lens.grid.size.height)
            for segment in app.lens.grid.render_line(y)
            if segment.style is not None and segment.style.reverse
        ]
        assert [segment.text for segment in marked] == [app.cell(LAYERS, 3)]
        assert marked[0].style is not None
        assert marked[0].style.bold
        assert marked[0].text.endswith("◂")


@in_loop
async def test_colours_are_the_scales() -> None:
    async with corridor() as (app, _):
        cells = observe(IDS, Lens(0, len(IDS)))
        assert isinstance(cells, LensCells)
        levels = COLOURS.levels(LENS_MODES[0].read(cells).places)
        width, start = app.lens.grid.column_width, in_view(app).start
        for place in in_view(app)[:-1]:
            left = GUTTER + (place - start) * width
            strip = app.lens.grid.render_line(HEADER).crop(left, left + width)
            colour = next(iter(strip)).style
            assert colour is not None
            assert colour.bgcolor == COLOURS.style(int(levels[0, place])).bgcolor


@pytest.mark.parametrize("size", [LARGE, SMALL])
@in_loop
async def test_the_frame_says_that_the_lens_is_raw_and_names_its_scale(size: Size) -> None:
    async with corridor(size, cursor=3) as (app, _):
        lines = app.lines()
        assert "raw logit lens: unembed(norm(h)), no trained translators" in lines[1]
        assert f"fake · prompt 1/1 · {len(IDS)} tokens" in lines[0]
        assert " probability 0 " in lines[-2]
        assert f" 4/{len(IDS)} " in lines[-2]
        assert "Esc back" in lines[-1]
        assert all(str(place + 1) in lines[2] for place in in_view(app))
        names = lenswords.tokens(VOCABULARY, IDS, 0, len(IDS))
        assert all(names[place][:4] in lines[3] for place in in_view(app))
