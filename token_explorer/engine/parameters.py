"""A model's parameters for those who follow it by hand: of a GPT-2 that is small enough.

Knows nothing of what is made of them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from token_explorer.byhand.weights import ACTIVATIONS, MOST_PARAMETERS, Numbers, Weights

ARCHITECTURE = "GPT2LMHeadModel"
_STACK = "transformer."


def why_not(model: PreTrainedModel) -> str:
    """Why a model can't be followed by hand, in words; '' if it can."""
    config: Any = model.config
    name = type(model).__name__
    if name != ARCHITECTURE:
        return f"by hand follows a GPT-2, and this is a {name}"
    if config.activation_function not in ACTIVATIONS:
        return f"by hand knows no activation {config.activation_function}"
    if config.add_cross_attention:
        return "by hand knows no cross-attention"
    count = model.num_parameters()
    if count > MOST_PARAMETERS:
        return f"it has {count:,} parameters, and by hand goes up to {MOST_PARAMETERS:,}"
    return ""


def read(model: PreTrainedModel) -> Weights:
    """The parameters of a model that can be followed by hand, in float64."""
    config: Any = model.config
    return Weights(
        dict(_named(model)),
        heads=config.n_head,
        activation=config.activation_function,
        epsilon=config.layer_norm_epsilon,
        divided=config.scale_attn_weights,
        by_layer=config.scale_attn_by_inverse_layer_idx,
    )


def _named(model: PreTrainedModel) -> Iterator[tuple[str, Numbers]]:
    """Each parameter once, a head that is tied not again."""
    for name, values in model.named_parameters():
        yield name.removeprefix(_STACK), values.detach().cpu().double().numpy().astype(np.float64)
