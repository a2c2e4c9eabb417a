"""The forward by hand is torch's, in each intermediate; each number's working leads to that number."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config

from tests.byhand.models import CONFIGS, gpt2, intermediates
from token_explorer.byhand.forward import Forward, forward, size
from token_explorer.byhand.lines import Dot, Formula, Sum, spelled, written
from token_explorer.byhand.step import Step
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.parameters import read

DEFAULT = GPT2Config(vocab_size=32, n_positions=8, n_embd=16, n_layer=2, n_head=2, initializer_range=0.3)


def assert_is_torchs(made: Forward, config: GPT2Config, seed: int) -> None:
    """Every step whose number torch has, too, to 1e-5 of the step's largest number or absolutely."""
    seen = intermediates(gpt2(config, seed), made.ids)
    assert seen.keys() - {name for name in seen if name.endswith(("qkv", " attention"))} <= {
        step.name for step in made.steps
    }
    for step in made.steps:
        assert step.values.dtype == np.float64
        expected = expected_of(step, seen, made)
        if expected is not None:
            bound = 1e-5 * max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(step.values, expected, rtol=0, atol=bound, err_msg=step.name)


def expected_of(step: Step, seen: dict, made: Forward):  # type: ignore[no-untyped-def]
    label, d, width = step.label, made.weights.head_width, made.weights.width
    if label.head is None:
        return seen.get(step.name)
    if label.part == "attention":
        return seen[f"layer {label.layer} attention"][label.head - 1]
    if label.part in "qkv":
        start = "qkv".index(label.part) * width + (label.head - 1) * d
        return seen[f"layer {label.layer} qkv"][:, start : start + d]
    if label.part == "mix":
        return seen[f"layer {label.layer} heads"][:, (label.head - 1) * d : label.head * d]
    return None


def ids_for(config: GPT2Config) -> st.SearchStrategy[TokenIds]:
    token = st.integers(0, config.vocab_size - 1)
    return st.lists(token, min_size=1, max_size=config.n_positions).map(tuple)


@given(config=CONFIGS, seed=st.integers(0, 5), data=st.data())
def test_each_intermediate_is_torchs_in_any_shape_of_gpt2(
    config: GPT2Config, seed: int, data: st.DataObject
) -> None:
    ids = data.draw(ids_for(config))
    assert_is_torchs(forward(read(gpt2(config, seed)), ids), config, seed)


def test_each_intermediate_is_torchs_in_the_shape_of_the_real_gpt2() -> None:
    config = GPT2Config(n_layer=2, vocab_size=500, n_positions=64)  # 768 wide, 12 heads
    ids = tuple(int(id) for id in np.random.default_rng(3).integers(0, 500, 48))
    assert_is_torchs(forward(read(gpt2(config)), ids), config, 0)


@settings(max_examples=10)
@given(config=CONFIGS, seed=st.integers(0, 5), data=st.data())
def test_each_numbers_working_leads_to_that_number(
    config: GPT2Config, seed: int, data: st.DataObject
) -> None:
    made = forward(read(gpt2(config, seed)), data.draw(ids_for(config)))
    for step in made.steps:
        for row, column in np.ndindex(step.values.shape):
            lines = step.working(row, column)
            value = step.values[row, column]
            assert lines[-1].name == step.at(row, column)
            assert lines[-1].value == pytest.approx(value, rel=1e-9, abs=1e-9) or (
                lines[-1].value == value == -math.inf
            )
            for line in lines:
                assert_adds_up(line)


def assert_adds_up(line: Dot | Sum | Formula) -> None:
    """A line's numbers, read as arithmetic, are its value."""
    shown = line.numbers(12)
    if "∞" in shown or "e" in shown.replace("erf", ""):  # exp, and the masked
        return
    for sign, operator in (("−", "-"), ("×", "*"), ("½", "0.5"), ("²", "**2"), ("³", "**3"), ("√2", "2**.5")):
        shown = shown.replace(sign, operator)
    shown = shown.replace("√(", "math.sqrt(").replace("2/π", "2/math.pi")
    shown = shown.replace("tanh", "math.tanh").replace("erf", "math.erf")
    value = eval(shown, {"math": math, "max": max})
    assert value == pytest.approx(line.value, rel=1e-6, abs=1e-9)


