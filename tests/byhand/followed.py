"""A fake engine that can be followed by hand: a small GPT-2 with random weights, run by hand itself."""

import numpy as np

from tests.results.spoken import Spoken
from token_explorer.byhand.forward import forward
from token_explorer.byhand.weights import Numbers, Parameters, Weights
from token_explorer.core.engine import Answer, EngineInfo, Stop
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import FacetUnavailable

PIECES = (b" ", b"hello", b"world", b"[/b]", b"</script><b>", b"\x1b[31mred", "日本".encode(), b"fox")


def small(width: int = 16, heads: int = 2, layers: int = 2, tied: bool = True, seed: int = 0) -> Weights:
    """A GPT-2 with a token for each of PIECES."""
    random = np.random.default_rng(seed)

    def some(*shape: int) -> Numbers:
        return random.normal(scale=0.4, size=shape)

    parameters = {"wte.weight": some(len(PIECES), width), "wpe.weight": some(8, width)}
    parameters |= {"ln_f.weight": some(width), "ln_f.bias": some(width)}
    if not tied:
        parameters["lm_head.weight"] = some(len(PIECES), width)
    linears = {
        "attn.c_attn": (width, 3 * width),
        "attn.c_proj": (width, width),
        "mlp.c_fc": (width, 4 * width),
        "mlp.c_proj": (4 * width, width),
    }
    for layer in range(layers):
        for name, shape in linears.items():
            parameters[f"h.{layer}.{name}.weight"] = some(*shape)
            parameters[f"h.{layer}.{name}.bias"] = some(shape[1])
        for name in ("ln_1.weight", "ln_1.bias", "ln_2.weight", "ln_2.bias"):
            parameters[f"h.{layer}.{name}"] = some(width)
    return Weights(parameters, heads)


class Followed(Spoken):
    """Gives its weights, and says what they say.

    Args:
        weights: None where they can't be had.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self.weights = small() if weights is None else weights
        self.why_not = ""
        super().__init__(PIECES, lambda ids: forward(self.weights, ids).logits.values[-1].tolist(), bos=False)
        self.info = EngineInfo("small", "cpu", "float32", self.weights.positions, self.weights.layers)

    def encode(self, text: str) -> TokenIds:
        ids, rest = [], text.encode()
        while rest:
            ids.append(next(id for id, piece in enumerate(PIECES) if rest.startswith(piece)))
            rest = rest[len(PIECES[ids[-1]]) :]
        return tuple(ids)

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        if not isinstance(facet, Parameters):
            return super().observe(ids, facet, stop)
        if self.why_not:
            raise FacetUnavailable("Can't look there", f"{self.why_not}.")
        return self.weights  # type: ignore[return-value]
