"""The heat map and its window: colours decode to values, and what is in view is asked for, and no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.ui.driving import in_loop
from token_explorer.results.palette import Depth, Palette, make
from token_explorer.ui.widgets.heatmap import NOTHING, SHADES, UNKNOWN, Heat, HeatMap
from token_explorer.ui.widgets.window import MOST_KEYS, MOST_QUERIES, PIECE_KEYS, PIECE_QUERIES, Window

LENGTHS = st.one_of(st.integers(1, 40), st.integers(1, 9000))
PANES = st.integers(1, 60), st.integers(1, 200)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int, int]:
    length = draw(LENGTHS)
    lines, columns = draw(PANES[0]), draw(PANES[1])
    return Window.around(draw(st.integers(0, length - 1)), length, lines, columns), lines, columns


@given(windows())
def test_the_window_holds_the_query_and_fits_the_pane(made: tuple[Window, int, int]) -> None:
    window, lines, columns = made
    assert window.start <= window.query < window.stop <= window.length
    assert window.start % 2 == 0
    assert (window.stop - window.start + 1) // 2 <= lines
    assert window.query in window.keys
    assert window.keys[0] == 0
    assert len(window.keys) + window.pinned <= max(4, columns)
    assert window.keys[-1] < window.stop


@given(windows())
def test_the_window_is_as_full_as_the_prompt_allows(made: tuple[Window, int, int]) -> None:
    window, lines, columns = made
    spare = 2 * lines - (window.stop - window.start)
    assert spare <= 1 or window.stop - window.start in (window.length, MOST_QUERIES)
    unused = columns - len(window.keys) - window.pinned
    assert unused <= 0 or window.keys.tolist() == list(range(window.stop)) or columns > MOST_KEYS


@given(st.integers(1, 5000), st.data())
def test_a_cursor_that_walks_seldom_moves_the_window(length: int, data: st.DataObject) -> None:
    query = data.draw(st.integers(0, length - 1))
    here = Window.around(query, length, 30, 60)
    same = [Window.around(other, length, 30, 60) for other in range(query // 16 * 16, query)]
    assert {replace(each, query=query) for each in same} <= {here}


@given(windows())
def test_pieces_hold_all_that_is_in_view_and_little_more(made: tuple[Window, int, int]) -> None:
    window, _, _ = made
    pieces = window.pieces(3)
    keys, queries = window.keys, np.arange(window.start, window.stop)
    covered = np.zeros((len(queries), len(keys)), np.int64)
    for piece in pieces:
        assert piece.layer == 3
        assert piece.start % PIECE_QUERIES == piece.first_key % PIECE_KEYS == 0
        assert 0 < piece.stop - piece.start <= PIECE_QUERIES
        assert 0 < piece.last_key - piece.first_key <= PIECE_KEYS
        assert piece.stop <= window.length
        assert piece.last_key <= piece.stop
        rows = (queries >= piece.start) & (queries < piece.stop)
        columns = (keys >= piece.first_key) & (keys < piece.last_key)
        assert (keys[columns] <= queries[rows].max()).any(), "a piece without a cell in view"
        assert piece.last_key - piece.first_key > 1 or piece.stop == 1 or window.first >= PIECE_KEYS
        covered += rows[:, None] & columns
    causal = keys <= queries[:, None]
    assert (covered[causal] == 1).all()
    assert len(set(pieces)) == len(pieces) <= 3 * (MOST_QUERIES // PIECE_QUERIES + 1)


@given(windows())
def test_the_piece_of_the_query_comes_first(made: tuple[Window, int, int]) -> None:
    window, _, _ = made
    here = [piece.start <= window.query < piece.stop for piece in window.pieces(1)]
    assert here == sorted(here, reverse=True)
    assert here[0]


@given(windows(), st.data())
def test_what_is_gathered_is_what_the_pieces_hold(made: tuple[Window, int, int], data: st.DataObject) -> None:
    window, _, _ = made
    pieces = window.pieces(1)
    missing = data.draw(st.sampled_from([None, *pieces]))

    def weights(start: int, stop: int, keys: Any) -> Any:
        queries = np.arange(start, stop)[:, None]
        return np.where(keys <= queries, queries + keys / 10_000, np.nan).astype(np.float32)

    found = [
        (each, weights(each.start, each.stop, np.arange(each.first_key, each.last_key))) for each in pieces
    ]
    values, unknown = window.gather([(piece, None if piece is missing else held) for piece, held in found])
    expected = weights(window.start, window.stop, window.keys)
    assert np.array_equal(np.where(unknown, expected, values), expected, equal_nan=True)
    assert not np.isnan(expected[unknown]).any(), "a masked cell is known without asking"
    assert bool(unknown.any()) == (missing is not None)
    assert np.isnan(values[unknown]).all()


def test_a_giant_terminal_asks_for_no_more_than_the_span_and_is_told() -> None:
    giant = Window.around(8000, 9000, 2000, 5000)
    assert giant.stop - giant.start == MOST_QUERIES
    assert len(giant.keys) + 1 == MOST_KEYS
    assert giant.capped
    assert not Window.around(8000, 9000, MOST_QUERIES // 2, MOST_KEYS).capped
    assert not Window.around(50, 100, 2000, 5000).capped


class MapApp(App[None]):
    """A heat map alone."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.heat = HeatMap(palette)
        self.clicked: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.heat

    def on_heat_map_row_clicked(self, message: HeatMap.RowClicked) -> None:
        self.clicked.append(message.row)


