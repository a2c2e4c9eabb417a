import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import encode, score
from token_explorer.core.jumps import divergence, next_place, not_top, uncertain
from token_explorer.core.scores import Scores

SCORES = score(encode("Once upon a time, there was a"), 5)
ids = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)
marks = st.lists(st.booleans(), max_size=12)


def scores_of(bits: list[float], probabilities: list[float], ranks: list[int]) -> Scores:
    """Scores of tokens after a first one that has none."""
    entropies = np.array([np.nan, *bits], np.float32) * np.float32(math.log(2))
    logprobs = np.log(np.array([np.nan, *probabilities], np.float32))
    tokens = tuple(range(len(entropies)))
    return Scores(tokens, logprobs, entropies, np.array([0, *ranks]), SCORES.next, 0)


def test_a_token_is_uncertain_where_the_choice_was_open_or_the_token_unlikely() -> None:
    made = scores_of([1.0, 5.0, 1.0, 5.0], [0.5, 0.5, 0.01, 0.01], [1, 1, 1, 1])
    assert uncertain(made, 3.0, 0.1).tolist() == [False, False, True, True, True]
    assert uncertain(made, 9.0, 0.1).tolist() == [False, False, False, True, True]
    assert uncertain(made, 3.0, 0.0).tolist() == [False, False, True, False, True]


@given(st.floats(0.0, 9.0), st.floats(0.0, 1.0))
def test_uncertain_tokens_are_those_above_the_bits_or_below_the_probability(
    bits: float, probability: float
) -> None:
    pairs = zip(SCORES.entropy_bits.tolist(), SCORES.probabilities.tolist(), strict=True)
    expected = [entropy > bits or p < probability for entropy, p in pairs]
    assert uncertain(SCORES, bits, probability).tolist() == expected


def test_the_first_token_is_never_worth_a_jump() -> None:
    assert not uncertain(SCORES, -1.0, 2.0)[0]
    assert uncertain(SCORES, -1.0, 0.0)[1:].all()
    assert not not_top(SCORES)[0]


def test_a_token_is_not_the_top_one_where_others_rank_before_it() -> None:
    assert not_top(scores_of([1.0] * 3, [0.5] * 3, [1, 2, 50])).tolist() == [False, False, True, True]


@given(marks, st.integers(0, 12))
def test_the_next_place_is_the_nearest_one_on_its_side(marked: list[bool], place: int) -> None:
    place = min(place, len(marked))
    found = [index for index, mark in enumerate(marked) if mark]
    array = np.array(marked, np.bool_)
    assert next_place(array, place, 1) == min((index for index in found if index > place), default=None)
    assert next_place(array, place, -1) == max((index for index in found if index < place), default=None)


@given(marks)
def test_going_on_from_the_start_meets_every_marked_place_and_back_from_the_end_too(
    marked: list[bool],
) -> None:
    array = np.array([False, *marked], np.bool_)
    for start, steps in ((0, 1), (len(array), -1)):
        met, place = [], next_place(array, start, steps)
        while place is not None:
            met.append(place)
            place = next_place(array, place, steps)
        assert met[::steps] == np.flatnonzero(array).tolist()


@given(ids, ids, ids)
def test_prompts_part_at_the_first_token_that_differs(
    start: tuple[int, ...], one: tuple[int, ...], two: tuple[int, ...]
) -> None:
    here, there = start + one, start + two
    place = divergence(here, there)
    if place is None:
        assert there[: len(here)] == here
    else:
        assert place >= len(start)
        assert here[:place] == there[:place]
        assert place == len(there) or here[place] != there[place]


@pytest.mark.parametrize(
    ("ids", "other", "place"),
    [
        ((1, 2, 3), (1, 2, 3), None),
        ((1, 2, 3), (1, 5, 3), 1),
        ((1, 2, 3), (1, 2), 2),
        ((1, 2), (1, 2, 3), None),
        ((1, 2), (), 0),
    ],
)
def test_where_one_prompt_ends_the_other_parts_from_it(
    ids: tuple[int, ...], other: tuple[int, ...], place: int | None
) -> None:
    assert divergence(ids, other) == place
