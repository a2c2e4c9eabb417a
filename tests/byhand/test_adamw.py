"""AdamW by hand is torch's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.byhand.adamw import AdamW, fresh, update

settings = st.builds(
    AdamW,
    learning_rate=st.floats(0.0, 0.1),
    beta1=st.floats(0.0, 0.99),
    beta2=st.floats(0.0, 0.9999),
    epsilon=st.floats(1e-8, 1e-3),
    weight_decay=st.floats(0.0, 1.0),
)


@given(settings, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_some_steps_are_those_of_torch(adamw: AdamW, steps: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(3, 4))
    parameter = torch.nn.Parameter(torch.tensor(weights))
    theirs = torch.optim.AdamW(
        [parameter],
        lr=adamw.learning_rate,
        betas=(adamw.beta1, adamw.beta2),
        eps=adamw.epsilon,
        weight_decay=adamw.weight_decay,
    )
    moments = fresh(weights)
    for _ in range(steps):
        gradient = random.normal(size=(3, 4)) * 10.0 ** random.integers(-4, 3)
        made = update(weights, gradient, moments, adamw)
        weights, moments = made.weights, made.moments
        parameter.grad = torch.tensor(gradient)
        theirs.step()
        np.testing.assert_allclose(weights, parameter.detach().numpy(), rtol=1e-9, atol=1e-9)
    assert moments.steps == steps


@given(settings)
def test_a_learning_rate_of_nothing_changes_the_moments_and_no_weight(adamw: AdamW) -> None:
    weights = np.arange(4.0)
    made = update(weights, np.ones(4), fresh(weights), replace(adamw, learning_rate=0.0))
    assert (made.weights == weights).all()
    assert made.moments.steps == 1
    assert np.allclose(made.moments.first, 1 - adamw.beta1)


def test_arrays_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\), \(2,\)"):
        update(np.ones(3), np.ones(2), fresh(np.ones(3)), AdamW(0.1))
