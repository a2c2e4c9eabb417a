"""The parts of a model make its logits, whatever its architecture scales, caps or norms."""

import pytest
import torch
from torch import nn
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from tests.engine.random_models import RANDOM_MODELS, random_model
from token_explorer.engine import unembedding
from token_explorer.engine.anatomy import Anatomy, dissect, find_layers, last_hidden
from token_explorer.errors import ModelLoadError

IDS = torch.arange(3, 15)[None]


@pytest.mark.parametrize("name", RANDOM_MODELS)
@torch.inference_mode()
def test_the_head_on_the_last_hidden_state_is_the_models_output(name: str) -> None:
    model = random_model(name)
    ids = torch.arange(3, 15)[None]
    anatomy = dissect(model, ids)
    caught = []
    hook = anatomy.stack.register_forward_hook(lambda _m, _a, output: caught.append(last_hidden(output)[0]))
    logits = model(input_ids=ids, use_cache=False).logits[0]
    hook.remove()
    torch.testing.assert_close(anatomy.unembed(caught[0]), logits, rtol=0, atol=0)
    # A row alone is another matrix shape, so it is equal up to rounding.
    torch.testing.assert_close(anatomy.unembed(caught[0][4:5])[0], logits[4], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_the_layers_are_as_many_as_the_configuration_says(name: str) -> None:
    model = random_model(name)
    assert len(find_layers(model, IDS)[1]) == model.config.get_text_config(decoder=True).num_hidden_layers


@torch.inference_mode()
def test_the_layers_of_a_model_that_sees_too_are_those_that_a_text_runs() -> None:
    size = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    text = {**size, "vocab_size": 260, "num_hidden_layers": 2, "num_key_value_heads": 2, "head_dim": 8}
    vision = {**size, "num_hidden_layers": 3, "image_size": 28, "patch_size": 14}
    config = Gemma3Config(text_config=text, vision_config=vision)
    anatomy = dissect(Gemma3ForConditionalGeneration(config).eval(), IDS)
    assert len(anatomy.layers) == 2
    assert anatomy.no_lens == ""


@torch.inference_mode()
def test_unembedding_leaves_the_live_model_as_it_was() -> None:
    model = random_model("llama")
    ids = torch.arange(3, 15)[None]
    before = model(input_ids=ids).logits
    anatomy: Anatomy = dissect(model, ids)
    anatomy.unembed(torch.zeros(2, anatomy.hidden.shape[0]))
    torch.testing.assert_close(model(input_ids=ids).logits, before, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "cohere", "phi3"])
@pytest.mark.parametrize("rows", [1, 5])
@torch.inference_mode()
def test_slices_of_the_vocabulary_give_what_the_whole_gives(
    name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_model(name)
    hidden = torch.randn(rows, model.config.hidden_size)
    whole = dissect(model, IDS).unembed(hidden)
    monkeypatch.setattr(unembedding, "SLICE_BYTES", 50 * 4 * model.config.hidden_size)
    anatomy, checks = dissect(model, IDS), []
    anatomy.check_with(lambda: checks.append(None))
    torch.testing.assert_close(anatomy.unembed(hidden), whole, rtol=1e-5, atol=1e-5)
    assert len(checks) == 6  # 260 tokens, 50 at once


@torch.inference_mode()
def test_a_head_with_a_bias_is_sliced_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("llama")
    model.lm_head = nn.Linear(32, 260)
    assert model.lm_head.bias.abs().min() > 0
    monkeypatch.setattr(unembedding, "SLICE_BYTES", 50 * 4 * 32)
    hidden = torch.randn(3, 32)
    torch.testing.assert_close(dissect(model, IDS).unembed(hidden), model.lm_head(hidden))


@torch.inference_mode()
def test_a_head_that_does_more_than_multiply_is_left_whole() -> None:
    model = random_model("llama")
    model.lm_head.register_forward_hook(lambda _module, _args, output: 2 * output)
    anatomy, checks = dissect(model, IDS), []
    anatomy.check_with(lambda: checks.append(None))
    hidden = torch.randn(3, 32)
    torch.testing.assert_close(anatomy.unembed(hidden), model.lm_head(hidden), rtol=0, atol=0)
    assert not checks


def test_a_head_on_another_device_is_left_whole() -> None:
    model = random_model("llama")
    assert unembedding.plain_head(model) == ("lm_head", model.lm_head)
    model.lm_head.to("meta")
    assert unembedding.plain_head(model) is None


def test_a_model_without_decoder_layers_is_refused() -> None:
    with pytest.raises(ModelLoadError, match="no list of decoder layers"):
        find_layers(nn.Linear(2, 2), IDS)  # type: ignore[arg-type]


@torch.inference_mode()
def test_a_model_whose_output_is_made_elsewhere_is_refused() -> None:
    model = random_model("llama")
    model.lm_head.register_forward_hook(lambda _m, _a, output: output + torch.randn_like(output))
    with pytest.raises(ModelLoadError, match="couldn't be trusted"):
        dissect(model, torch.arange(3, 15)[None])
