"""Small models with random weights, one for each architecture that the engine's tests walk on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    CohereConfig,
    FalconConfig,
    FalconH1Config,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    GptOssConfig,
    GraniteConfig,
    Lfm2Config,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    OPTConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

VOCABULARY = 260
# Spread enough that the distributions differ from token to token.
_SPREAD = 0.3
_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": _SPREAD,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}

_FALCON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "initializer_range": _SPREAD,
    "max_position_embeddings": 1024,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def _like_llama(kind: Callable[..., PreTrainedConfig], **more: object) -> Callable[[], PreTrainedConfig]:
    return lambda: kind(**{**_COMMON, **more})


_CONFIGS: dict[str, Callable[[], PreTrainedConfig]] = {
    "llama": _like_llama(LlamaConfig),
    "qwen2": _like_llama(Qwen2Config),
    "qwen3": _like_llama(Qwen3Config, head_dim=8),
    "gpt2": lambda: GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=32,
        n_layer=3,
        n_head=4,
        n_positions=1024,
        initializer_range=_SPREAD,
        bos_token_id=1,
        eos_token_id=2,
    ),
    "gemma2": _like_llama(Gemma2Config, head_dim=8, sliding_window=8),
    # every other layer sees a window shorter than the tests' prompts
    "gemma3": _like_llama(
        Gemma3TextConfig,
        head_dim=8,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    "mistral": _like_llama(MistralConfig, sliding_window=8),
    "mixtral": _like_llama(MixtralConfig, num_local_experts=4),
    "phi3": _like_llama(Phi3Config),
    "cohere": _like_llama(CohereConfig, logit_scale=0.5),
    "gpt_neox": _like_llama(GPTNeoXConfig),
    "opt": lambda: OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=1024,
        word_embed_proj_dim=16,
        init_std=_SPREAD,
        pad_token_id=0,
    ),
    "mamba": lambda: MambaConfig(
        vocab_size=VOCABULARY, hidden_size=32, state_size=4, num_hidden_layers=3, initializer_range=_SPREAD
    ),
    "lfm2": _like_llama(Lfm2Config, layer_types=["conv", "full_attention", "conv"]),
    # attention and a state space side by side; its logits are scaled by a factor that its stack holds
    "falcon_h1": _like_llama(
        FalconH1Config,
        head_dim=8,
        mamba_d_ssm=32,
        mamba_n_heads=4,
        mamba_d_head=8,
        mamba_n_groups=1,
        mamba_d_state=8,
        lm_head_multiplier=0.3,
    ),
    "granite": _like_llama(GraniteConfig, logits_scaling=4.0, embedding_multiplier=3.0),
    # learned sinks: its attention sums to less than 1
    "gpt_oss": _like_llama(
        GptOssConfig,
        head_dim=8,
        sliding_window=8,
        num_local_experts=4,
        num_experts_per_tok=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    ),
    "falcon": lambda: FalconConfig(**_FALCON),
    # positions by a bias on the attention
    "falcon_alibi": lambda: FalconConfig(**_FALCON, alibi=True),
    "bloom": lambda: BloomConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        n_layer=3,
        n_head=4,
        initializer_range=_SPREAD,
        pad_token_id=0,
    ),
}
RANDOM_MODELS = tuple(_CONFIGS)


def random_model(name: str) -> PreTrainedModel:
    """A small model of an architecture, the same at each call."""
    torch.manual_seed(7)
    # Falcon as load_weights has it: with its default attention, asking for the weights changes its logits.
    placement = {"attn_implementation": "eager"} if name.startswith("falcon") else {}
    model: PreTrainedModel = AutoModelForCausalLM.from_config(_CONFIGS[name](), **placement)
    return model.eval().requires_grad_(False)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer for them: a token for each byte, and one row of the models that it has no name for."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = {name: token for token, name in enumerate(["<pad>", "<s>", "</s>", *alphabet])}
    backend = Tokenizer(BPE(vocab=names, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


def save_random(name: str, folder: Path) -> None:
    """Write a model and its tokenizer as an ordinary folder, as a user has them."""
    random_model(name).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
