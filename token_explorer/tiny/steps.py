"""The recorded steps of a training, as JSON and as a page. Knows nothing of how models learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from token_explorer.byhand.adamw import Update, update
from token_explorer.core.tokens import display, visible_blanks
from token_explorer.results.document import dumps
from token_explorer.results.page import packed, page
from token_explorer.tiny.record import Iteration


def document(steps: Sequence[Iteration], matrix: str, words: Sequence[str]) -> str:
    """As JSON: {matrix (its name), iterations}; an iteration is

    - iteration (from 0), learning_rate, loss (nats a token, of all its windows)
    - inputs, targets: of each window the words; input_ids, target_ids: their ids
    - embeddings, attention (T x D), logits (T x V): of the first window
    - gradient, before, change, after: of the matrix
    - adamw: {beta1, beta2, epsilon, weight_decay, step (counted from 1)}.
    """
    return dumps({"matrix": matrix, "iterations": [_iteration(each, words) for each in steps]}) + "\n"


def make_page(steps: Sequence[Iteration], matrix: str, words: Sequence[str], model: str) -> str:
    """The page of one weight's way from its gradient to its new value.

    Args:
        model: what it says of the model.
    """
    content = {
        "model": display(model),
        "matrix": matrix,
        "shape": _flat(steps[0].before).shape,
        "iterations": [_drawn(each, words) for each in steps],
    }
    return page("learning", f"How a weight learns: {matrix}", content)


def by_hand(step: Iteration) -> Update:
    """A step's update of the matrix, computed from what torch began it with."""
    return update(step.before.astype(np.float64), step.gradient.astype(np.float64), step.moments, step.adamw)


def _iteration(step: Iteration, words: Sequence[str]) -> dict[str, Any]:
    inputs, targets = step.batch.inputs.tolist(), step.batch.targets.tolist()
    return {
        "iteration": step.iteration,
        "learning_rate": step.adamw.learning_rate,
        "loss": step.loss,
        "inputs": [[words[id] for id in window] for window in inputs],
        "targets": [[words[id] for id in window] for window in targets],
        "input_ids": inputs,
        "target_ids": targets,
        "embeddings": _listed(step.embeddings),
        "attention": _listed(step.attention),
        "logits": _listed(step.logits),
        "gradient": _listed(step.gradient),
        "before": _listed(step.before),
        "change": _listed(step.after - step.before),
        "after": _listed(step.after),
        "adamw": _settings(step),
    }


def _settings(step: Iteration) -> dict[str, Any]:
    adamw = step.adamw
    return {
        "beta1": adamw.beta1,
        "beta2": adamw.beta2,
        "epsilon": adamw.epsilon,
        "weight_decay": adamw.weight_decay,
        "step": step.moments.steps + 1,
    }


def _drawn(step: Iteration, words: Sequence[str]) -> dict[str, Any]:
    """What the page's script draws of a step."""
    made, first = by_hand(step), step.moments
    arrays: dict[str, NDArray[Any]] = {
        "before": step.before,
        "gradient": step.gradient,
        "first_before": first.first,
        "second_before": first.second,
        "decayed": made.decayed,
        "first": made.moments.first,
        "second": made.moments.second,
        "first_corrected": made.first_corrected,
        "second_corrected": made.second_corrected,
        "change": made.change,
        "weights": made.weights,
        "after": step.after,
    }
    targets = step.batch.targets[0]
    return {
        "iteration": step.iteration,
        "loss": step.loss,
        "windows": len(step.batch.inputs),
        "learning_rate": step.adamw.learning_rate,
        **_settings(step),
        "inputs": [visible_blanks(display(words[id])) for id in step.batch.inputs[0]],
        "targets": [visible_blanks(display(words[id])) for id in targets],
        "chances": _softmax(step.logits)[np.arange(len(targets)), targets].tolist(),
        "apart": float(np.abs(made.weights - step.after).max()),
        "arrays": {name: packed(_flat(values), "f4") for name, values in arrays.items()},
    }


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """A matrix; of a vector its one row."""
    return values.reshape(-1, values.shape[-1])


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    weights = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _listed(values: NDArray[np.float32]) -> Any:
    """Numbers as JSON has them: the shortest decimals that are these float32."""
    return [_listed(row) for row in values] if values.ndim > 1 else [float(str(value)) for value in values]