@given(config=CONFIGS, seed=st.integers(0, 5), data=st.data())
def test_attention_sums_to_one_over_the_keys_up_to_the_query(
    config: GPT2Config, seed: int, data: st.DataObject
) -> None:
    made = forward(read(gpt2(config, seed)), data.draw(ids_for(config)))
    for step in made.steps:
        if step.label.part in ("attention", "probabilities"):
            np.testing.assert_allclose(step.values.sum(1), 1.0, rtol=1e-12)
        if step.label.part == "attention":
            assert not np.triu(step.values, 1).any()


@given(config=CONFIGS, seed=st.integers(0, 5), data=st.data())
def test_the_size_of_a_forward_is_known_before_it_is_run(
    config: GPT2Config, seed: int, data: st.DataObject
) -> None:
    made = forward(read(gpt2(config, seed)), data.draw(ids_for(config)))
    assert size(made.weights, len(made.ids)) == sum(step.values.size for step in made.steps)


def test_a_step_is_found_by_its_name_and_comes_after_those_it_is_made_of() -> None:
    made = forward(read(gpt2(DEFAULT)), (1, 2, 3))
    names = [step.name for step in made.steps]
    assert len(set(names)) == len(names)
    for place, step in enumerate(made.steps):
        label = step.label
        assert made.find(label.part, label.layer, label.head) is step
        assert all(made.steps.index(source) < place for source in step.sources)
    assert made.steps[-1] is made.probabilities
    assert made.find("scores", 2, 1).name == "layer 2 head 1 scores"
    with pytest.raises(KeyError):
        made.find("scores", 3, 1)


def test_the_parameters_are_counted_once_each() -> None:
    model = gpt2(DEFAULT)
    weights = read(model)
    assert weights.tied
    assert weights.count == model.num_parameters() == 7232
    assert (weights.layers, weights.heads, weights.width, weights.positions) == (2, 2, 16, 8)


@pytest.mark.parametrize("ids", [(), tuple(range(9)), (32,), (-1,)])
def test_a_prompt_that_cannot_be_run_is_refused(ids: TokenIds) -> None:
    with pytest.raises(ValueError, match="8 positions and 32 tokens"):
        forward(read(gpt2(DEFAULT)), ids)


def test_negative_numbers_stand_in_brackets_and_zero_has_no_sign() -> None:
    assert spelled(-0.25, 2) == "(−0.25)"
    assert spelled(0.25, 2) == written(0.25, 2) == "0.25"
    assert written(-0.001, 2) == "0.00"
    assert written(-math.inf, 2) == "−∞"
    assert spelled(-12.5, 0) == "(−12)"


def test_a_step_is_written_out() -> None:
    made = forward(read(gpt2(DEFAULT)), (1, 2, 3))
    scores = made.find("scores", 1, 1)
    product, share = scores.working(2, 1)
    assert scores.formula == "s = q kᵀ / √8"
    assert (product.formula, share.formula, share.name) == ("q[3] · k[2]", "Σ / √8", "s[3,2]")
    assert product.numbers(4).count("×") == 8
    assert made.find("mask", 1, 1).working(0, 1)[0].formula == "key 2 comes after token 1"
    assert made.find("heads", 1).formula == "z = [z₁ z₂]"
    assert made.find("heads", 1).working(0, 9)[0].formula == "head 2: z[1,2]"
    assert made.find("token-embedding").working(0, 0)[0].formula == "E[1,1]"
    assert made.find("position-embedding").working(0, 0)[0].formula == "P[1,1]"
