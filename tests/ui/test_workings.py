"""The working of a number is written whole in any width, in columns, and without a false zero."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from token_explorer.byhand.lines import Dot, Formula, Line, Sum
from token_explorer.results import figures
from token_explorer.ui.workings import NUMBER, Calculation, figure, share

VALUES = st.floats(-1e5, 1e5).filter(lambda value: not value or abs(value) > 1e-12)


def texts(calculation: Calculation) -> list[str]:
    return [calculation[place][0] for place in range(len(calculation))]


def numbers(text: str) -> list[float]:
    return [float(word.replace("−", "-")) for word in text.split() if word not in ("×", "+", "=")]


@given(value=st.floats(-1e300, 1e300))
def test_a_number_fits_its_column_and_is_zero_only_if_it_is(value: float) -> None:
    shown = figure(value)
    assert cell_len(shown) <= NUMBER or abs(value) >= 1e100 or (value and abs(value) < 1e-99)
    read = float(shown.replace("−", "-"))
    assert (read == 0.0) == (value == 0.0)
    assert read == pytest.approx(value, rel=0.06, abs=0.00005)
    if 0.0001 <= abs(value) < 100.0:
        assert read == pytest.approx(value, abs=0.0000501)


def test_numbers_are_written_with_four_decimals_a_minus_sign_and_infinity() -> None:
    assert [figure(value) for value in (0.0, -0.25, 1234.5678, -math.inf, 0.00002, -12345.678)] == [
        "0.0000",
        "−0.2500",
        "1234.568",
        "−∞",
        "2.0e-5",
        "−12345.7",
    ]


@given(part=st.floats(0.0, 1.0))
def test_a_share_is_what_the_table_shows(part: float) -> None:
    assert share(part) == figures.fraction(part) or part < 1e-99


@given(
    left=st.lists(VALUES, min_size=1, max_size=40),
    width=st.integers(1, 100),
    data=st.data(),
)
def test_a_products_columns_hold_both_rows_and_the_products_in_any_width(
    left: list[float], width: int, data: st.DataObject
) -> None:
    right = data.draw(st.lists(VALUES, min_size=len(left), max_size=len(left)))
    line = Dot("Σ", "q[1] · k[2]", np.array(left), np.array(right), "q[1]", "k[2]")
    lines = texts(Calculation([line], width))
    assert max(map(cell_len, lines)) <= max(width, len("  × k[2] ") + 9)
    rows = {name: [text for text in lines if text.strip().startswith(name)] for name in ("q[1] ", "× k[2]")}
    if width < 40:
        return
    assert [number for text in rows["q[1] "] for number in text.split()[1:]] == [figure(n) for n in left]
    assert [number for text in rows["× k[2]"] for number in text.split()[2:]] == [figure(n) for n in right]
    products = [text.split()[1:] for text in lines if text.strip().startswith("=")]
    assert [n for row in products[:-1] for n in row] == [
        figure(a * b) for a, b in zip(left, right, strict=True)
    ]
    assert lines[-1].strip() == f"= {figure(line.value)}"
    for above, below in pairwise(lines):
        if "q[1] " in above and "× k[2]" in below:  # under one another
            assert cell_len(above) == cell_len(below)


def test_a_long_sum_is_written_only_where_it_is_looked_at() -> None:
    terms = np.arange(1_000_000, dtype=np.float64)
    calculation = Calculation([Sum("Σ", "all", terms)], 80)
    assert len(calculation) > 200_000
    assert numbers(calculation[len(calculation) - 2][0])[-1] == 999_999
    assert calculation[len(calculation) - 1] == ("  = 5.0e11", "bold")
    with pytest.raises(IndexError):
        calculation[len(calculation)]


def test_a_formulas_numbers_have_as_many_decimals_as_the_smallest_needs() -> None:
    line = Formula("y[1]", "e / Σ", "{} / {}", (0.0000123, 2.0), 0.00000615)
    assert texts(Calculation([line], 60, share)) == [
        "y[1] = e / Σ",
        "     = 0.00001 / 2.00000",
        "     = 6.15e-6",
    ]
    plain = Formula("y[1]", "e / Σ", "{} / {}", (0.5, 2.0), 0.25)
    assert texts(Calculation([plain], 60)) == ["y[1] = e / Σ", "     = 0.5000 / 2.0000", "     = 0.2500"]


def test_what_is_only_looked_up_is_written_once() -> None:
    lines: list[Line] = [Formula("m[1,2]", "s[1,2]", "{}", (-math.inf,), -math.inf)]
    assert texts(Calculation(lines, 60)) == ["m[1,2] = s[1,2]", "       = −∞"]
