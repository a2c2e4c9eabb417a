"""How large a tiny model is, and how it is trained. Knows nothing of torch."""

import math
from dataclasses import dataclass

from token_explorer.errors import InputError


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is.

    Attributes:
        vocabulary: most tokens that it may have.
        positions: most tokens of a prompt.
        layers, heads, width: as in a GPT-2.
    """

    vocabulary: int = 32
    positions: int = 8
    layers: int = 2
    heads: int = 2
    width: int = 16

    def __post_init__(self) -> None:
        if self.width % self.heads:
            message = f"a width of {self.width} can't be shared by {self.heads} heads."
            raise InputError("Impossible model", message, "Choose a width that is a multiple of the heads.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained: by AdamW, its learning rate warmed up and then lowered along a cosine.

    Attributes:
        iterations: steps of the optimizer.
        batch_size: sequences of a batch.
        accumulation: batches whose gradients make one step.
        learning_rate: the highest; at the end it is FINAL_PART of that.
        warmup: iterations until it is highest.
        weight_decay: of matrices; biases and gains have none.
        evaluate_every: iterations between evaluations.
        seed: of the first weights and the batches.
    """

    iterations: int = 200
    batch_size: int = 8
    accumulation: int = 4
    learning_rate: float = 0.01
    warmup: int = 10
    weight_decay: float = 0.01
    evaluate_every: int = 100
    seed: int = 0

    def rate(self, iteration: int) -> float:
        """The learning rate of an iteration, counted from 0 (Loshchilov and Hutter 2017, one cycle)."""
        if iteration < self.warmup:
            return self.learning_rate * (iteration + 1) / (self.warmup + 1)
        part = (iteration - self.warmup) / max(1, self.iterations - self.warmup)
        low = FINAL_PART * self.learning_rate
        return low + (self.learning_rate - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))


FINAL_PART = 0.1
# Of the optimizer (Loshchilov and Hutter 2019). A short memory: there are few steps.
BETAS = (0.8, 0.95)
EPSILON = 1e-8
# The part of the data that is kept for validation: its end.
VALIDATION_PART = 0.1