@asynccontextmanager
async def mapped(depth: Depth = "truecolor") -> AsyncIterator[tuple[MapApp, Pilot[None]]]:
    app = MapApp(make("viridis", depth))
    async with app.run_test(size=(100, 20)) as pilot:
        await pilot.pause()
        yield app, pilot


def heat(places: Any, unknown: Any = None, **others: Any) -> Heat:
    places = np.asarray(places, np.float32)
    rows, columns = places.shape
    unknown = np.zeros(places.shape, np.bool_) if unknown is None else unknown
    given = {"columns": np.arange(columns), "first": 0, "marked": 0, "largest": 100, **others}
    labels = others.pop("labels", [f"t{n}" for n in range(rows)])
    return Heat(places=places, unknown=unknown, **{**given, "labels": labels})


def gutter(app: MapApp) -> int:
    return app.heat.size.width - app.heat.room(100)[1]


def cells(app: MapApp, line: int) -> list[Segment]:
    """The cells of a line, one segment each, right of the gutter."""
    strip = app.heat.render_line(line + 1).crop(gutter(app))
    return [Segment(char, segment.style) for segment in strip for char in segment.text]


def level_of(color: Color | None, app: MapApp) -> int:
    """The level that a colour stands for; NOTHING for the ground."""
    assert color is not None
    shown = tuple(color.get_truecolor())
    return app.heat.palette.bg.index(shown) if shown in app.heat.palette.bg else NOTHING


def decoded(cell: Segment, app: MapApp) -> tuple[int, int]:
    """The two levels that a cell shows."""
    assert cell.style is not None
    ground, ink = level_of(cell.style.bgcolor, app), level_of(cell.style.color, app)
    return {"▀": (ink, ground), "▄": (ground, ink), " ": (ground, ground), "·": (UNKNOWN, UNKNOWN)}[cell.text]


