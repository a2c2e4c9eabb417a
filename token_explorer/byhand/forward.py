"""The forward of a GPT-2, as textbooks have it: from the embeddings to the probabilities, step by step.

Radford et al. 2019, after Vaswani et al. 2017, with the norms before the parts that they serve.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from token_explorer.byhand import operations as do
from token_explorer.byhand.step import Axis, Label, Step
from token_explorer.byhand.weights import Weights
from token_explorer.core.tokens import TokenIds


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """A forward of a prompt, T tokens.

    Attributes:
        weights: of the model.
        ids: the prompt.
        steps: in the order in which they are computed.
    """

    weights: Weights
    ids: TokenIds
    steps: tuple[Step, ...]
    _named: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_named", {step.name: place for place, step in enumerate(self.steps)})

    def find(self, part: str, layer: int | None = None, head: int | None = None) -> Step:
        """A step by its name, and its layer and head where it is of one. Raises KeyError."""
        return self.steps[self.place(part, layer, head)]

    def place(self, part: str, layer: int | None = None, head: int | None = None) -> int:
        """Which of the steps that is, counted from 0. Raises KeyError."""
        return self._named[str(Label(part, "", "", "one", layer, head))]

    @property
    def logits(self) -> Step:
        """(T, V): what the model says of the next token, after each token."""
        return self.find("logits")

    @property
    def probabilities(self) -> Step:
        """(T, V): its softmax."""
        return self.find("probabilities")


def forward(weights: Weights, ids: TokenIds) -> Forward:
    """Run a prompt by hand, in float64.

    Raises ValueError for no token, one that there isn't, and more than there are positions for.
    """
    vocabulary = len(weights["wte.weight"])
    if not 0 < len(ids) <= weights.positions or not all(0 <= id < vocabulary for id in ids):
        raise ValueError(f"{len(ids)} tokens for {weights.positions} positions and {vocabulary} tokens")
    return Forward(weights, ids, tuple(_steps(weights, ids)))


def size(weights: Weights, length: int) -> int:
    """How many numbers the steps of a forward of so many tokens have."""
    stack = weights.layers * (11 * weights.width + 4 + 3 * weights.heads * length)
    inner = sum(2 * weights.of_layer(layer, "mlp.c_fc.bias").size for layer in range(1, weights.layers + 1))
    ends = 4 * weights.width + 2 + 2 * len(weights["wte.weight"])
    return length * (stack + inner + ends)


def _steps(weights: Weights, ids: TokenIds) -> Iterator[Step]:
    """All steps, in their order."""
    e = do.look_up(
        Label("token-embedding", "a row for each token", "e", "width"), weights["wte.weight"], ids, "E", "id"
    )
    places = range(len(ids))
    p = do.look_up(
        Label("position-embedding", "a row for each place", "p", "width"),
        weights["wpe.weight"],
        places,
        "P",
        "t",
    )
    x = do.add(Label("embeddings", "what goes into the first layer", "x", "width"), e, p)
    yield from (e, p, x)
    for layer in range(1, weights.layers + 1):
        block = list(_block(weights, layer, x))
        yield from block
        x = block[-1]
    normed = list(_norm(weights, "final", "ln_f", x))
    yield from normed
    said, likely = "what speaks for each token as the next", "how likely each token is the next"
    logits = do.linear(Label("logits", said, "l", "vocabulary"), normed[-1], weights.head.T, None, "U")
    yield logits
    yield do.softmax(Label("probabilities", likely, "y", "vocabulary"), logits)


def _block(weights: Weights, layer: int, x: Step) -> Iterator[Step]:
    """One layer: attention, then the MLP, each added to what came in; the last step is what goes out."""
    attention = list(_attention(weights, layer, x))
    r = do.add(Label("residual-1", "residual stream after attention", "r", "width", layer), x, attention[-1])
    mlp = list(_mlp(weights, layer, r))
    yield from (*attention, r, *mlp)
    yield do.add(Label("residual-2", "residual stream after the MLP", "x", "width", layer), r, mlp[-1])


def _attention(weights: Weights, layer: int, x: Step) -> Iterator[Step]:
    """What all heads take up from the tokens before; the last step is what is added."""
    norm = list(_norm(weights, "norm-1", "ln_1", x, layer))
    heads = [list(_head(weights, layer, head, norm[-1])) for head in range(1, weights.heads + 1)]
    mixed = [steps[-1] for steps in heads]
    z = do.join(Label("heads", "all heads side by side", "z", "width", layer), mixed)
    yield from (*norm, *chain.from_iterable(heads), z)
    yield do.linear(
        Label("attention-output", "what attention adds", "o", "width", layer),
        z,
        weights.of_layer(layer, "attn.c_proj.weight"),
        weights.of_layer(layer, "attn.c_proj.bias"),
        "Wₒ",
        "bₒ",
    )


def _head(weights: Weights, layer: int, head: int, n: Step) -> Iterator[Step]:
    """One head: queries, keys and values, scores, weights, and the weighted values."""
    width, d = weights.width, weights.head_width

    def projected(part: str, title: str, index: int) -> Step:
        """Of the joined projection (D, 3 D) the columns of this head's queries, keys or values."""
        columns = slice(index * width + (head - 1) * d, index * width + head * d)
        return do.linear(
            label(part, title, part, "head width"),
            n,
            weights.of_layer(layer, "attn.c_attn.weight")[:, columns],
            weights.of_layer(layer, "attn.c_attn.bias")[columns],
            f"W{part}",
            f"b{part}",
        )

    def label(part: str, title: str, symbol: str, columns: Axis) -> Label:
        return Label(part, title, symbol, columns, layer, head)

    q, k, v = projected("q", "queries", 0), projected("k", "keys", 1), projected("v", "values", 2)
    s = do.scores(
        label("scores", "how well each key fits each query", "s", "key"), q, k, *_divisor(weights, layer)
    )
    m = do.mask(label("mask", "the scores without later keys", "m", "key"), s)
    a = do.softmax(label("attention", "weights of the keys", "a", "key"), m)
    yield from (q, k, v, s, m, a)
    yield do.mix(label("mix", "values, weighted", "z", "head width"), a, v)


