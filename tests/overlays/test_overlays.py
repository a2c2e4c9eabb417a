"""Overlays: each says what its definition says, with its unit, and nothing where nothing is defined."""

import numpy as np
import pytest

from tests.fakes import encode, score
from token_explorer.core.scores import Candidates, Scores
from token_explorer.overlays import OVERLAYS, Glance, Overlay

SCORES = score(encode("Once upon a time, there was a"), 30)
BY_NAME = {overlay.name: overlay for overlay in OVERLAYS}
PROBABILITY, ENTROPY = BY_NAME["probability"], BY_NAME["entropy"]


AT = Glance(SCORES)


def uniform(size: int, length: int) -> Scores:
    """Scores of a model that finds all of `size` tokens equally likely."""
    nan = np.array([np.nan], np.float32)
    bits = np.log(np.full(length - 1, size, np.float32))
    ranks = np.array([0, *[1] * (length - 1)])
    following = Candidates(np.zeros(1, np.int64), -bits[:1], 1 - 1 / size, float(bits[0]))
    return Scores(
        tuple(range(length)), np.concatenate([nan, -bits]), np.concatenate([nan, bits]), ranks, following, 0
    )


def test_names_are_unique_and_told() -> None:
    assert len({overlay.name for overlay in OVERLAYS}) == len(OVERLAYS)
    assert all(overlay.help for overlay in OVERLAYS)
    assert "text" not in {overlay.name for overlay in OVERLAYS}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_every_token_but_the_first_has_a_value_on_a_scale(overlay: Overlay) -> None:
    reading = overlay.read(AT, None)
    assert reading.key == overlay.name
    assert reading.values.shape == (len(SCORES.ids),)
    assert np.isnan(reading.values[0])
    assert not np.isnan(reading.values[1:]).any()
    assert reading.low < reading.high


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_a_prompt_of_one_token_has_no_values(overlay: Overlay) -> None:
    assert np.isnan(overlay.read(Glance(score(SCORES.ids[:1], 5)), None).values).all()


def test_probability_of_one_in_four_is_a_quarter() -> None:
    reading = PROBABILITY.read(Glance(uniform(4, 5)), None)
    assert np.allclose(reading.values[1:], 0.25)
    assert (reading.unit, reading.low, reading.high) == ("", 0.0, 1.0)


def test_entropy_of_four_equal_choices_is_two_bits() -> None:
    reading = ENTROPY.read(Glance(uniform(4, 5)), None)
    assert np.allclose(reading.values[1:], 2.0)
    assert reading.unit == "bits"
    assert reading.low == 0.0


def test_surprisal_is_what_probability_says_in_bits() -> None:
    surprisal, probability = (
        BY_NAME["surprisal"].read(AT, None),
        PROBABILITY.read(AT, None),
    )
    assert np.allclose(2.0 ** -surprisal.values[1:], probability.values[1:])
    assert np.allclose(BY_NAME["surprisal"].read(Glance(uniform(8, 5)), None).values[1:], 3.0)
    assert surprisal.unit == "bits"


def test_rank_is_the_rank_and_drawn_by_its_ratio() -> None:
    reading = BY_NAME["rank"].read(AT, None)
    assert reading.values[1:].tolist() == SCORES.ranks[1:].tolist()
    assert reading.scale == "log"


def test_a_value_depends_on_what_came_before_and_not_on_what_follows() -> None:
    for overlay in OVERLAYS:
        whole = overlay.read(AT, None).values
        for length in range(2, len(SCORES.ids)):
            assert np.array_equal(
                overlay.read(Glance(score(SCORES.ids[:length], 5)), None).values[1:], whole[1:length]
            )
