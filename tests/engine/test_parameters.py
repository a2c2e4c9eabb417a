"""Which models can be followed by hand, and that the engine gives their parameters as they are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2Config

from tests.byhand.models import gpt2
from tests.engine.random_models import RANDOM_MODELS, byte_tokenizer, random_model
from token_explorer.byhand.forward import forward
from token_explorer.byhand.weights import Parameters
from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.engine.microscope import Microscope
from token_explorer.engine.parameters import why_not
from token_explorer.engine.process import local_engine
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import FacetUnavailable


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_only_a_gpt2_is_followed_by_hand(name: str) -> None:
    reason = Microscope(ModelRunner(random_model(name))).why_not("weights", Stop())
    assert bool(reason) == (name != "gpt2")


def test_why_a_gpt2_cannot_be_followed_is_told() -> None:
    small = {"vocab_size": 9, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 8}
    assert why_not(gpt2(GPT2Config(**small))) == ""
    assert "silu" in why_not(gpt2(GPT2Config(**small, activation_function="silu")))
    assert "cross" in why_not(gpt2(GPT2Config(**small, add_cross_attention=True)))
    assert "1,000,000" in why_not(gpt2(GPT2Config(**{**small, "vocab_size": 130_000})))


def test_the_engine_refuses_with_the_reason() -> None:
    microscope = Microscope(ModelRunner(random_model("llama")))
    with pytest.raises(FacetUnavailable, match="LlamaForCausalLM"):
        microscope.observe((1, 2), Parameters(), Stop())


def test_the_parameters_cross_to_another_process_and_give_its_numbers(tmp_path: Path) -> None:
    random_model("gpt2").save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    engine = local_engine(ModelSpec(str(tmp_path), device="cpu"))
    try:
        engine.load_tokenizer(lambda progress: None)
        engine.load_model(lambda progress: None)
        weights = engine.observe((5, 6), Parameters(), Stop())
    finally:
        engine.close()
    ids = (5, 6, 7, 8)
    expected = random_model("gpt2")(torch.tensor([ids])).logits[0].numpy()
    np.testing.assert_allclose(forward(weights, ids).logits.values, expected, atol=1e-4)
