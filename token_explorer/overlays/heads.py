"""Attention heads: in which order they are listed, what is taken of them, and where their weight goes.

Numpy only; knows nothing of how weights are drawn.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from token_explorer.core.observation import AttentionRows
from token_explorer.core.scores import Floats, Ints

How = Literal["head", "mean", "maximum"]
HOWS: tuple[How, ...] = ("head", "mean", "maximum")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is looked at: one head of a layer, or what all heads of the layer have in common.

    Attributes:
        layer, head: counted from 1.
        how: the head alone, or the mean or the maximum over the layer's heads.
    """

    layer: int
    head: int
    how: How = "head"

    def turned(self, steps: int) -> "Choice":
        """The same layer, taken in another way."""
        return replace(self, how=HOWS[(HOWS.index(self.how) + steps) % len(HOWS)])

    def of(self, weights: Floats) -> Floats:
        """Weights (...) of what is chosen, from those of all the layer's heads (H, ...)."""
        if self.how == "head":
            return np.asarray(weights[self.head - 1], dtype=np.float32)
        if self.how == "mean":
            return np.asarray(weights.mean(axis=0, dtype=np.float64), dtype=np.float32)
        return np.asarray(weights.max(axis=0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """All heads of a model at one query, by how much their weights vary over the keys.

    Attributes:
        rows: their weights.
        variances (N,): of each head's weights, in the order of `rows`: the measure that the influence overlay
            ranks them by; or, with the sink left out, of the weights of all keys but the first.
        order (N,): the indices of `rows`, largest variance first; equal ones by layer and head.
    """

    rows: AttentionRows
    variances: Floats
    order: Ints

    @classmethod
    def of(cls, rows: AttentionRows, sink: bool = True) -> "Heads":
        """Rank the heads of an answer.

        Args:
            sink: whether the first key counts; without it, heads that rest there are the last ones.
        """
        counted = (
            rows if sink or rows.weights.shape[1] == 1 else AttentionRows(rows.weights[:, 1:], rows.heads)
        )
        variances = counted.variances
        return cls(rows, variances, np.argsort(-variances, kind="stable"))

    def __len__(self) -> int:
        return len(self.order)

    def at(self, place: int) -> Choice:
        """The head at a place of the order, alone."""
        layer, head = self.rows.heads[self.order[place]].tolist()
        return Choice(layer, head)

    def place(self, choice: Choice) -> int | None:
        """Where the chosen head stands in the order; None where there is none such."""
        wanted = (choice.layer, choice.head)
        found = np.flatnonzero((self.rows.heads[self.order] == wanted).all(axis=1))
        return int(found[0]) if len(found) else None

    def within(self, layer: int) -> Ints:
        """The indices of `rows` that are a layer's, in the order of its heads."""
        found = np.flatnonzero(self.rows.heads[:, 0] == layer)
        return found[np.argsort(self.rows.heads[found, 1], kind="stable")]

    def weights(self, choice: Choice) -> Floats:
        """(query + 1,) weights of what is chosen."""
        return choice.of(self.rows.weights[self.within(choice.layer)])

    def beside(self, choice: Choice, steps: int) -> Choice:
        """The same so many layers with attention further, or in the last one on the way."""
        layers = np.unique(self.rows.heads[:, 0]).tolist()
        layer = layers[max(0, min(layers.index(choice.layer) + steps, len(layers) - 1))]
        return replace(choice, layer=layer, head=min(choice.head, len(self.within(layer))))


@dataclass(frozen=True, slots=True)
class Masses:
    """Where a row's weight goes.

    Attributes:
        sink: to the first token, on which attention rests that has nowhere to go (Xiao et al. 2023).
        rest: to all others.
        missing: what both lack to 1: models with learned sinks give it to no token.
    """

    sink: float
    rest: float
    missing: float


def masses(row: Floats) -> Masses:
    """Where the weight of one row (K,) of one head, or of the mean of some, goes."""
    sink, rest = float(row[0]), float(row[1:].sum(dtype=np.float64))
    return Masses(sink, rest, 1.0 - sink - rest)


def top(weights: Floats, keys: Ints, sink: bool) -> float:
    """The largest of weights (Q, K), for the end of a scale; 1 where none is above zero.

    Args:
        keys (K,): the index of each column's key.
        sink: whether the first key counts.
    """
    counted = weights if sink else weights[:, keys > 0]
    largest = float(np.nanmax(counted, initial=0.0)) if counted.size else 0.0
    return largest if largest > 0.0 else 1.0