@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "grey"])
@in_loop
async def test_the_two_colours_of_a_cell_decode_to_the_levels_of_two_values(depth: Depth) -> None:
    random = np.random.default_rng(3)
    async with mapped(depth) as (app, _):
        for rows in (1, 2, 7, 12):
            places = random.random((rows, 40)).astype(np.float32)
            places[random.random(places.shape) < 0.3] = np.nan
            places[0, :2] = 0.0, 1.0
            app.heat.show(heat(places))
            levels = app.heat.palette.levels(places)
            if rows % 2:
                levels = np.vstack([levels, np.full(40, NOTHING)])
            for line in range((rows + 1) // 2):
                pairs = [decoded(cell, app) for cell in cells(app, line)[:40]]
                assert pairs == list(zip(*levels[2 * line : 2 * line + 2].tolist(), strict=True))


@in_loop
async def test_without_colours_a_cell_is_a_shade_of_the_larger_value_and_no_weight_looks_like_none() -> None:
    places = np.array([[0.0, 0.001, 0.4, 1.0, np.nan], [0.0, 0.0, 0.9, 0.2, np.nan]], np.float32)
    async with mapped("none") as (app, _):
        app.heat.show(heat(places))
        assert "".join(cell.text for cell in cells(app, 0)[:5]) == " ░██ "
        for place in np.linspace(0.01, 1.0, 50):
            app.heat.show(heat([[place]]))
            assert cells(app, 0)[0].text == SHADES[int(np.ceil(place * 4 - 1e-6))]


@in_loop
async def test_what_is_not_known_is_a_dot() -> None:
    unknown = np.array([[True, False, True], [True, False, False]])
    places = np.array([[np.nan, 0.5, np.nan], [np.nan, 0.5, np.nan]])
    async with mapped() as (app, _):
        app.heat.show(heat(places, unknown))
        assert "".join(cell.text for cell in cells(app, 0)[:3]) == "·▀·"


@in_loop
async def test_numbers_end_above_their_columns_and_a_bar_stands_where_columns_jump() -> None:
    async with mapped() as (app, _):
        columns = np.concatenate([[0], np.arange(995, 1030)])
        app.heat.show(heat(np.zeros((2, len(columns))), columns=columns))
        header = app.heat.render_line(0).text
        drawn = cells(app, 0)
        assert drawn[1].text == "│"
        assert [index for index, cell in enumerate(drawn) if cell.text == "│"] == [1]
        for number in ("1", "1000", "1010", "1020", "1030"):
            column = int(np.flatnonzero(columns == int(number) - 1)[0])
            end = gutter(app) + column + (column > 0)
            assert header[: end + 1].endswith(f" {number}")
            assert header[end + 1 : end + 2] in ("", " ")


@in_loop
async def test_lines_are_numbered_and_the_marked_row_is_named_on_its_line() -> None:
    labels = [f"word{n}" for n in range(6)]
    async with mapped() as (app, _):
        for marked in range(6):
            app.heat.show(heat(np.zeros((6, 3)), first=40, marked=40 + marked, labels=labels))
            lines = [app.heat.render_line(y + 1).text[: gutter(app)] for y in range(3)]
            assert [line.startswith("▸") for line in lines] == [n == marked // 2 for n in range(3)]
            shown = [marked if n == marked // 2 else 2 * n for n in range(3)]
            assert [line[1:].split() for line in lines] == [[str(41 + row), labels[row]] for row in shown]


@in_loop
async def test_a_wide_label_doesnt_shift_the_map() -> None:
    async with mapped() as (app, _):
        for label in ("日本語の長い名前", "x", "‹e2›‹80›‹8b›"):
            app.heat.show(heat(np.ones((1, 3)), labels=[label]))
            assert [cell.text for cell in cells(app, 0)[:4]] == ["▀", "▀", "▀", " "]


@in_loop
async def test_a_click_is_for_the_first_row_of_a_line_or_the_second_if_the_first_is_marked() -> None:
    async with mapped() as (app, pilot):
        app.heat.show(heat(np.zeros((5, 30)), first=10, marked=12))
        for y in (0, 1, 2, 3, 4):
            await pilot.click(HeatMap, offset=(gutter(app) + 2, y))
        assert app.clicked == [10, 13, 14]
        app.heat.show(heat(np.zeros((5, 30)), first=10, marked=14))
        await pilot.click(HeatMap, offset=(3, 3))
        assert app.clicked[3:] == [14]


@in_loop
async def test_words_can_stand_in_place_of_the_map_and_are_wrapped() -> None:
    async with mapped() as (app, pilot):
        app.heat.say("Too long: " + "word " * 40)
        lines = [app.heat.render_line(y).text for y in range(20)]
        assert " ".join(" ".join(lines).split()) == ("Too long: " + "word " * 40).strip()
        await pilot.click(HeatMap, offset=(20, 2))
        assert app.clicked == []


@in_loop
async def test_another_theme_paints_the_ground_anew() -> None:
    async with mapped() as (app, pilot):
        app.heat.show(heat([[np.nan]]))
        grounds = set()
        for theme in ("textual-dark", "textual-light"):
            app.theme = theme
            await pilot.pause()
            style = cells(app, 0)[0].style
            assert style is not None
            grounds.add(style.bgcolor)
        assert len(grounds) == 2
