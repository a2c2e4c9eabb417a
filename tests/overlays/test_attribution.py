"""Attribution: of the token that is looked at, or of the chosen next one; and zero in the middle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import encode, observe, score, token_of
from token_explorer.core.observation import Attributed, Attribution
from token_explorer.core.reading import Reading
from token_explorer.overlays.attribution import ask_attribution, attribution
from token_explorer.overlays.overlay import Glance

IDS = encode("Once upon a time, there was a")
GIRL = token_of(" girl")
SCORES = [score(IDS[:length], 5) for length in range(1, len(IDS) + 1)]
"""Of the prompt's beginnings."""


def glance(length: int = len(IDS), cursor: int | None = None, chosen: int | None = GIRL) -> Glance:
    return Glance(SCORES[length - 1], cursor, chosen)


def shown(at: Glance) -> Reading:
    facet = ask_attribution(at)
    assert facet is not None
    return attribution(at, observe(at.scores.ids, facet))  # type: ignore[arg-type]


def of_values(*values: float) -> Reading:
    return attribution(glance(len(values)), Attributed(np.array(values, np.float32), 1.0))


def test_the_target_is_the_chosen_token_at_the_end_and_else_the_one_under_the_cursor() -> None:
    assert ask_attribution(glance()) == Attribution(len(IDS), GIRL)
    assert ask_attribution(glance(cursor=3)) == Attribution(3, IDS[3])
    assert ask_attribution(glance(cursor=3, chosen=None)) == Attribution(3, IDS[3])


def test_without_a_target_or_anything_before_it_nothing_is_asked_and_the_note_says_so() -> None:
    assert ask_attribution(glance(chosen=None)) is None
    assert attribution(glance(chosen=None), None).note == "no token is chosen"
    assert ask_attribution(glance(cursor=0)) is None
    assert attribution(glance(cursor=0), None).note == "nothing came before the first token"


@pytest.mark.parametrize("cursor", range(1, len(IDS)))
def test_at_a_token_it_is_what_the_prompt_before_it_gave_to_choosing_it(cursor: int) -> None:
    whole = shown(glance(cursor=cursor)).values
    assert np.array_equal(whole[:cursor], shown(glance(cursor, chosen=IDS[cursor])).values)
    assert np.isnan(whole[cursor:]).all()


def test_the_note_names_the_method_the_target_and_its_logit() -> None:
    facet = Attribution(4, IDS[4])
    answer = observe(IDS, facet)
    assert isinstance(answer, Attributed)
    at = glance(cursor=4)
    assert attribution(at, answer).note == f"gradient x input for token 5, logit {answer.logit:.2f}"
    assert "the chosen next token" in attribution(glance(), answer).note


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=len(IDS)))
def test_zero_lies_in_the_middle_and_the_farthest_value_at_an_end(values: list[float]) -> None:
    reading = of_values(*values)
    places = reading.places.astype(np.float64)
    assert (reading.scale, reading.unit) == ("signed", "logits")
    assert (places[np.array(values, np.float32) == 0] == 0.5).all()
    farthest = float(np.abs(places - 0.5).max())
    assert farthest == (0.5 if any(values) else 0.0)
    np.testing.assert_allclose(of_values(*(-value for value in values)).places, 1 - places, atol=1e-6)
