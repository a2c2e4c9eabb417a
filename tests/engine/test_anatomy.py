"""The parts of a model make its logits, whatever its architecture scales, caps or norms."""

import pytest
import torch
from torch import nn

from tests.engine.random_models import RANDOM_MODELS, random_model
from token_explorer.engine.anatomy import Anatomy, dissect, find_layers, last_hidden
from token_explorer.errors import ModelLoadError


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
    assert len(find_layers(model)[1]) == model.config.get_text_config(decoder=True).num_hidden_layers


@torch.inference_mode()
def test_unembedding_leaves_the_live_model_as_it_was() -> None:
    model = random_model("llama")
    ids = torch.arange(3, 15)[None]
    before = model(input_ids=ids).logits
    anatomy: Anatomy = dissect(model, ids)
    anatomy.unembed(torch.zeros(2, anatomy.hidden.shape[0]))
    torch.testing.assert_close(model(input_ids=ids).logits, before, rtol=0, atol=0)


def test_a_model_without_decoder_layers_is_refused() -> None:
    with pytest.raises(ModelLoadError, match="no list of decoder layers"):
        find_layers(nn.Linear(2, 2))


@torch.inference_mode()
def test_a_model_whose_output_is_made_elsewhere_is_refused() -> None:
    model = random_model("llama")
    model.lm_head.register_forward_hook(lambda _m, _a, output: output + torch.randn_like(output))
    with pytest.raises(ModelLoadError, match="couldn't be trusted"):
        dissect(model, torch.arange(3, 15)[None])
