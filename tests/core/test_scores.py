import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.core.scores import Candidates, Scores


def candidates(count: int = 2) -> Candidates:
    logprobs = np.log(np.full(count, 0.25, np.float32))
    return Candidates(np.arange(count), logprobs, tail=1 - count / 4, entropy=math.log(4))


def scores(probabilities: list[float], entropies: list[float]) -> Scores:
    """Scores of a prompt whose first token has none, as it comes after nothing."""
    count = len(probabilities) + 1
    return Scores(
        ids=tuple(range(count)),
        logprobs=np.array([np.nan, *np.log(probabilities)], np.float32),
        entropies=np.array([np.nan, *entropies], np.float32),
        ranks=np.zeros(count, np.int64),
        next=candidates(),
        reused=0,
    )


@pytest.mark.parametrize(("ids", "logprobs"), [((3,), (2,)), ((3,), (3, 1)), ((1, 3), (1, 3)), ((), ())])
def test_candidates_of_other_shapes_are_refused_with_the_shapes(
    ids: tuple[int, ...], logprobs: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"should both be \(K,\)") as caught:
        Candidates(np.zeros(ids, np.int64), np.zeros(logprobs, np.float32), 0.0, 0.0)
    assert str(ids) in str(caught.value)
    assert str(logprobs) in str(caught.value)


@pytest.mark.parametrize("wrong", ["logprobs", "entropies", "ranks"])
@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), ()])
def test_scores_of_another_length_than_the_prompt_are_refused(wrong: str, shape: tuple[int, ...]) -> None:
    arrays: dict[str, Any] = {
        "logprobs": np.zeros(3, np.float32),
        "entropies": np.zeros(3, np.float32),
        "ranks": np.zeros(3, np.int64),
    }
    arrays[wrong] = np.zeros(shape, arrays[wrong].dtype)
    with pytest.raises(ValueError, match="for 3 ids"):
        Scores(ids=(1, 2, 3), **arrays, next=candidates(), reused=0)


def test_candidates_count_what_is_listed_and_the_tail_is_the_rest() -> None:
    listed = candidates(3)
    assert len(listed) == 3
    assert float(listed.probabilities.sum()) + listed.tail == pytest.approx(1)


def test_no_candidate_is_a_list_too() -> None:
    assert len(candidates(0)) == 0


@given(st.lists(st.floats(1e-30, 1), max_size=5))
def test_surprisal_in_bits_undoes_to_the_probability(given_probabilities: list[float]) -> None:
    measured = scores(given_probabilities, [0.0] * len(given_probabilities))
    assert measured.probabilities[1:] == pytest.approx(given_probabilities, rel=1e-4)
    assert 2.0 ** -measured.surprisals[1:].astype(float) == pytest.approx(given_probabilities, rel=1e-4)


def test_halves_are_bits() -> None:
    measured = scores([0.5, 0.25, 1.0], [math.log(2), math.log(8), 0.0])
    assert measured.surprisals[1:] == pytest.approx([1, 2, 0])
    assert measured.entropy_bits[1:] == pytest.approx([1, 3, 0])


def test_the_first_token_has_no_value_in_any_unit() -> None:
    measured = scores([0.5], [1.0])
    for values in (measured.probabilities, measured.surprisals, measured.entropy_bits):
        assert np.isnan(values[0])
        assert not np.isnan(values[1])


def test_every_derived_array_is_float32() -> None:
    measured = scores([0.5], [1.0])
    derived = (measured.probabilities, measured.surprisals, measured.entropy_bits, candidates().probabilities)
    assert {values.dtype for values in derived} == {np.dtype(np.float32)}


def test_scores_cross_a_process_border_whole() -> None:
    measured = scores([0.5], [1.0])
    arrived = pickle.loads(pickle.dumps(measured))
    assert arrived.ids == measured.ids
    np.testing.assert_array_equal(arrived.logprobs, measured.logprobs)
    np.testing.assert_array_equal(arrived.next.ids, measured.next.ids)
