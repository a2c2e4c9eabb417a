"""The table alone: the chosen row is in view, the actual one is marked, and what was removed says why."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.fakes import VOCABULARY, encode, score
from tests.ui.driving import in_loop
from token_explorer.core.listing import of_candidates
from token_explorer.ui.widgets.candidates import CandidateTable, Waiting
from token_explorer.ui.widgets.row import ACTUAL, RANK, Row, rows

ROWS = rows(of_candidates(score(encode("Once upon"), 200).next), VOCABULARY)
SAMPLED = tuple(
    replace(row, sampled=0.5 * (place < 2), removed="" if place < 2 else "top-k")
    for place, row in enumerate(ROWS)
)
WIDTH, HEIGHT = 80, 12


def with_actual(place: int, listed: tuple[Row, ...] = ROWS) -> tuple[Row, ...]:
    """Rows of which one is of the token that stands there."""
    return (*listed[:place], replace(listed[place], actual=True), *listed[place + 1 :])


class Host(App[None]):
    """A table alone, and what it says."""

    def __init__(self, shown: tuple[Row, ...] = (), chosen: int = 0) -> None:
        super().__init__()
        self.table = CandidateTable()
        self.told: list[int] = []
        self.clicked: list[tuple[int, bool]] = []
        self._shown, self._chosen = shown, chosen

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        if self._shown:
            assert not self.table.size, "it has its place already"
            self.table.show(self._shown, self._chosen)

    def on_candidate_table_row_chosen(self, message: CandidateTable.RowChosen) -> None:
        self.told.append(message.row)

    def on_candidate_table_row_clicked(self, message: CandidateTable.RowClicked) -> None:
        self.clicked.append((message.row, message.takes))


@asynccontextmanager
async def hosting(
    shown: tuple[Row, ...] = ROWS, chosen: int = 0
) -> AsyncIterator[tuple[Host, CandidateTable, Pilot[None]]]:
    app = Host()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        app.table.show(shown, chosen)
        await pilot.pause()
        yield app, app.table, pilot


def lines(table: CandidateTable) -> list[str]:
    """What is in view."""
    return [table.render_line(y).text for y in range(table.size.height)]


def style_of(table: CandidateTable, y: int) -> Style:
    """The style of a line's text."""
    style = next(iter(table.render_line(y))).style
    assert style is not None
    return style


def ranks(table: CandidateTable) -> list[int]:
    """Ranks of the rows in view, below the header."""
    return [int(line[: RANK - 1]) for line in lines(table)[1:] if line.strip()]


def is_chosen(table: CandidateTable, y: int) -> bool:
    return style_of(table, y) == table.get_component_rich_style("candidates--chosen")


@pytest.mark.parametrize("chosen", [0, 1, HEIGHT - 2, HEIGHT - 1, 57, len(ROWS) - 1])
@in_loop
async def test_the_row_that_is_chosen_from_the_beginning_is_in_view(chosen: int) -> None:
    async with hosting(chosen=chosen) as (app, table, _):
        seen = ranks(table)
        assert ROWS[chosen].rank in seen
        drawn = [y for y in range(1, HEIGHT) if is_chosen(table, y)]
        assert [seen[y - 1] for y in drawn] == [ROWS[chosen].rank]
        assert app.told == [chosen]


@in_loop
async def test_rows_that_are_shown_before_the_table_has_its_place_are_in_view_too() -> None:
    app = Host(ROWS, 150)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        assert ROWS[150].rank in ranks(app.table)


@in_loop
async def test_a_chosen_row_beyond_the_last_is_the_last() -> None:
    async with hosting(ROWS[:3], 9) as (app, table, _):
        assert (table.chosen, app.told) == (2, [2])


@in_loop
async def test_other_rows_are_shown_from_the_top_and_the_same_place_stays_in_view() -> None:
    async with hosting(chosen=100) as (_, table, pilot):
        before = ranks(table)
        table.show(SAMPLED, 100)
        await pilot.pause()
        assert ranks(table) == before, "what the sampler changes moves nothing"
        table.show(ROWS)
        await pilot.pause()
        assert ranks(table)[0] == 1


