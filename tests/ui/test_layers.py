"""Layers beside the candidates: every cell has its value's colour, every number is true, and all fits."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.fakes import VOCABULARY, encode, score
from tests.ui.driving import in_loop
from token_explorer.core.listing import of_candidates
from token_explorer.core.observation import LayerTable
from token_explorer.core.reading import Grid
from token_explorer.overlays.layers import correlations, probabilities
from token_explorer.results import figures, palette
from token_explorer.ui.widgets.candidates import CandidateTable, Waiting
from token_explorer.ui.widgets.layers import LayerCells, LayerColumns, exact, legend
from token_explorer.ui.widgets.row import GAP, LEAST_TOKEN, RANK, SAMPLED, P, rows

COLOURS = palette.make("viridis", "truecolor")
NO_COLOURS = palette.make("viridis", "none")
HEIGHTS = " ▁▂▃▄▅▆▇█"
# The table's room on terminals of 120 and 80 columns.
WIDE, NARROW = 116, 76

depths = st.integers(1, 130)
widths = st.integers(RANK + LEAST_TOKEN + P + GAP + 4, 250)
shares = st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=40)


def grid_of(*columns: Sequence[float]) -> Grid:
    values = np.array(columns, np.float32).T
    names = tuple(str(layer + 1) for layer in range(len(values)))
    return Grid(title="title", unit="", values=values, low=0.0, high=1.0, note="note", rows=names)


def text_of(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def cells_of(segments: Sequence[Segment]) -> list[tuple[str, Style | None]]:
    """One entry a cell."""
    return [(char, segment.style) for segment in segments for char in segment.text]


@given(widths, depths)
def test_layers_fit_beside_the_other_columns_and_the_last_one_is_among_them(width: int, layers: int) -> None:
    columns = LayerColumns.fitting(width, layers)
    assert columns.shown[-1] == layers
    assert columns.shown[0] >= 1
    assert columns.shown[0] - columns.step < 1
    assert columns.cell >= 1
    assert len(columns.header) == len(columns.shown) * columns.cell
    assert len(columns.beside.header) + GAP + len(columns.header) <= width


@given(widths, depths)
def test_layers_are_left_out_only_where_not_all_of_them_fit(width: int, layers: int) -> None:
    columns = LayerColumns.fitting(width, layers)
    room = width - RANK - LEAST_TOKEN - P - GAP
    assert columns.step == -(-layers // room)


@given(widths, depths)
def test_no_layer_gives_way_to_what_the_sampler_says(width: int, layers: int) -> None:
    without, columns = LayerColumns.fitting(width, layers), LayerColumns.fitting(width, layers, sampled=True)
    assert columns.shown == without.shown
    assert len(columns.beside.header) + GAP + len(columns.header) <= width
    room = width - RANK - LEAST_TOKEN - P - SAMPLED - GAP
    assert (columns.beside.sampled == SAMPLED) == (len(columns.shown) <= room)


def test_thirty_layers_and_what_the_sampler_says_fit_on_a_terminal_of_80_columns() -> None:
    columns = LayerColumns.fitting(NARROW, 30, sampled=True)
    assert (columns.step, columns.beside.sampled) == (1, SAMPLED)


@pytest.mark.parametrize(("width", "cell"), [(WIDE, 2), (NARROW, 1)])
def test_thirty_layers_fit_on_usual_terminals(width: int, cell: int) -> None:
    columns = LayerColumns.fitting(width, 30)
    assert (columns.step, columns.cell) == (1, cell)
    assert re.findall(r"\d+", columns.header) == ["1", "5", "10", "15", "20", "25", "30"]


@given(widths, depths)
def test_a_layer_s_number_ends_above_its_column(width: int, layers: int) -> None:
    columns = LayerColumns.fitting(width, layers)
    header = re.sub(r"every \d+\w\w layer|1 in \d+", lambda words: " " * len(words[0]), columns.header)
    numbers = list(re.finditer(r"\d+", header))
    assert all((columns.shown.index(int(each[0])) + 1) * columns.cell == each.end() for each in numbers)
    assert int(numbers[-1][0]) == layers or len(str(layers)) > len(header)


def test_the_header_says_which_layers_are_shown_where_some_are_left_out() -> None:
    assert "every 2nd layer" in LayerColumns.fitting(NARROW, 80).header
    assert "every 3rd layer" in LayerColumns.fitting(NARROW, 126).header
    assert "every 11th layer" in LayerColumns.fitting(NARROW, 520).header
    assert "1 in 2" in LayerColumns.fitting(42, 30).header
    assert "every" not in LayerColumns.fitting(NARROW, 32).header


def test_where_not_even_one_layer_fits_none_is_drawn() -> None:
    columns = LayerColumns.fitting(RANK + P, 30)
    assert columns.header == ""
    assert text_of(LayerCells(grid_of([0.5] * 30), COLOURS).row(0, columns, Style())) == ""


@given(shares, widths)
def test_each_cell_has_the_colour_of_its_value(values: list[float], width: int) -> None:
    grid, columns = grid_of([0.0] * len(values), values), LayerColumns.fitting(width, len(values))
    cells = cells_of(LayerCells(grid, COLOURS).row(1, columns, Style()))
    levels = COLOURS.levels(grid.places)[:, 1]
    expected = [
        (" ", COLOURS.style(levels[layer - 1])) for layer in columns.shown for _ in range(columns.cell)
    ]
    assert cells == expected


@given(shares)
def test_without_colours_a_higher_value_is_never_lower_and_only_nothing_is_blank(values: list[float]) -> None:
    columns = LayerColumns.fitting(WIDE, len(values))
    cells = LayerCells(grid_of(sorted(values)), NO_COLOURS).row(0, columns, Style())
    heights = [HEIGHTS.index(char) for char in text_of(cells)[:: columns.cell]]
    assert heights == sorted(heights)
    assert [height > 0 for height in heights] == [value > 0 for value in sorted(values)]


@pytest.mark.parametrize("colours", [COLOURS, NO_COLOURS])
def test_no_value_is_drawn_as_nothing_in_the_row_s_own_style(colours: palette.Palette) -> None:
    own = Style(bold=True)
    columns = LayerColumns.fitting(NARROW, 2)
    cells = cells_of(LayerCells(grid_of([np.nan, 1.0]), colours).row(0, columns, own))
    assert cells[: columns.cell] == [(" ", own)] * columns.cell
    assert (" ", own) not in cells[columns.cell :]


@pytest.mark.parametrize("colours", [COLOURS, NO_COLOURS])
def test_the_legend_tells_the_scale_in_the_cells_own_ink(colours: palette.Palette) -> None:
    segments = legend(correlations(LayerTable(np.zeros((2, 2), np.float32))), colours)
    text = text_of(segments)
    assert re.search(r"layer correlation 0 .* 1 ", text)
    assert "share of the token's own maximum over layers" in text
    ends = grid_of([0.0, 1.0])
    drawn = cells_of(segments)
    for char, style in cells_of(LayerCells(ends, colours).row(0, LayerColumns.fitting(NARROW, 2), Style())):
        assert (char, style) in drawn


def numbers(variant: Sequence[Segment]) -> dict[str, str]:
    """What a variant says: the figure of each layer."""
    return dict(re.findall(r"(?:layer|·) (\d+) (\S+)", text_of(variant)))


@given(shares)
def test_every_number_that_is_told_is_its_layer_s(values: list[float]) -> None:
    grid = grid_of(values)
    for variant in exact(grid, 0):
        told = numbers(variant)
        assert told
        for layer, figure in told.items():
            assert figure == figures.fraction(float(grid.values[int(layer) - 1, 0]))


@given(shares)
def test_the_last_layer_is_always_told_then_the_maximum_then_where_the_token_appears(
    values: list[float],
) -> None:
    told = [set(map(int, numbers(variant))) for variant in exact(grid_of(values), 0)]
    last, most = len(values), 1 + int(np.argmax(np.array(values, np.float32)))
    first = next((layer for layer, value in enumerate(values, 1) if value > 0.01), most)
    ranked = list(dict.fromkeys([last, most, first]))
    assert [len(each) for each in told] == list(range(len(told), 0, -1))
    for each in told:
        assert each >= set(ranked[: len(each)])


def test_layers_that_are_passed_over_are_told_by_dots() -> None:
    values = [0.0, 0.0, 0.02, 0.3, 0.4, 0.5, 0.6, 0.9, 0.8]
    assert text_of(exact(grid_of(values), 0)[0]) == (
        " layer 3 0.0200 · 4 0.3000 · 5 0.4000 · 6 0.5000 · … · 8 0.9000 · 9 0.8000 "
    )
    assert text_of(exact(grid_of(values), 0)[-1]) == " layer 9 0.8000 "


def test_a_tiny_probability_is_told_as_such() -> None:
    assert numbers(exact(grid_of([1e-30]), 0)[0]) == {"1": "1.00e-30"}


def test_what_has_no_values_is_not_told_at_all() -> None:
    assert exact(grid_of([np.nan, np.nan]), 0) == [[]]
    assert exact(grid_of([0.5]), 1) == [[]]
    assert numbers(exact(grid_of([np.nan, 0.5, np.nan]), 0)[0]) == {"2": "0.5000"}


# The table.

SCORES = score(encode("Once upon"), 200)
ROWS = rows(of_candidates(SCORES.next), VOCABULARY)
GRID = probabilities(LayerTable(np.stack([SCORES.next.logprobs - layer for layer in range(29, -1, -1)])))


class Host(App[None]):
    """A table alone, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.table = CandidateTable()
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_candidate_table_row_chosen(self, message: CandidateTable.RowChosen) -> None:
        self.chosen.append(message.row)


