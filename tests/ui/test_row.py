"""Rows of the candidate table: true numbers, and columns that fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.fakes import VOCABULARY, encode, score
from token_explorer.core.scores import Candidates
from token_explorer.ui.widgets.row import (
    GAP,
    LEAST_TOKEN,
    RANK,
    TOKEN,
    Columns,
    P,
    Row,
    eighths,
    fitted,
    rows,
)

SCORES = score(encode("Once upon"), 30)


def test_a_row_tells_what_the_distribution_says() -> None:
    made = rows(SCORES.next, VOCABULARY)
    assert [row.id for row in made] == SCORES.next.ids.tolist()
    assert [row.logprob for row in made] == SCORES.next.logprobs.tolist()
    assert [row.shown for row in made] == [VOCABULARY[row.id].shown for row in made]
    expected = np.cumsum(np.exp(SCORES.next.logprobs.astype(np.float64)))
    assert np.allclose([row.cumulative for row in made], expected, atol=1e-6)


def test_certainty_that_float32_would_claim_is_not_claimed() -> None:
    logprobs = np.array([-1e-9, -21.0], np.float32)
    made = rows(Candidates(np.array([1, 2]), logprobs, 1e-10, 0.0), VOCABULARY)
    assert "1.0000" not in Columns.fitting(80).row(1, made[0])[0].split()[-1]


def test_no_rows_are_no_trouble() -> None:
    assert rows(Candidates(np.zeros(0, np.int64), np.zeros(0, np.float32), 1.0, 1.0), VOCABULARY) == ()


@pytest.mark.parametrize("width", range(20, 200))
def test_a_row_fits_into_every_width(width: int) -> None:
    columns = Columns.fitting(width)
    row = Row(123456, "␣日本語の長い長い長いトークン", -0.01, 0.99)
    text, bar = columns.row(1000, row)
    assert cell_len(text) + len(bar) <= max(width, RANK + 14)
    assert cell_len(columns.header) == cell_len(text)


def test_columns_go_one_after_the_other() -> None:
    kinds = [
        (bool(each.cumulative), bool(each.bar), bool(each.id))
        for each in map(Columns.fitting, (120, 80, 50, 40, 30))
    ]
    assert kinds[:2] == [(True, True, True)] * 2
    assert kinds == sorted(kinds, reverse=True)
    assert kinds[-1] == (False, False, False)


@given(st.integers(20, 300), st.integers(1, 200))
def test_what_stands_in_the_bar_s_place_gets_its_cells_or_all_that_token_and_p_can_spare(
    width: int, cells: int
) -> None:
    columns = Columns.beside(width, cells)
    text, _ = columns.row(1, Row(123456, "␣日本語の長い長い長いトークン", -0.01, 0.99))
    assert cell_len(text) == cell_len(columns.header)
    assert cell_len(text) + GAP + columns.bar <= max(width, RANK + P + GAP + 1 + columns.bar)
    if columns.bar < cells:
        assert (columns.id, columns.cumulative) == (0, 0)
        assert columns.token <= LEAST_TOKEN
    if columns.token < TOKEN:
        assert columns.bar <= cells, "the token gives way to nothing"


def test_beside_many_cells_the_cumulative_sum_goes_first_and_the_id_next() -> None:
    kinds = [
        (bool(each.cumulative), bool(each.id), each.token == TOKEN)
        for each in (Columns.beside(80, cells) for cells in range(1, 60))
    ]
    assert list(dict.fromkeys(kinds)) == [
        (True, True, True),
        (False, True, True),
        (False, False, True),
        (False, False, False),
    ]


@given(st.floats(0.0, 1.0), st.integers(1, 60))
def test_a_bar_is_as_long_as_its_part_to_an_eighth_of_a_cell(part: float, cells: int) -> None:
    bar = eighths(part, cells)
    length = sum(" ▏▎▍▌▋▊▉█".index(char) for char in bar) / 8
    assert abs(length - part * cells) <= 1 / 8
    assert len(bar) <= cells
    assert bool(bar) == (part > 0.0)


@given(st.text(max_size=30), st.integers(1, 30))
def test_fitted_text_takes_exactly_its_cells(text: str, cells: int) -> None:
    from token_explorer.core.tokens import display

    assert cell_len(fitted(display(text), cells)) == cells
