"""Rows of the candidate table: true numbers, and columns that fit."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.fakes import VOCABULARY, encode, score
from token_explorer.core.knobs import KNOBS
from token_explorer.core.listing import Listed, of_candidates
from token_explorer.core.tokens import display
from token_explorer.results import blocks, figures
from token_explorer.ui.widgets.row import (
    ACTUAL,
    GAP,
    LEAST_TOKEN,
    NONE,
    RANK,
    REMOVED,
    SAMPLED,
    TOKEN,
    Columns,
    P,
    Row,
    fitted,
    rows,
)

SCORES = score(encode("Once upon"), 30)
WIDE = Row(262143, "␣日本語の長い長い長いトークン", -230.0, 0.99, 262144, True, 1e-30)
TITLES = [knob.title for knob in KNOBS]
WIDTHS = range(20, 201)
# The table's room beside the sampler's panel, on a terminal of 80 columns: 80 - 34, less frame and scrollbar.
BESIDE_PANEL = 42


def listed(logprobs: Sequence[float] = (-1.0, -2.0, -3.0), **others: object) -> Listed:
    """What a table lists: the first tokens of the vocabulary."""
    count = len(logprobs)
    given: dict[str, object] = {
        "ids": np.arange(count),
        "logprobs": np.array(logprobs, np.float32),
        "ranks": np.arange(1, count + 1),
        "cumulative": np.cumsum(np.exp(np.array(logprobs, np.float64))),
        "tail": 0.1,
        "entropy": 1.0,
    }
    return Listed(**{**given, **others})  # type: ignore[arg-type]


def test_a_row_tells_what_the_distribution_says() -> None:
    made = rows(of_candidates(SCORES.next), VOCABULARY)
    assert [row.id for row in made] == SCORES.next.ids.tolist()
    assert [row.logprob for row in made] == SCORES.next.logprobs.tolist()
    assert [row.shown for row in made] == [VOCABULARY[row.id].shown for row in made]
    expected = np.cumsum(np.exp(SCORES.next.logprobs.astype(np.float64)))
    assert np.allclose([row.cumulative for row in made], expected, atol=1e-6)
    assert not any(row.actual or row.removed for row in made)
    assert {row.sampled for row in made} == {None}


def test_rows_have_the_ranks_of_the_whole_vocabulary_and_one_is_the_actual_token() -> None:
    made = rows(listed(ranks=np.array([4, 77, 151_936]), actual=2), VOCABULARY)
    texts = [Columns.fitting(80).row(row)[0] for row in made]
    assert [row.actual for row in made] == [False, False, True]
    assert [text[: RANK - 1].strip() for text in texts] == ["4", "77", "151936"]
    assert [text[RANK - 1] for text in texts] == [" ", " ", ACTUAL]
    assert len({text.index(made[place].shown) for place, text in enumerate(texts)}) == 1


def test_certainty_that_float32_would_claim_is_not_claimed() -> None:
    made = rows(listed([-1e-9, -21.0], cumulative=np.array([1 - 1e-9, 1.0])), VOCABULARY)
    assert Columns.fitting(80).row(made[0])[0].split()[-1] == ">.9999"


def test_no_rows_are_no_trouble() -> None:
    assert rows(listed([]), VOCABULARY) == ()
    assert rows(listed([], sampled=np.zeros(0, np.float32)), VOCABULARY) == ()


@pytest.mark.parametrize("removed", ["", *TITLES])
@pytest.mark.parametrize("sampled", [False, True])
def test_a_row_fits_into_every_width(sampled: bool, removed: str) -> None:
    row = Row(262143, WIDE.shown, -230.0, 0.99, 262144, True, 1e-30 if sampled else None, removed * sampled)
    for width in WIDTHS:
        columns = Columns.fitting(width, sampled)
        text, bar = columns.row(row)
        assert cell_len(text) + cell_len(bar) <= width
        assert cell_len(columns.header) == cell_len(text)


@given(st.integers(20, 200), st.booleans(), st.floats(-300.0, 0.0), st.floats(0.0, 1.0), st.text(max_size=20))
def test_a_column_s_numbers_end_where_its_name_ends(
    width: int, sampled: bool, logprob: float, after: float, text: str
) -> None:
    columns = Columns.fitting(width, sampled)
    row = Row(7, display(text), logprob, 0.5, 8, sampled=after if sampled else None)
    numbers = columns.row(row)[0]
    shift = columns.token - len(fitted(row.shown, columns.token))  # cells that wide characters take
    figure = {
        "id": "7",
        "p": figures.probability(logprob),
        "sampled": figures.fraction(after),
        "cum": "0.5000",
    }
    ends = {name[0]: name.end() for name in re.finditer(r"\S+", columns.header) if name[0] in figure}
    assert "p" in ends
    for name, end in ends.items():
        assert numbers[: end - shift].endswith(f" {figure[name]}")


def test_columns_go_one_after_the_other() -> None:
    for sampled in (False, True):
        kinds = [
            (bool(each.sampled), bool(each.id), bool(each.bar), bool(each.cumulative))
            for each in (Columns.fitting(width, sampled) for width in WIDTHS)
        ]
        assert kinds == sorted(kinds)
        assert kinds[0] == (False, False, False, False)
        assert kinds[-1] == (sampled, True, True, True)


def test_beside_the_sampler_s_panel_there_is_room_for_what_matters() -> None:
    columns = Columns.fitting(BESIDE_PANEL, sampled=True)
    assert columns.sampled == SAMPLED
    assert columns.token >= LEAST_TOKEN
    assert columns.header.split()[:4] == ["#", "token", "p", "sampled"]
    assert Columns.fitting(76, sampled=True).bar, "a terminal of 80 columns has room for all of them"


def test_the_bar_is_of_what_a_token_may_be_drawn_with() -> None:
    for sampled, expected in ((None, np.exp(-1.0)), (0.9, 0.9), (0.0, 0.0)):
        columns = Columns.fitting(100, sampled is not None)
        _, bar = columns.row(Row(1, "x", -1.0, 0.5, 1, sampled=sampled))
        assert bar == " " * GAP + blocks.bar(float(expected), columns.bar)


@pytest.mark.parametrize("title", TITLES)
def test_a_token_that_was_removed_has_the_stage_in_place_of_its_bar_and_no_probability(title: str) -> None:
    made = rows(listed(sampled=np.array([1, 0, 0], np.float32), removed=("", "", title)), VOCABULARY)
    for width in WIDTHS:
        columns = Columns.fitting(width, sampled=True)
        texts = [columns.row(row) for row in made]
        assert not any(text[0][RANK - 1] == ACTUAL for text in texts)
        if columns.bar:
            assert texts[2][1].strip() == fitted(title, columns.bar).strip()
            assert texts[2][0].split()[-1 - bool(columns.cumulative)] == NONE
            assert texts[1][0].split()[-1 - bool(columns.cumulative)] == "0", "left, but never drawn"
        elif columns.sampled:
            assert texts[2][0].rstrip().endswith(fitted(title, SAMPLED - GAP).rstrip())
            assert NONE not in texts[2][0]
        else:
            assert [text[0][RANK - 1] for text in texts] == [" ", " ", REMOVED]


def test_no_two_stages_are_cut_to_the_same_words() -> None:
    told = [Row(1, "x", -1.0, 0.5, 1, sampled=0.0, removed=title) for title in TITLES]
    for width in range(RANK + LEAST_TOKEN + P + SAMPLED, 201):
        columns = Columns.fitting(width, sampled=True)
        assert len({columns.row(row) for row in told}) == len(TITLES)
        assert len({columns.text(row) for row in told}) == len(TITLES)


@given(st.integers(20, 300), st.integers(1, 200), st.booleans())
def test_what_stands_in_the_bar_s_place_gets_its_cells_or_all_that_token_and_p_can_spare(
    width: int, cells: int, sampled: bool
) -> None:
    columns = Columns.beside(width, cells, sampled)
    text = columns.text(WIDE)
    assert cell_len(text) == cell_len(columns.header)
    assert cell_len(text) + GAP + columns.bar <= max(width, RANK + P + GAP + 1 + columns.bar)
    if columns.bar < cells:
        assert (columns.id, columns.cumulative, columns.sampled) == (0, 0, 0)
        assert columns.token <= LEAST_TOKEN
    if columns.token < TOKEN:
        assert columns.bar <= cells, "the token gives way to nothing"


def test_beside_many_cells_the_cumulative_sum_goes_first_then_the_id_then_what_the_sampler_says() -> None:
    for sampled in (False, True):
        kinds = [
            (bool(each.cumulative), bool(each.id), bool(each.sampled))
            for each in (Columns.beside(80, cells, sampled) for cells in range(1, 60))
        ]
        assert kinds == sorted(kinds, reverse=True)
        assert kinds[0] == (True, True, sampled)
        assert kinds[-1] == (False, False, False)


@given(st.floats(0.0, 1.0), st.integers(1, 60))
def test_a_bar_is_as_long_as_its_part_to_an_eighth_of_a_cell(part: float, cells: int) -> None:
    bar = blocks.bar(part, cells)
    length = sum(" ▏▎▍▌▋▊▉█".index(char) for char in bar) / 8
    assert abs(length - part * cells) <= 1 / 8
    assert len(bar) <= cells
    assert bool(bar) == (part > 0.0)


@given(st.text(max_size=30), st.integers(1, 30))
def test_fitted_text_takes_exactly_its_cells(text: str, cells: int) -> None:
    assert cell_len(fitted(display(text), cells)) == cells