@asynccontextmanager
async def hosting() -> AsyncIterator[tuple[Host, CandidateTable, Pilot[None]]]:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        app.table.show(ROWS)
        await pilot.pause()
        yield app, app.table, pilot


def backgrounds(table: CandidateTable, line: int) -> int:
    """How many colours a line has."""
    return len({segment.style.bgcolor for segment in table.render_line(line) if segment.style})


@in_loop
async def test_layers_take_the_place_of_the_bars_and_give_it_back() -> None:
    async with hosting() as (_, table, _pilot):
        bars = [table.render_line(line) for line in range(5)]
        table.show_layers(GRID, COLOURS)
        assert "30" in table.render_line(0).text
        assert all(backgrounds(table, line) > 2 for line in range(1, 5))
        table.show_layers(None, None)
        assert [table.render_line(line) for line in range(5)] == bars


@in_loop
async def test_bars_stay_until_layers_are_known_for_the_first_time() -> None:
    async with hosting() as (_, table, _pilot):
        bars = [table.render_line(line) for line in range(5)]
        table.show_layers(None, COLOURS)
        assert [table.render_line(line) for line in range(5)] == bars


@in_loop
async def test_numbers_stay_beside_the_layers() -> None:
    async with hosting() as (_, table, _pilot):
        table.show_layers(GRID, NO_COLOURS)
        for line, row in enumerate(ROWS[:10], 1):
            text = table.render_line(line).text
            assert row.shown in text
            assert figures.probability(row.logprob) in text


