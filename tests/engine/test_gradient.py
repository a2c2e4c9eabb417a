"""Attribution is how a logit moves with each token's embedding, and leaves the model as it was."""

import functools
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from tests.engine.random_models import RANDOM_MODELS, VOCABULARY, random_model
from tests.engine.test_runner import assert_true
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import gradient
from token_explorer.engine.gradient import attribute, why_not
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import FacetUnavailable

PROMPT: TokenIds = tuple(7 * i % VOCABULARY for i in range(3, 17))
TOKEN = 77
# By how much embeddings are scaled for differences: more where torch has no float64 (matrices of experts),
# less where a finer step is needed not to pass a kink (OPT's ReLU).
STEPS = {"mixtral": 1e-2, "gpt_oss": 1e-2, "opt": 1e-5}


def logit(model: PreTrainedModel, ids: TokenIds, scaled: int, scale: float) -> float:
    """TOKEN's logit where the embedding of one token is scaled."""

    def change(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
        output = output.clone()
        output[:, scaled] *= scale
        return output

    hook = model.get_input_embeddings().register_forward_hook(change)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits
    hook.remove()
    return float(logits[0, -1, TOKEN])


def differences(model: PreTrainedModel, ids: TokenIds, step: float) -> Floats:
    """(T,) derivatives of the logit by the scale of each embedding, by central differences."""
    pairs = [(logit(model, ids, i, 1 + step), logit(model, ids, i, 1 - step)) for i in range(len(ids))]
    return np.array([(more - less) / (2 * step) for more, less in pairs], dtype=np.float32)


@pytest.mark.parametrize("name", [name for name in RANDOM_MODELS if name != "bloom"])
def test_an_attribution_is_how_the_logit_moves_with_the_length_of_an_embedding(name: str) -> None:
    model = random_model(name)
    step = STEPS.get(name, 1e-3)
    if step < 1e-2:
        model = model.double()
    found = attribute(ModelRunner(model), (*PROMPT, 9), len(PROMPT), TOKEN, Stop())
    expected = differences(model, PROMPT, step)
    assert found.values.dtype == np.float32
    np.testing.assert_allclose(found.values, expected, atol=0.01 * np.abs(expected).max())
    assert found.logit == pytest.approx(logit(model, PROMPT, 0, 1.0), abs=1e-4)


@functools.cache
def opened(name: str) -> ModelRunner:
    return ModelRunner(random_model(name))


@pytest.mark.parametrize("name", [name for name in RANDOM_MODELS if name != "bloom"])
def test_a_probe_finds_that_the_model_can_attribute(name: str) -> None:
    assert why_not(opened(name), Stop()) == ""
    assert opened(name).counts.forwards == 0


def test_a_model_that_norms_its_embeddings_at_once_has_nothing_to_attribute() -> None:
    # Nothing moves with an embedding's length, so the sum of gradient x input is 0 but for rounding.
    model = random_model("bloom").double()
    assert np.abs(differences(model, PROMPT, 1e-3)).max() < 1e-3
    for each in (model, model.float(), model.to(torch.bfloat16)):
        assert "BloomForCausalLM" in why_not(ModelRunner(each), Stop())


def test_only_the_tokens_before_the_place_count() -> None:
    runner = opened("llama")
    values = attribute(runner, PROMPT, 6, TOKEN, Stop()).values
    assert values.shape == (6,)
    np.testing.assert_array_equal(attribute(runner, (*PROMPT[:6], 1, 2), 6, TOKEN, Stop()).values, values)


def state_of(model: PreTrainedModel) -> list[Any]:
    """What an attribution might leave behind in a model."""
    modules = [
        (len(each._forward_hooks), len(each._forward_pre_hooks), "forward" in vars(each))
        for each in model.modules()
    ]
    return [modules, [(each.grad, each.requires_grad) for each in model.parameters()]]


@pytest.mark.parametrize("name", ["llama", "gpt2", "mamba"])
def test_the_model_and_what_is_remembered_stay_as_they_were(name: str) -> None:
    runner = ModelRunner(random_model(name))
    before = runner.score(PROMPT, 10, Stop())
    model, memory = state_of(runner.model), (runner.memory.live, runner.memory.track.moved_bytes)
    attribute(runner, (5, 6, 7, 8), 4, TOKEN, Stop())
    assert state_of(runner.model) == model
    assert all(grad is None and not wanted for grad, wanted in model[1])
    assert (runner.memory.live, runner.memory.track.moved_bytes) == memory
    after = runner.score(PROMPT, 10, Stop())
    np.testing.assert_array_equal(after.logprobs, before.logprobs)
    np.testing.assert_array_equal(after.next.logprobs, before.next.logprobs)
    assert_true(runner.score((*PROMPT, 4), 10, Stop()), runner.model, (*PROMPT, 4))


def test_it_costs_one_forward_of_the_tokens_before_the_place() -> None:
    runner = ModelRunner(random_model("llama"))
    attribute(runner, PROMPT, 9, TOKEN, Stop())
    assert (runner.counts.forwards, runner.counts.tokens) == (1, 9)


def test_it_works_for_a_caller_that_wants_no_gradients() -> None:
    runner = opened("llama")
    expected = attribute(runner, PROMPT, 9, TOKEN, Stop()).values
    with torch.inference_mode():
        np.testing.assert_array_equal(attribute(runner, PROMPT, 9, TOKEN, Stop()).values, expected)


@pytest.mark.parametrize("name", ["llama", "gemma2", "granite", "opt"])
def test_bfloat16_attributes_as_float32_does_up_to_its_rounding(name: str) -> None:
    model = random_model(name).to(torch.bfloat16)
    found = attribute(ModelRunner(model), PROMPT, len(PROMPT), TOKEN, Stop())
    exact = attribute(ModelRunner(model.float()), PROMPT, len(PROMPT), TOKEN, Stop())
    error = np.linalg.norm(found.values - exact.values) / np.linalg.norm(exact.values)
    assert error < 0.2


def test_a_stop_ends_the_forward_between_two_layers() -> None:
    runner, stop, entered = ModelRunner(random_model("llama")), Stop(), []

    def stop_here(*_: object) -> None:
        entered.append(0)
        stop.set()

    before = state_of(runner.model)
    hooks = [layer.mlp.register_forward_hook(stop_here) for layer in runner.anatomy.layers]
    with pytest.raises(Stopped):
        attribute(runner, PROMPT, 9, TOKEN, stop)
    for hook in hooks:
        hook.remove()
    assert entered == [0], "the second layer ran"
    assert state_of(runner.model) == before


def test_a_stop_ends_the_backward_between_two_layers() -> None:
    runner, stop, ran = ModelRunner(random_model("llama")), Stop(), []

    def stop_in_backward(layer: int) -> None:
        ran.append(layer)
        if len(ran) == 4:  # the last layer, run again
            stop.set()

    before = state_of(runner.model)
    hooks = [
        layer.input_layernorm.register_forward_hook(lambda *_, number=number: stop_in_backward(number))
        for number, layer in enumerate(runner.anatomy.layers, 1)
    ]
    with pytest.raises(Stopped):
        attribute(runner, PROMPT, 9, TOKEN, stop)
    for hook in hooks:
        hook.remove()
    assert ran == [1, 2, 3, 3]
    assert state_of(runner.model) == before


def test_too_long_a_prompt_is_refused_in_words_before_anything_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = ModelRunner(random_model("llama"))
    monkeypatch.setattr(gradient, "MAX_TOKENS", 8)
    with pytest.raises(FacetUnavailable, match=r"11 tokens.* 8 at most") as refused:
        attribute(runner, PROMPT, 11, TOKEN, Stop())
    assert refused.value.hint == "Go back 3 tokens."
    assert runner.counts.forwards == 0


def test_the_first_token_has_nothing_to_be_attributed_to() -> None:
    with pytest.raises(FacetUnavailable, match="none before it"):
        attribute(opened("llama"), PROMPT, 0, TOKEN, Stop())


def test_a_gradient_that_is_not_finite_is_no_answer() -> None:
    runner = ModelRunner(random_model("llama"))
    runner.anatomy.layers[1].register_forward_hook(lambda _module, _args, output: output * torch.nan)
    assert why_not(runner, Stop()) == "the gradient of LlamaForCausalLM's output by its input isn't finite"


def test_a_model_that_fails_with_gradients_says_so() -> None:
    runner = ModelRunner(random_model("llama"))
    runner.anatomy.layers[1].register_forward_hook(lambda _module, _args, output: output.detach())
    reason = why_not(runner, Stop())
    assert reason == "LlamaForCausalLM gives no gradient of its output by its input (RuntimeError)"
