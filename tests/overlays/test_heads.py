"""Attention heads: their order, what is taken of them, and where their weight goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from token_explorer.core.observation import AttentionRows
from token_explorer.core.scores import Floats
from token_explorer.overlays.heads import HOWS, Choice, Heads, masses, top

# Layers 2 and 5 of some model attend; the second has fewer heads. Not in order, as nothing promises that.
PAIRS = [(5, 2), (2, 1), (2, 3), (5, 1), (2, 2)]


def softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True), dtype=np.float32)


def heads(seed: int = 0, keys: int = 7) -> Heads:
    logits = np.random.default_rng(seed).normal(size=(len(PAIRS), keys)).astype(np.float32) * 3
    return Heads.of(AttentionRows(softmax(logits), np.array(PAIRS)))


@given(st.integers(0, 1000), st.integers(1, 20))
def test_heads_are_listed_by_the_variance_of_their_row(seed: int, keys: int) -> None:
    listed = heads(seed, keys)
    variances = [float(listed.rows.weights[n].astype(np.float64).var()) for n in listed.order]
    assert np.allclose(variances, sorted(variances, reverse=True), rtol=1e-5)
    assert sorted(listed.order.tolist()) == list(range(len(PAIRS)))
    assert np.array_equal(listed.variances, listed.rows.variances)


@given(st.integers(0, 1000), st.integers(1, 20))
def test_with_the_sink_left_out_the_order_is_that_of_the_other_keys(seed: int, keys: int) -> None:
    rows = heads(seed, keys).rows
    without = Heads.of(rows, sink=False)
    others = rows.weights[:, 1:] if keys > 1 else rows.weights
    assert np.array_equal(without.order, Heads.of(AttentionRows(others, rows.heads)).order)
    assert without.rows is rows


def test_a_head_stands_where_the_order_says() -> None:
    listed = heads()
    for place in range(len(listed)):
        choice = listed.at(place)
        assert choice.how == "head"
        assert listed.place(choice) == place
        assert (choice.layer, choice.head) == PAIRS[listed.order[place]]
    assert listed.place(Choice(3, 1)) is None


def test_what_is_taken_of_a_layer_is_the_head_the_mean_and_the_maximum_of_all_its_heads() -> None:
    listed = heads()
    rows = {pair: listed.rows.weights[n] for n, pair in enumerate(PAIRS)}
    layer = np.stack([rows[2, 1], rows[2, 2], rows[2, 3]])
    assert np.array_equal(listed.weights(Choice(2, 3)), rows[2, 3])
    assert np.allclose(listed.weights(Choice(2, 1, "mean")), layer.mean(0), atol=1e-7)
    assert np.array_equal(listed.weights(Choice(2, 1, "maximum")), layer.max(0))


def test_a_map_is_taken_as_a_row_is_and_masked_cells_stay_masked() -> None:
    weights = np.random.default_rng(1).random((3, 4, 5)).astype(np.float32)
    weights[:, 0, 1:] = np.nan
    for how, expected in zip(HOWS, (weights[1], weights.mean(0), weights.max(0)), strict=True):
        assert np.allclose(Choice(1, 2, how).of(weights), expected, atol=1e-7, equal_nan=True)


def test_turning_goes_around_in_both_directions() -> None:
    start = Choice(2, 1)
    assert [start.turned(n).how for n in range(4)] == ["head", "mean", "maximum", "head"]
    assert start.turned(-1).how == "maximum"
    assert start.turned(1).turned(-1) == start


def test_only_layers_that_attend_are_stepped_through_and_the_head_stays_where_there_is_one() -> None:
    listed = heads()
    assert listed.beside(Choice(2, 2), 1) == Choice(5, 2)
    assert listed.beside(Choice(2, 3, "mean"), 1) == Choice(5, 2, "mean")
    assert listed.beside(Choice(5, 1), -1) == Choice(2, 1)
    assert listed.beside(Choice(5, 1), 1) == Choice(5, 1)
    assert listed.beside(Choice(2, 1), -1) == Choice(2, 1)


@given(arrays.arrays(np.float32, st.integers(1, 30), elements=st.floats(0, 1, width=32)))
def test_a_rows_weight_goes_to_the_sink_the_rest_and_no_token(row: Floats) -> None:
    goes = masses(row)
    assert goes.sink == row[0]
    assert np.isclose(goes.rest, row[1:].astype(np.float64).sum())
    assert goes.sink + goes.rest + goes.missing == pytest.approx(1.0)


def test_the_end_of_the_scale_is_the_largest_weight_and_the_first_key_can_be_left_out() -> None:
    keys = np.array([0, 5, 6])
    weights = np.array([[0.9, 0.05, 0.05], [0.7, 0.2, np.nan]], np.float32)
    assert top(weights, keys, sink=True) == np.float32(0.9)
    assert top(weights, keys, sink=False) == np.float32(0.2)
    assert top(weights[:, 1:], keys[1:], sink=False) == np.float32(0.2)


@pytest.mark.parametrize("weights", [np.full((2, 2), np.nan), np.zeros((2, 2)), np.zeros((0, 2))])
def test_a_scale_without_weights_ends_at_the_largest_weight_there_can_be(weights: Floats) -> None:
    assert top(weights.astype(np.float32), np.array([0, 1]), sink=True) == 1.0


def test_of_the_first_token_alone_no_weight_is_left_without_the_sink() -> None:
    assert top(np.ones((1, 1), np.float32), np.array([0]), sink=False) == 1.0