@in_loop
async def test_other_rows_never_have_the_layers_of_those_before() -> None:
    async with hosting() as (_, table, _pilot):
        table.show_layers(GRID, COLOURS)
        header = table.render_line(0).text
        table.show(ROWS[1:])
        assert backgrounds(table, 2) == 1
        table.show_layers(None, COLOURS)
        assert backgrounds(table, 2) == 1
        assert table.render_line(0).text == header, "the columns stay where they are meanwhile"
        table.show_layers(GRID, COLOURS)
        assert backgrounds(table, 2) > 2
        table.wait(Waiting("…"))
        assert backgrounds(table, 2) == 1


@in_loop
async def test_a_grid_with_fewer_candidates_than_rows_leaves_the_others_blank() -> None:
    async with hosting() as (_, table, _pilot):
        few = probabilities(LayerTable(np.stack([SCORES.next.logprobs[:3]] * 4)))
        table.show_layers(few, NO_COLOURS)
        assert table.render_line(3).text.rstrip()[-1] in HEIGHTS
        assert table.render_line(4).text.rstrip()[-1] not in HEIGHTS


@in_loop
async def test_only_rows_in_view_are_painted_and_the_same_grid_paints_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painted: list[int] = []
    paint = LayerCells.row

    def counted(cells: LayerCells, candidate: int, columns: LayerColumns, base: Style) -> list[Segment]:
        painted.append(candidate)
        return paint(cells, candidate, columns, base)

    monkeypatch.setattr(LayerCells, "row", counted)
    async with hosting() as (_, table, pilot):
        table.show_layers(GRID, COLOURS)
        await pilot.pause()
        assert set(painted) == set(range(table.size.height - 1))
        painted.clear()
        table.show_layers(GRID, COLOURS)
        await pilot.pause()
        assert painted == []
        table.choose(1)
        await pilot.pause()
        assert set(painted) == {0, 1}


@in_loop
async def test_each_change_of_the_chosen_row_is_told_once() -> None:
    async with hosting() as (app, table, pilot):
        assert app.chosen == [0]
        for row in (1, 1, 5, -3, len(ROWS) + 9):
            table.choose(row)
            await pilot.pause()
        assert app.chosen == [0, 1, 5, 0, len(ROWS) - 1]
        table.show(ROWS[:3])
        await pilot.pause()
        assert app.chosen[5:] == [0]


@in_loop
async def test_rows_that_are_old_or_none_are_never_told_as_chosen() -> None:
    async with hosting() as (app, table, pilot):
        table.wait(Waiting("…"))
        table.choose(3)
        table.show(())
        await pilot.pause()
        assert app.chosen == [0]
