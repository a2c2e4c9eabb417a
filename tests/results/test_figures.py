"""Numbers on the screen: no false zero, no false one."""

import math

from hypothesis import given
from hypothesis import strategies as st

from token_explorer.results import figures


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
def test_a_probability_is_never_rounded_to_never_or_certain(part: float) -> None:
    shown = figures.fraction(part)
    assert len(shown) <= 9
    if shown == ">.9999":
        assert part > 0.9999
    else:
        assert 0.0 < float(shown) < 1.0
        assert math.isclose(float(shown), part, rel_tol=0.006)


def test_what_is_zero_or_one_is_shown_so() -> None:
    assert figures.fraction(0.0) == "0"
    assert figures.fraction(1.0) == "1.0000"
    assert figures.probability(-math.inf) == "0"


@given(st.floats(-700.0, -1e-12))
def test_a_probability_keeps_its_size_below_what_float32_can_hold(logprob: float) -> None:
    shown = figures.probability(logprob)
    assert shown == ">.9999" or math.isclose(math.log(float(shown)), logprob, abs_tol=0.006)


@given(st.floats(1e-30, 50.0))
def test_bits_are_never_a_false_zero(value: float) -> None:
    assert math.isclose(float(figures.bits(value)), value, rel_tol=0.5)
    assert float(figures.bits(value)) > 0.0


def test_durations_take_the_unit_that_suits_them() -> None:
    assert [figures.milliseconds(seconds) for seconds in (0.0, 0.041, 0.9999, 3.21, 61.0)] == [
        "0 ms",
        "41 ms",
        "1.0 s",
        "3.2 s",
        "61 s",
    ]
