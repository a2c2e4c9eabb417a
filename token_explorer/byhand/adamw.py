"""One step of AdamW (Loshchilov and Hutter 2019) on one array, with all that lies in between.

Pure numpy; knows nothing of models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AdamW:
    """The settings of a step.

    Attributes:
        learning_rate: of this step.
        beta1, beta2: how much of the first and of the second moment is kept.
        epsilon: keeps the division from one by zero.
        weight_decay: the part of a weight, times the learning rate, that is taken off.
    """

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What AdamW remembers of gradients.

    Attributes:
        first: running mean of the gradients.
        second: running mean of their squares.
        steps: how many steps were taken.
    """

    first: Doubles
    second: Doubles
    steps: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """A step, as it is computed; each array has the weights' shape.

    Attributes:
        decayed: the weights, less their decay.
        moments: after the step.
        first_corrected, second_corrected: the moments without their bias towards the zeros they began as.
        change: what the gradient takes off.
        weights: after the step.
    """

    decayed: Doubles
    moments: Moments
    first_corrected: Doubles
    second_corrected: Doubles
    change: Doubles
    weights: Doubles


def fresh(weights: Doubles) -> Moments:
    """The moments before the first step."""
    return Moments(np.zeros_like(weights, dtype=np.float64), np.zeros_like(weights, dtype=np.float64))


def update(weights: Doubles, gradient: Doubles, moments: Moments, settings: AdamW) -> Update:
    """Take a step, in float64.

    Raises ValueError where gradient and moments haven't the weights' shape.
    """
    shapes = weights.shape, gradient.shape, moments.first.shape, moments.second.shape
    if len(set(shapes)) != 1:
        raise ValueError(f"weights, gradient and moments have the shapes {shapes}")
    rate, steps = settings.learning_rate, moments.steps + 1
    weights, gradient = weights.astype(np.float64), gradient.astype(np.float64)
    decayed = weights - rate * settings.weight_decay * weights
    first = settings.beta1 * moments.first + (1 - settings.beta1) * gradient
    second = settings.beta2 * moments.second + (1 - settings.beta2) * gradient**2
    first_corrected = first / (1 - settings.beta1**steps)
    second_corrected = second / (1 - settings.beta2**steps)
    change = rate * first_corrected / (np.sqrt(second_corrected) + settings.epsilon)
    after = Moments(first, second, steps)
    return Update(decayed, after, first_corrected, second_corrected, change, decayed - change)
