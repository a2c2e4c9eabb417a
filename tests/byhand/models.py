"""GPT-2s with random weights, of any shape, and every intermediate that torch has of a forward."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, GPT2Config, PreTrainedModel

from token_explorer.byhand.weights import ACTIVATIONS
from token_explorer.core.tokens import TokenIds

CONFIGS = st.builds(
    lambda heads, head_width, **more: GPT2Config(n_head=heads, n_embd=heads * head_width, **more),
    heads=st.integers(1, 4),
    head_width=st.integers(1, 6),
    n_layer=st.integers(1, 3),
    vocab_size=st.integers(1, 40),
    n_positions=st.just(8),
    n_inner=st.none() | st.integers(1, 20),
    activation_function=st.sampled_from(ACTIVATIONS),
    layer_norm_epsilon=st.sampled_from([1e-5, 1e-3]),
    scale_attn_weights=st.booleans(),
    scale_attn_by_inverse_layer_idx=st.booleans(),
    tie_word_embeddings=st.booleans(),
    initializer_range=st.sampled_from([0.02, 0.5]),
)
Arrays = dict[str, NDArray[Any]]


def gpt2(config: GPT2Config, seed: int = 0) -> PreTrainedModel:
    """A GPT-2 whose every parameter is random, biases and gains too."""
    torch.manual_seed(seed)
    config.bos_token_id = config.eos_token_id = None
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=config.initializer_range)
    return model.eval().requires_grad_(False)


def intermediates(model: PreTrainedModel, ids: TokenIds) -> Arrays:
    """What torch computes for a prompt, by the names of the steps; of heads all in one array (H, …)."""
    seen: Arrays = {}
    with _watched(model, seen):
        out = model(torch.tensor([ids]), output_attentions=True, use_cache=False)
    seen["logits"] = out.logits[0].numpy()
    seen["probabilities"] = out.logits[0].softmax(-1).numpy()
    for layer, weights in enumerate(out.attentions, 1):
        seen[f"layer {layer} attention"] = weights[0].numpy()
    return seen


@contextmanager
def _watched(model: Any, seen: Arrays) -> Iterator[None]:
    """Keep what goes in and out of the model's parts."""
    stack = model.transformer
    outs = {"token-embedding": stack.wte, "position-embedding": stack.wpe, "final-norm": stack.ln_f}
    ins = {}
    for layer, block in enumerate(stack.h, 1):
        ins[f"layer {layer} heads"] = block.attn.c_proj
        ins[f"layer {layer} residual-1"] = block.ln_2
        ins[f"layer {layer} activation"] = block.mlp.c_proj
        parts = {
            "norm-1": block.ln_1,
            "qkv": block.attn.c_attn,
            "attention-output": block.attn.c_proj,
            "norm-2": block.ln_2,
            "mlp-in": block.mlp.c_fc,
            "mlp-out": block.mlp.c_proj,
            "residual-2": block,
        }
        outs.update({f"layer {layer} {part}": module for part, module in parts.items()})
    ins["embeddings"] = stack.h[0].ln_1

    def keep(name: str, value: Any) -> None:
        value = value[0] if isinstance(value, tuple) else value
        seen[name] = value.detach().reshape(-1, value.shape[-1]).numpy().copy()

    hooks = [
        module.register_forward_hook(lambda module, given, made, name=name: keep(name, made))
        for name, module in outs.items()
    ]
    hooks += [
        module.register_forward_pre_hook(lambda module, given, name=name: keep(name, given))
        for name, module in ins.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