def _divisor(weights: Weights, layer: int) -> tuple[float, str]:
    """What scores are divided by, and how that is written."""
    by_layer = float(layer) if weights.by_layer else 1.0
    names = [f"√{weights.head_width}"] * weights.divided + [str(layer)] * weights.by_layer
    return (weights.head_width**0.5 if weights.divided else 1.0) * by_layer, " × ".join(names) or "1"


def _mlp(weights: Weights, layer: int, x: Step) -> Iterator[Step]:
    """What the MLP makes of each token alone; the last step is what is added."""
    norm = list(_norm(weights, "norm-2", "ln_2", x, layer))
    f = do.linear(
        Label("mlp-in", "MLP, widened", "f", "MLP width", layer),
        norm[-1],
        weights.of_layer(layer, "mlp.c_fc.weight"),
        weights.of_layer(layer, "mlp.c_fc.bias"),
        "W₁",
        "b₁",
    )
    g = do.activate(Label("activation", "MLP, activated", "g", "MLP width", layer), f, weights.activation)
    yield from (*norm, f, g)
    yield do.linear(
        Label("mlp-out", "what the MLP adds", "u", "width", layer),
        g,
        weights.of_layer(layer, "mlp.c_proj.weight"),
        weights.of_layer(layer, "mlp.c_proj.bias"),
        "W₂",
        "b₂",
    )


def _norm(weights: Weights, part: str, name: str, x: Step, layer: int | None = None) -> Iterator[Step]:
    """Mean, variance, and the norm of each token's row."""
    prefix = "" if layer is None else f"h.{layer - 1}."
    gain, bias = weights[f"{prefix}{name}.weight"], weights[f"{prefix}{name}.bias"]
    mean = do.mean(Label(f"{part}-mean", "mean", "μ", "one", layer), x)
    variance = do.variance(Label(f"{part}-variance", "variance", "σ²", "one", layer), x, mean)
    yield from (mean, variance)
    normed = f"{part}-norm" if part == "final" else part
    yield do.norm(
        Label(normed, "layer norm", "n", "width", layer), x, mean, variance, gain, bias, weights.epsilon
    )
