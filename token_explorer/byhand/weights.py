"""The parameters of a GPT-2, as numpy has them, and the question that an engine answers with them.

Knows nothing of where models live.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.observation import Facet

Numbers = NDArray[np.float64]

Activation = Literal["gelu_new", "gelu_pytorch_tanh", "gelu", "relu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

# More than anyone follows by hand, and no more than crosses between processes at once.
MOST_PARAMETERS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The parameters of a GPT-2 with a language model's head (Radford et al. 2019).

    V tokens, P positions, D width, F width of the MLP. Of a layer the names begin with "h.0.", "h.1.", …;
    matrices are (in, out), as they are multiplied from the right.

    Attributes:
        parameters: "wte.weight" (V, D), "wpe.weight" (P, D), "ln_f.weight" and "ln_f.bias" (D,), and, where
            the head isn't tied to the token embeddings, "lm_head.weight" (V, D). Of each layer "ln_1.weight",
            "ln_1.bias", "ln_2.weight", "ln_2.bias" (D,), "attn.c_attn.weight" (D, 3 D) and ".bias" (3 D,),
            "attn.c_proj.weight" (D, D) and ".bias" (D,), "mlp.c_fc.weight" (D, F) and ".bias" (F,),
            "mlp.c_proj.weight" (F, D) and ".bias" (D,).
        heads: of each layer.
        activation: of the MLP, as transformers names it.
        epsilon: added to variances before their root is taken.
        divided: whether scores are divided by the root of a head's width.
        by_layer: whether they are divided by the layer's number, too.
    """

    parameters: Mapping[str, Numbers]
    heads: int
    activation: Activation = "gelu_new"
    epsilon: float = 1e-5
    divided: bool = True
    by_layer: bool = False

    def __post_init__(self) -> None:
        width = self["wte.weight"].shape[1]
        if width % self.heads or self["wpe.weight"].shape[1] != width:
            raise ValueError(f"{self.heads} heads and positions {self['wpe.weight'].shape} for width {width}")

    def __getitem__(self, name: str) -> Numbers:
        return self.parameters[name]

    def of_layer(self, layer: int, name: str) -> Numbers:
        """A parameter of a layer, counted from 1."""
        return self.parameters[f"h.{layer - 1}.{name}"]

    @property
    def head(self) -> Numbers:
        """(V, D): the unembedding, which is the token embeddings' matrix where they are tied."""
        return self.parameters.get("lm_head.weight", self.parameters["wte.weight"])

    @property
    def tied(self) -> bool:
        """Whether the head is the token embeddings' matrix."""
        return "lm_head.weight" not in self.parameters

    @property
    def layers(self) -> int:
        """How many layers there are."""
        numbers = (re.match(r"h\.(\d+)\.", name) for name in self.parameters)
        return 1 + max((int(number[1]) for number in numbers if number), default=-1)

    @property
    def positions(self) -> int:
        """How many tokens a prompt may have."""
        return len(self["wpe.weight"])

    @property
    def width(self) -> int:
        """D."""
        return int(self["wte.weight"].shape[1])

    @property
    def head_width(self) -> int:
        """D divided by the heads."""
        return self.width // self.heads

    @property
    def count(self) -> int:
        """How many parameters there are; a head that is tied isn't counted again."""
        return sum(values.size for values in self.parameters.values())


@dataclass(frozen=True, slots=True)
class Parameters(Facet[Weights]):
    """All parameters of the model, whatever the prompt."""

    kind = "weights"

    def reach(self, length: int) -> int:
        return 0
