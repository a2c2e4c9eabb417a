"""Overlays: each says what its definition says, with its unit, and nothing where nothing is defined."""

from typing import Any

import numpy as np
import pytest

from tests.fakes import LAYERS, encode, observe, score, token_of
from token_explorer.core.reading import Reading
from token_explorer.core.scores import Candidates, Scores
from token_explorer.core.tokens import TokenIds
from token_explorer.overlays import OVERLAYS, Glance, Overlay

IDS = encode("Once upon a time, there was a")
SCORES = score(IDS, 30)
BY_NAME = {overlay.name: overlay for overlay in OVERLAYS}
PROBABILITY, ENTROPY = BY_NAME["probability"], BY_NAME["entropy"]
OF_SCORES = [overlay for overlay in OVERLAYS if overlay.needs is None]
INSIDE = [overlay for overlay in OVERLAYS if overlay.needs is not None]

AT = Glance(SCORES, other=SCORES)


def glance(ids: TokenIds, cursor: int | None = None, **more: Any) -> Glance:
    """A look at a prompt of the fake engine."""
    chosen = token_of(" girl")
    return Glance(score(ids, 5), cursor, **({"chosen": chosen, "layer": 1, "layers": LAYERS} | more))


def read(overlay: Overlay, at: Glance) -> Reading:
    """What an overlay shows of what the fake engine answers."""
    facet = overlay.ask(at)
    return overlay.read(at, None if facet is None else observe(at.scores.ids, facet))


every = pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
of_scores = pytest.mark.parametrize("overlay", OF_SCORES, ids=lambda overlay: overlay.name)
inside = pytest.mark.parametrize("overlay", INSIDE, ids=lambda overlay: overlay.name)
everywhere = pytest.mark.parametrize("cursor", [None, *range(len(IDS))])


def uniform(size: int, length: int) -> Scores:
    """Scores of a model that finds all of `size` tokens equally likely."""
    nan = np.array([np.nan], np.float32)
    bits = np.log(np.full(length - 1, size, np.float32))
    ranks = np.array([0, *[1] * (length - 1)])
    following = Candidates(np.zeros(1, np.int64), -bits[:1], 1 - 1 / size, float(bits[0]))
    return Scores(
        tuple(range(length)), np.concatenate([nan, -bits]), np.concatenate([nan, bits]), ranks, following, 0
    )


def test_names_and_what_they_mean_are_told_once() -> None:
    assert len({overlay.name for overlay in OVERLAYS}) == len(OVERLAYS)
    assert len({overlay.help for overlay in OVERLAYS} - {""}) == len(OVERLAYS)
    assert "text" not in {overlay.name for overlay in OVERLAYS}


def test_the_first_three_stand_in_the_order_that_users_know() -> None:
    assert [overlay.name for overlay in OVERLAYS[:3]] == ["probability", "entropy", "influence"]


def test_attention_is_not_sold_as_an_explanation() -> None:
    assert "a signal, not an explanation" in BY_NAME["influence"].help


@of_scores
def test_every_token_but_the_first_has_a_value_on_a_scale(overlay: Overlay) -> None:
    reading = overlay.read(AT, None)
    assert overlay.ask(AT) is None
    assert np.isnan(reading.values[0])
    assert not np.isnan(reading.values[1:]).any()


@every
@everywhere
@pytest.mark.parametrize("length", [1, len(IDS)])
def test_a_reading_has_a_name_a_scale_and_a_place_for_each_token(
    overlay: Overlay, cursor: int | None, length: int
) -> None:
    if cursor is not None and cursor >= length:
        cursor = 0
    reading = read(overlay, glance(IDS[:length], cursor))
    assert reading.key == overlay.name
    assert reading.title.startswith(overlay.name)
    assert reading.values.shape == reading.places.shape == (length,)
    assert np.array_equal(np.isnan(reading.values), np.isnan(reading.places))


@every
@everywhere
def test_where_there_is_no_value_the_reading_says_why(overlay: Overlay, cursor: int | None) -> None:
    """But for the first token and what it has no context for, which the line of the cursor tells."""
    reading = read(overlay, glance(IDS, cursor))
    if np.isnan(reading.values[1:]).any():
        assert reading.note


@of_scores
def test_a_prompt_of_one_token_has_no_values(overlay: Overlay) -> None:
    assert np.isnan(overlay.read(Glance(score(SCORES.ids[:1], 5)), None).values).all()


@inside
@everywhere
def test_what_is_asked_for_is_of_the_kind_that_the_model_must_have(
    overlay: Overlay, cursor: int | None
) -> None:
    facet = overlay.ask(glance(IDS, cursor))
    assert facet is None or facet.kind == overlay.needs


@inside
def test_an_overlay_that_asks_for_nothing_shows_nothing_and_says_why(overlay: Overlay) -> None:
    reading = overlay.read(glance(IDS, 0, chosen=None), None)
    assert np.isnan(reading.values).all()
    assert reading.note


@inside
@everywhere
def test_tokens_beyond_what_is_asked_for_change_nothing(overlay: Overlay, cursor: int | None) -> None:
    here = glance(IDS, cursor)
    facet = overlay.ask(here)
    if facet is None:
        return
    reach = facet.reach(len(IDS))
    others = IDS[:reach] + encode("girl" * len(IDS))[1 : 1 + len(IDS) - reach]
    changed = overlay.read(here, observe(others, facet))
    np.testing.assert_array_equal(changed.values, read(overlay, here).values)


@inside
def test_layers_are_those_that_the_user_chose_where_an_overlay_has_them(overlay: Overlay) -> None:
    titles = {read(overlay, glance(IDS, layer=layer)).title for layer in range(LAYERS + 1)}
    assert len(titles) == (LAYERS + 1 if overlay.layered else 1)


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


@of_scores
def test_a_value_depends_on_what_came_before_and_not_on_what_follows(overlay: Overlay) -> None:
    whole = overlay.read(AT, None).values
    for length in range(2, len(SCORES.ids)):
        prefix = Glance(score(SCORES.ids[:length], 5), other=SCORES)
        assert np.array_equal(overlay.read(prefix, None).values[1:], whole[1:length])
