"""The columns of what would follow: true text, true numbers, and the other columns stay where they are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from token_explorer.core.tokens import BLANK, display
from token_explorer.results import figures
from token_explorer.ui.ahead import Continuation
from token_explorer.ui.widgets.layers import LayerColumns
from token_explorer.ui.widgets.row import GAP, NONE, TOKEN, Columns
from token_explorer.ui.widgets.then import JOINT, LEAST, LEAST_BAR, MOST, NO_COLUMNS, ThenColumns, beside_bar

# The table's room on terminals of 120 and 80 columns.
WIDE, NARROW = 116, 76

widths = st.integers(20, 300)
depths = st.integers(1, 130)


@pytest.mark.parametrize(("width", "joint"), [(WIDE, JOINT), (NARROW, 0)])
def test_what_would_follow_fits_beside_the_bar_on_usual_terminals(width: int, joint: int) -> None:
    columns, then = beside_bar(Columns.fitting(width))
    assert then.joint == joint
    assert then.text >= LEAST
    assert columns.bar >= LEAST_BAR


def test_thirty_layers_and_what_would_follow_fit_on_a_terminal_of_120_columns() -> None:
    columns = LayerColumns.fitting(WIDE, 30, ahead=True)
    assert len(columns.shown) == 30
    assert columns.then.joint == JOINT


@given(widths, st.booleans())
def test_nothing_but_the_bar_gives_way_to_what_would_follow(width: int, sampled: bool) -> None:
    before = Columns.fitting(width, sampled)
    columns, then = beside_bar(before)
    assert columns.header == before.header
    assert columns.bar + then.width == before.bar
    if then.text:
        assert columns.token == TOKEN
        assert columns.bar >= LEAST_BAR
        assert LEAST <= then.text <= MOST


@given(widths, depths, st.booleans())
def test_no_layer_and_no_other_column_gives_way_to_what_would_follow(
    width: int, layers: int, sampled: bool
) -> None:
    before = LayerColumns.fitting(width, layers, sampled)
    columns = LayerColumns.fitting(width, layers, sampled, ahead=True)
    assert columns.shown == before.shown
    assert columns.beside.header == before.beside.header
    if before.cell:
        assert columns.cell >= 1
    used = len(columns.beside.header) + GAP + len(columns.shown) * columns.cell
    assert not columns.then.width or used + columns.then.width <= width


def test_the_wider_the_more_there_is_room_for() -> None:
    kinds = [(then.text > 0, then.joint > 0) for then in map(ThenColumns.fitting, range(100))]
    assert kinds == sorted(kinds)
    assert (kinds[0], kinds[-1]) == ((False, False), (True, True))
    assert ThenColumns.fitting(LEAST) == NO_COLUMNS


@given(st.integers(0, 100), st.text(max_size=60), st.floats(-300.0, 0.0), st.floats(-300.0, 0.0))
def test_a_row_takes_exactly_the_cells_that_its_header_takes(
    room: int, text: str, logprob: float, following: float
) -> None:
    then = ThenColumns.fitting(room)
    continuation = Continuation(display(text), following)
    assert then.width <= room
    for each in (then.header, then.row(logprob, continuation), then.row(logprob, None)):
        assert cell_len(each) == then.width
    assert not then.row(logprob, None).strip()
    if then.joint:
        number = figures.probability(logprob + following)
        assert then.row(logprob, continuation)[: then.joint] == number.rjust(then.joint)
        assert then.header[: then.joint].endswith(" joint")


@pytest.mark.parametrize(
    ("shown", "drawn"),
    [
        (" small girl", f"{BLANK}small girl"),
        ("girl ", f"girl{BLANK}"),
        ("   ", BLANK * 3),
        (" a  b  ", f"{BLANK}a  b{BLANK * 2}"),
        ("", NONE),
    ],
)
def test_blanks_are_seen_where_they_would_be_lost_and_nothing_is_said_to_be_nothing(
    shown: str, drawn: str
) -> None:
    assert ThenColumns(0, MOST).row(-1.0, Continuation(shown, 0.0)) == " " * GAP + drawn.ljust(MOST)


def test_text_that_is_cut_says_so_and_a_candidate_s_own_probability_is_joint_with_nothing() -> None:
    then = ThenColumns(JOINT, LEAST)
    assert then.row(math.log(0.25), Continuation("x" * (LEAST + 1), 0.0)).endswith("x…")
    assert then.row(math.log(0.25), Continuation("", 0.0)).split() == ["0.2500", NONE]
