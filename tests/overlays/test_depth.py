"""Depth: a scale of layers, and nothing where the model puts another token first."""

import numpy as np

from tests.fakes import LAYERS, encode, observe, score
from token_explorer.core.observation import DecisionDepth, Depths
from token_explorer.overlays.depth import ask_depth, depth
from token_explorer.overlays.overlay import Glance


def test_depths_are_drawn_from_the_embeddings_to_the_last_layer() -> None:
    at = Glance(score(encode("Once upon a"), 5), layers=4)
    reading = depth(at, Depths(np.array([np.nan, 0.0, 1.0, 4.0], np.float32)))
    np.testing.assert_array_equal(reading.places, np.array([np.nan, 0.0, 0.25, 1.0], np.float32))
    assert reading.unit == "layers"
    assert reading.note


def test_a_token_has_a_depth_where_it_is_the_most_likely_one_and_nowhere_else() -> None:
    ids = encode("Once upon a")
    ids = (*ids, int(score(ids, 1).next.ids[0]))
    at = Glance(score(ids, 5), layers=LAYERS)
    answer = observe(ids, ask_depth(at))
    assert isinstance(answer, Depths)
    first = at.scores.ranks == 1
    assert first[-1]
    assert np.array_equal(~np.isnan(depth(at, answer).values), first)


def test_the_question_is_the_same_wherever_one_looks() -> None:
    scores = score(encode("Once upon a"), 5)
    assert ask_depth(Glance(scores)) == ask_depth(Glance(scores, 1)) == DecisionDepth()
