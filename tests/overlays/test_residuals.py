"""Similarity and norm: a layer of what was measured, on scales that show it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import LAYERS, encode, observe, score
from token_explorer.core.observation import ResidualMeasures, Residuals
from token_explorer.overlays.overlay import Glance
from token_explorer.overlays.residuals import ask_residuals, norm, similarity

IDS = encode("Once upon a time, there was a")
SCORES = [score(IDS[:length], 5) for length in range(1, len(IDS) + 1)]
"""Of the prompt's beginnings."""


def measures(length: int = len(IDS)) -> ResidualMeasures:
    made = observe(IDS[:length], Residuals())
    assert isinstance(made, ResidualMeasures)
    return made


def glance(length: int = len(IDS), layer: int = 0) -> Glance:
    return Glance(SCORES[length - 1], layer=layer, layers=LAYERS)


def of_norms(*norms: float) -> ResidualMeasures:
    row = np.array([norms], np.float32)
    return ResidualMeasures(np.zeros_like(row), row)


@pytest.mark.parametrize("layer", range(LAYERS + 1))
@pytest.mark.parametrize("length", [1, 2, len(IDS)])
def test_the_last_token_is_like_itself(layer: int, length: int) -> None:
    reading = similarity(glance(length, layer), measures(length))
    assert reading.values[-1] == pytest.approx(1.0, abs=1e-6)
    assert reading.places[-1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("layer", range(LAYERS + 1))
def test_values_are_those_of_the_layer_that_is_chosen(layer: int) -> None:
    at, made = glance(layer=layer), measures()
    assert np.array_equal(similarity(at, made).values, made.similarities[layer])
    assert np.array_equal(norm(at, made).values, made.norms[layer])


def test_one_answer_serves_every_layer() -> None:
    assert len({ask_residuals(glance(layer=layer)) for layer in range(LAYERS + 1)}) == 1


def test_the_first_row_is_called_embeddings_and_the_next_one_layer_one() -> None:
    assert similarity(glance(), measures()).title == "similarity, embeddings"
    assert norm(glance(layer=1), measures()).title == "norm, layer 1"


def test_states_that_point_apart_are_told_in_words_as_no_colour_does() -> None:
    row = np.array([[-0.25, 0.0, 1.0]], np.float32)
    reading = similarity(glance(3), ResidualMeasures(row, row + 2))
    assert "below 0" in reading.note
    assert reading.values.tolist() == [-0.25, 0.0, 1.0]
    assert reading.places.tolist() == [0.0, 0.0, 1.0]
    assert "below 0" not in similarity(glance(3), ResidualMeasures(abs(row), row + 2)).note


def test_norms_run_from_the_smallest_to_the_largest_by_ratio() -> None:
    reading = norm(glance(3), of_norms(10.0, 1000.0, 100.0))
    np.testing.assert_allclose(reading.places, [0.0, 1.0, 0.5], atol=1e-6)


@given(st.lists(st.floats(0.0, float(np.float32(3e38)), width=32), min_size=1, max_size=len(IDS)))
def test_any_norms_have_a_scale(norms: list[float]) -> None:
    reading = norm(glance(len(norms)), of_norms(*norms))
    assert reading.high >= 2 * reading.low
    assert ((reading.places >= 0) & (reading.places <= 1)).all()
    assert reading.places[int(np.argmin(norms))] == 0.0


def test_norms_that_differ_by_rounding_look_alike() -> None:
    places = norm(glance(3), of_norms(5.0, 5.0000005, 5.0)).places
    assert np.ptp(places) < 1e-5


def test_norms_that_are_not_finite_leave_the_scale_to_the_others() -> None:
    reading = norm(glance(4), of_norms(np.inf, np.nan, 1.0, 8.0))
    assert (reading.low, reading.high) == (1.0, 8.0)
    np.testing.assert_array_equal(reading.places, np.array([1.0, np.nan, 0.0, 1.0], np.float32))
