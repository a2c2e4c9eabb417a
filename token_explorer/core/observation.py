"""What can be asked of a model at a prompt: the questions, called facets, and the arrays that answer them.

Layers are counted from 1, as a model's papers do; 0 is the embeddings. Positions are indices of the prompt.
Knows nothing of how an engine finds out.
"""

from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np

from token_explorer.core.scores import Candidates, Floats, Ints

# What a model must have for a facet: what EngineInfo.lacks names where it hasn't.
Kind = Literal[
    "attention",
    "residuals",
    "lens",
    "gradient",
    "distribution",
    "candidates",
    "ahead",
    "weights",
    "tokenizer",
    "chat",
]

Answer_co = TypeVar("Answer_co", covariant=True)


class Facet(Generic[Answer_co]):
    """A question about a prompt, with one kind of answer; hashable."""

    __slots__ = ()
    kind: ClassVar[Kind]

    def reach(self, length: int) -> int:
        """How many of a prompt's `length` tokens the answer depends on: equal so far, equal answers."""
        return length


@dataclass(frozen=True, slots=True, eq=False)
class AttentionRows:
    """How one token attends to itself and those before it, in every head of every attention layer.

    Attributes:
        weights (N, query + 1): softmax weights of each head.
        heads (N, 2): layer and head of each row, both counted from 1.
    """

    weights: Floats
    heads: Ints

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.heads.shape != (len(self.weights), 2):
            raise ValueError(f"weights {self.weights.shape} and heads {self.heads.shape} don't fit")

    @property
    def variances(self) -> Floats:
        """(N,) variance of each head's weights over the keys."""
        # Row by row: of a long prompt all rows in float64 are larger than the processor's cache.
        return np.array([row.astype(np.float64).var() for row in self.weights], dtype=np.float32)

    @property
    def missing(self) -> Floats:
        """(N,) what each row lacks to 1: the mass that a model with learned sinks gives to no token."""
        return np.asarray(1.0 - self.weights.sum(axis=1, dtype=np.float64), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class AttentionRow(Facet[AttentionRows]):
    """The attention of the token at `query`; of the last token, it leads to the next prediction."""

    kind = "attention"
    query: int

    def reach(self, length: int) -> int:
        return self.query + 1


@dataclass(frozen=True, slots=True, eq=False)
class AttentionWeights:
    """A part of one layer's attention maps.

    Attributes:
        weights (H, Q, K): softmax weights of each head; NaN where the key comes after the query.
    """

    weights: Floats


@dataclass(frozen=True, slots=True)
class AttentionMap(Facet[AttentionWeights]):
    """Attention in one layer, of the queries [start, stop) to the keys [first_key, last_key)."""

    kind = "attention"
    layer: int
    start: int
    stop: int
    first_key: int
    last_key: int

    def reach(self, length: int) -> int:
        return self.stop


@dataclass(frozen=True, slots=True)
class AttentionMaps(Facet[tuple[AttentionWeights, ...]]):
    """The whole maps of some layers, of the queries [0, stop): a forward gives those of all layers."""

    kind = "attention"
    layers: tuple[int, ...]
    stop: int

    def reach(self, length: int) -> int:
        return self.stop


@dataclass(frozen=True, slots=True, eq=False)
class ResidualMeasures:
    """The residual stream, measured: the embeddings (row 0), then after each layer, before any final norm.

    Attributes:
        similarities (L + 1, T): cosine of each token's state and the last token's state of the same layer.
        norms (L + 1, T): Euclidean norm of each state.
    """

    similarities: Floats
    norms: Floats


@dataclass(frozen=True, slots=True)
class Residuals(Facet[ResidualMeasures]):
    """Similarities and norms of the residual stream of the whole prompt."""

    kind = "residuals"


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """What each token before a target gave to its logit: gradient x input.

    Attributes:
        values (place,): sum over D of the input embedding times the logit's gradient there; logits, signed.
        logit: of the target.
    """

    values: Floats
    logit: float


@dataclass(frozen=True, slots=True)
class Attribution(Facet[Attributed]):
    """The logit of `token` after the first `place` tokens, attributed to them.

    Gradient x input: Shrikumar et al. 2016, "Not Just a Black Box".
    """

    kind = "gradient"
    place: int
    token: int

    def reach(self, length: int) -> int:
        return self.place


@dataclass(frozen=True, slots=True, eq=False)
class Depths:
    """Where the model decided on each token.

    Attributes:
        layers (T,): first layer from which on the token is the lens's most likely one in all layers; NaN for
            the first token, and for tokens that the model's output doesn't put first.
    """

    layers: Floats


@dataclass(frozen=True, slots=True)
class DecisionDepth(Facet[Depths]):
    """The decision depth of every token of the prompt."""

    kind = "lens"


@dataclass(frozen=True, slots=True, eq=False)
class LayerTable:
    """What each layer makes of some tokens at one position.

    Attributes:
        logprobs (L, K): natural log of softmax(unembed(final_norm(h))) of each token, h the state after
            layers 1 to L; the last row is the model's own output.
    """

    logprobs: Floats


@dataclass(frozen=True, slots=True)
class LayerLogprobs(Facet[LayerTable]):
    """Log probabilities by layer of `tokens` to come after the first `place` tokens."""

    kind = "lens"
    place: int
    tokens: tuple[int, ...]

    def reach(self, length: int) -> int:
        return self.place


@dataclass(frozen=True, slots=True, eq=False)
class LensCells:
    """The raw logit lens (nostalgebraist 2020) over L + 1 layers, embeddings first, and n positions.

    Attributes:
        tops (L + 1, n): id of the most likely next token.
        logprobs (L + 1, n): natural log of its probability.
        entropies (L + 1, n): of the whole distribution, nats.
        divergences (L + 1, n): KL divergence D(final || layer), nats (Belrose et al. 2023).
        pinned (L + 1, n): natural log of the pinned token's probability; None where none is pinned.
        ranks (L + 1, n): 1 + how many tokens are more likely than the pinned one; None where none is pinned.
    """

    tops: Ints
    logprobs: Floats
    entropies: Floats
    divergences: Floats
    pinned: Floats | None
    ranks: Ints | None


@dataclass(frozen=True, slots=True)
class Lens(Facet[LensCells]):
    """The logit lens after each of the positions [start, stop), with the values of a token that is pinned."""

    kind = "lens"
    start: int
    stop: int
    pin: int | None = None

    def reach(self, length: int) -> int:
        return self.stop


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """What a model says of all tokens that may come next.

    Attributes:
        logits (V,): raw, as the model gives them.
        normaliser: log of the sum of their exponentials, nats.
    """

    logits: Floats
    normaliser: float

    @property
    def logprobs(self) -> Floats:
        """(V,) natural log of each token's softmax probability."""
        return np.asarray(self.logits - np.float32(self.normaliser), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Following(Facet[Distribution]):
    """The whole distribution after the first `place` tokens; no forward where they have been scored."""

    kind = "distribution"
    place: int

    def reach(self, length: int) -> int:
        return self.place


@dataclass(frozen=True, slots=True)
class Likeliest(Facet[Candidates]):
    """The `top_k` likeliest tokens after the first `place` ones: for engines that know no more than those."""

    kind = "candidates"
    place: int
    top_k: int

    def reach(self, length: int) -> int:
        return self.place
