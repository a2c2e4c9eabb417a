"""Change: the difference of two surprisals where the tokens are the same, and nothing elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import encode, score
from token_explorer.core.reading import Reading
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds
from token_explorer.overlays.change import LEAST_SCALE_BITS, change
from token_explorer.overlays.overlay import Glance

IDS = encode("Once upon a time, there was a")
tokens = st.integers(0, 5)
prompts = st.lists(tokens, min_size=1, max_size=8).map(tuple)


def compared(ids: TokenIds, other: TokenIds) -> Reading:
    return change(Glance(score(ids, 3), other=score(other, 3)))


def of_logprobs(here: list[float], there: list[float]) -> Reading:
    """The change of the same tokens with these log probabilities, after a first one that has none."""
    both = []
    for logprobs in (here, there):
        values = np.array([np.nan, *logprobs], np.float32)
        ids = tuple(range(len(values)))
        both.append(Scores(ids, values, values, np.array([0, *[1] * len(logprobs)]), score(ids, 1).next, 0))
    return change(Glance(both[0], other=both[1]))


@given(prompts, prompts)
def test_it_is_the_difference_of_the_surprisals_where_both_have_the_token(
    ids: TokenIds, other: TokenIds
) -> None:
    values = compared(ids, other).values
    here, there = score(ids, 3).surprisals, score(other, 3).surprisals
    for place in range(len(ids)):
        if place == 0 or place >= len(other) or ids[place] != other[place]:
            assert np.isnan(values[place])
        else:
            assert values[place] == pytest.approx(there[place] - here[place], abs=1e-5)


@given(prompts, prompts, prompts)
def test_before_the_prompts_part_nothing_changes(start: TokenIds, one: TokenIds, two: TokenIds) -> None:
    values = compared(start + one, start + two).values
    assert (values[1 : len(start)] == 0.0).all()


def test_after_another_token_the_same_ones_are_as_likely_as_they_are_there() -> None:
    other = (*IDS[:2], IDS[3], *IDS[3:])
    reading = compared(other, IDS)
    assert np.isnan(reading.values[2])
    assert np.isfinite(reading.values[3:]).all()
    assert (reading.values[3:] != 0.0).all()


@given(prompts, prompts)
def test_seen_from_the_other_prompt_it_is_the_opposite(ids: TokenIds, other: TokenIds) -> None:
    count = min(len(ids), len(other))
    forth, back = compared(ids, other).values[:count], compared(other, ids).values[:count]
    np.testing.assert_array_equal(forth, -back)


def test_twice_as_likely_is_one_bit_and_half_as_likely_minus_one() -> None:
    reading = of_logprobs([np.log(0.5), np.log(0.1)], [np.log(0.25), np.log(0.2)])
    np.testing.assert_allclose(reading.values[1:], [1.0, -1.0], atol=1e-6)
    assert reading.unit == "bits"


logprobs = st.floats(-40.0, 0.0, width=32)


@given(st.lists(st.tuples(logprobs, logprobs), min_size=1, max_size=8))
def test_zero_lies_in_the_middle_and_small_changes_near_it(pairs: list[tuple[float, float]]) -> None:
    reading = of_logprobs([here for here, _ in pairs], [there for _, there in pairs])
    assert reading.scale == "signed"
    assert reading.high == max(LEAST_SCALE_BITS, float(np.abs(reading.values[1:]).max()))
    assert ((reading.places[1:] > 0.5) <= (reading.values[1:] > 0)).all()


def test_impossible_tokens_have_no_change_and_no_part_in_the_scale() -> None:
    reading = of_logprobs([-np.inf, -np.inf, -1.0], [-np.inf, -1.0, -3.0])
    assert np.isnan(reading.values[1])
    assert reading.values[2] == -np.inf
    assert reading.high == pytest.approx(2.0 / np.log(2))


def test_without_another_prompt_it_shows_nothing_and_says_what_to_do() -> None:
    reading = change(Glance(score(IDS, 3)))
    assert np.isnan(reading.values).all()
    assert "copy this one first" in reading.note
    assert "copied from" in compared(IDS, IDS).note
