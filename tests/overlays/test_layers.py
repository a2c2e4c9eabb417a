"""Candidates by layer: probabilities, and each candidate's share of its own best layer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.fakes import LAYERS, encode, observe, score
from token_explorer.core.observation import LayerLogprobs, LayerTable
from token_explorer.core.scores import Floats
from token_explorer.overlays.layers import correlations, probabilities

IDS = encode("Once upon a time")
tables = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(0, 4)), elements=st.floats(-500, 0, width=32)
)


def test_the_last_layer_is_the_model_s_own_distribution() -> None:
    following = score(IDS, 7).next
    facet = LayerLogprobs(len(IDS), tuple(following.ids.tolist()))
    table = observe(IDS, facet)
    assert isinstance(table, LayerTable)
    grid = probabilities(table)
    np.testing.assert_allclose(grid.values[-1], following.probabilities, rtol=1e-6)
    assert grid.rows == tuple(str(layer + 1) for layer in range(LAYERS))


@given(tables)
def test_each_candidate_correlates_fully_with_its_best_layer(logprobs: Floats) -> None:
    shares = correlations(LayerTable(logprobs)).values
    assert shares.shape == logprobs.shape
    best = logprobs == logprobs.max(axis=0)
    assert (shares[best] == 1.0).all()
    assert ((shares >= 0.0) & (shares <= 1.0)).all()


@given(tables)
def test_correlations_are_probabilities_over_their_column_s_maximum(logprobs: Floats) -> None:
    values = probabilities(LayerTable(logprobs)).values.astype(np.float64)
    normal = values.max(axis=0) > 1e-30  # below, float32 has no digits left to divide
    shares = correlations(LayerTable(logprobs)).values
    expected = values[:, normal] / values.max(axis=0)[normal]
    np.testing.assert_allclose(shares[:, normal], expected, rtol=1e-4, atol=1e-8)


def test_a_candidate_too_unlikely_for_float32_keeps_its_curve() -> None:
    table = LayerTable(np.array([[-201.0], [-200.0]], np.float32))
    np.testing.assert_allclose(correlations(table).values[:, 0], [np.exp(-1.0), 1.0], rtol=1e-6)


def test_a_candidate_that_is_impossible_in_every_layer_has_no_curve() -> None:
    table = LayerTable(np.array([[-np.inf, -1.0], [-np.inf, -np.inf]], np.float32))
    np.testing.assert_array_equal(
        correlations(table).values, np.array([[np.nan, 1.0], [np.nan, 0.0]], np.float32)
    )


def test_the_legend_says_what_a_correlation_is() -> None:
    assert (
        correlations(LayerTable(np.zeros((2, 2), np.float32))).note
        == "share of the token's own maximum over layers"
    )
