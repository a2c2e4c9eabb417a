"""The first steps of a training, recorded: what a model read and said, and how a matrix was changed.

Knows nothing of files and pages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from token_explorer.byhand.adamw import AdamW, Moments, fresh
from token_explorer.errors import InputError
from token_explorer.tiny.batches import Windows
from token_explorer.tiny.schedule import learning_rate
from token_explorer.tiny.training import Training

Array = NDArray[np.float32]

MATRIX = "transformer.h.0.attn.c_attn.weight"
# Nobody follows more by hand; and a file should stay one that can be read.
MOST_CELLS = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Iteration:
    """A step.

    Attributes:
        iteration: counted from 0.
        batch: the windows that it learned from.
        embeddings, attention (T, D): of the first window: token and position embeddings added, and what the
            attention of the first layer made of them.
        logits (T, V): of the first window.
        loss: of all windows, nats a token.
        gradient: of the matrix, as the step took it: of the mean loss, and shortened where it was too long.
        before, after: the matrix.
        moments: AdamW's, before the step.
        adamw: the settings of the step.
    """

    iteration: int
    batch: Windows
    embeddings: Array
    attention: Array
    logits: Array
    loss: float
    gradient: Array
    before: Array
    after: Array
    moments: Moments
    adamw: AdamW


def matrix(training: Training, name: str) -> nn.Parameter:
    """A parameter by its name or the end of it. Raises InputError for none, several, or a large one."""
    named: dict[str, nn.Parameter] = dict(training.model.named_parameters())
    found = [each for each in named if each == name] or [each for each in named if each.endswith(f".{name}")]
    if len(found) != 1:
        what = f"is {len(found)} of the model's" if found else "is none of the model's"
        raise InputError("No such matrix", f"--matrix {name} {what}.", f"It has {', '.join(found or named)}.")
    chosen = named[found[0]]
    if chosen.numel() > MOST_CELLS:
        message = f"{found[0]} has {chosen.numel():,} weights; at most {MOST_CELLS:,} can be recorded."
        raise InputError("Too large to follow by hand", message, "Choose a smaller --matrix.")
    return chosen


def recorded_step(training: Training, weights: nn.Parameter) -> Iteration:
    """Take a step, and record it."""
    batch, iteration, moments = training.batch(), training.iteration, _moments(training, weights)
    before = _array(weights)
    with _overheard(training) as heard:
        loss = training.gradients()
    assert weights.grad is not None
    gradient = _array(weights.grad)
    training.apply(loss)
    return Iteration(
        iteration=iteration,
        batch=batch,
        embeddings=heard["embeddings"],
        attention=heard["attention"],
        logits=heard["logits"],
        loss=loss,
        gradient=gradient,
        before=before,
        after=_array(weights),
        moments=moments,
        adamw=_settings(training, weights, iteration),
    )


def _settings(training: Training, weights: nn.Parameter, iteration: int) -> AdamW:
    settings = training.settings
    decay = settings.weight_decay if weights.dim() > 1 else 0.0
    known = AdamW(learning_rate(settings, iteration), settings.beta1, settings.beta2, weight_decay=decay)
    return replace(known, epsilon=float(training.optimizer.param_groups[0]["eps"]))


def _moments(training: Training, weights: nn.Parameter) -> Moments:
    """What the optimizer remembers of a parameter."""
    state = training.optimizer.state.get(weights)
    if not state:
        return fresh(_array(weights).astype(np.float64))
    first, second = (_array(state[name]).astype(np.float64) for name in ("exp_avg", "exp_avg_sq"))
    return Moments(first, second, int(state["step"]))


@contextmanager
def _overheard(training: Training) -> Iterator[dict[str, Array]]:
    """What some parts of the model give for the first window of the first forward."""
    heard: dict[str, Array] = {}
    model = training.model
    parts = {
        "embeddings": model.transformer.drop,
        "attention": model.transformer.h[0].attn,
        "logits": model.lm_head,
    }

    def listen(name: str) -> Any:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            if name not in heard:
                heard[name] = _first(output)

        return hook

    hooks = [part.register_forward_hook(listen(name)) for name, part in parts.items()]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _first(output: Tensor | tuple[Tensor, ...]) -> Array:
    whole = output if isinstance(output, Tensor) else output[0]
    return _array(whole[0])


def _array(values: Tensor) -> Array:
    return np.array(values.detach().float().cpu().numpy(), dtype=np.float32)