@in_loop
async def test_the_chosen_row_stays_in_view_where_the_terminal_shrinks() -> None:
    async with hosting(chosen=9) as (_, table, pilot):
        assert ranks(table)[0] == 1
        await pilot.resize_terminal(WIDTH, 5)
        await pilot.pause()
        assert ROWS[9].rank in ranks(table)


@in_loop
async def test_the_actual_token_is_marked_and_bold_and_no_other_is() -> None:
    for shown in (with_actual(3), with_actual(3, SAMPLED)):
        async with hosting(shown) as (_, table, _pilot):
            marked = [y for y, line in enumerate(lines(table)) if ACTUAL in line]
            assert marked == [4]
            assert ranks(table)[3] == ROWS[3].rank
            bold = [y for y in range(1, HEIGHT) if style_of(table, y).bold and not is_chosen(table, y)]
            assert bold == [4]
            table.choose(3)
            assert is_chosen(table, 4)
            assert ACTUAL in table.render_line(4).text


@in_loop
async def test_what_the_sampler_removed_is_grey_and_says_by_which_stage() -> None:
    async with hosting(SAMPLED) as (_, table, _pilot):
        grey = table.get_component_rich_style("candidates--removed")
        assert grey.color != table.base.color
        assert "sampled" in lines(table)[0]
        for y in range(2, HEIGHT):
            removed = y > 2
            assert ("top-k" in lines(table)[y]) == removed
            assert (style_of(table, y).color == grey.color) == removed
            assert ("█" in lines(table)[y]) == (not removed)


@in_loop
async def test_the_sampler_s_column_comes_and_goes_with_its_numbers_and_stays_while_they_are_awaited() -> (
    None
):
    async with hosting() as (_, table, _pilot):
        assert "sampled" not in lines(table)[0]
        table.show(SAMPLED)
        header = lines(table)[0]
        assert "sampled" in header
        table.wait(Waiting("…"), keep=False)
        assert lines(table)[0] == header
        table.say("No token matches.")
        assert lines(table)[0] == header
        table.show(ROWS)
        assert "sampled" not in lines(table)[0]


@in_loop
async def test_words_stand_in_place_of_rows_until_there_are_some() -> None:
    async with hosting(chosen=50) as (app, table, pilot):
        table.say("No token matches " + "xyz " * 40 + "end.")
        await pilot.pause()
        said = " ".join(" ".join(lines(table)[1:]).split())
        assert said == "No token matches " + "xyz " * 40 + "end."
        assert lines(table)[0].split()[0] == "#"
        assert (table.rows, table.chosen, table.stale) == ((), 0, False)
        table.choose(3)
        await pilot.click(CandidateTable, offset=(5, 2))
        await pilot.pause()
        assert (app.told, app.clicked) == ([50], [])
        table.show(ROWS[:2])
        assert "No token" not in "".join(lines(table))
        assert ranks(table) == [1, 2]


@in_loop
async def test_what_is_awaited_takes_the_place_of_words() -> None:
    async with hosting(()) as (app, table, _pilot):
        assert app.told == []
        table.say("No token matches.")
        table.wait(Waiting("loading", 0.5), keep=False)
        assert "No token" not in "".join(lines(table))
        assert "loading" in lines(table)[2]
        assert table.stale


@in_loop
async def test_a_click_is_for_the_row_below_it_wherever_the_view_is() -> None:
    async with hosting(chosen=100) as (app, table, pilot):
        seen = ranks(table)
        for y in (0, 1, 5, HEIGHT - 1):
            await pilot.click(CandidateTable, offset=(12, y))
        places = [rank - 1 for rank in (seen[0], seen[4], seen[HEIGHT - 2])]
        assert app.clicked == [(place, place == 100) for place in places]
        table.wait(Waiting("…"))
        await pilot.click(CandidateTable, offset=(12, 3))
        assert len(app.clicked) == 3, "a row of another prompt was taken"
