"""Where a causal language model's parts are, found by watching one forward instead of knowing architectures.

`head(h) == logits` is proved on real numbers when a model is opened; a model that fails is not shown.
Knows nothing of prompts, caches or scores.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from token_explorer.errors import ModelLoadError


class _Fixed(nn.Module):
    """Stands in for the stack: returns a given hidden state as the stack would."""

    def __init__(self, shape: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self._shape = shape
        self.hidden: Tensor | None = None

    def forward(self, *args: object, **kwargs: object) -> Any:
        assert self.hidden is not None
        return self._shape(self.hidden)


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """A model's parts.

    Attributes:
        layers: the decoder layers, in order.
        stack: the module that turns ids into the last hidden state, final norm included.
        hidden (D,): one such hidden state, for its width, dtype and device.
    """

    layers: nn.ModuleList
    stack: nn.Module
    hidden: Tensor
    _headed: nn.Module
    _slot: _Fixed

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (n, V), in the weights' dtype, of normed last hidden states (n, D).

        The model's own code computes them, soft caps and scales included: the model is called with
        everything below the unembedding replaced by the given states.
        """
        self._slot.hidden = hidden[None]
        ids = torch.zeros((1, hidden.shape[0]), dtype=torch.long, device=hidden.device)
        try:
            logits: Tensor = self._headed(input_ids=ids, use_cache=False, return_dict=True).logits
        finally:
            self._slot.hidden = None
        return logits[0]


def find_layers(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """The path and list of decoder layers: the longest list whose members are all checkpointable layers."""
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList)
        and len(module)
        and all(isinstance(member, GradientCheckpointingLayer) for member in module)
    ]
    if not found:
        raise ModelLoadError(
            "Can't look inside this model",
            f"{type(model).__name__} has no list of decoder layers.",
            "Choose a causal language model that transformers implements itself.",
        )
    return max(found, key=lambda pair: len(pair[1]))


def last_hidden(output: Any) -> Tensor:
    """The (B, T, D) hidden state in what a stack returned."""
    hidden = output[0]
    assert isinstance(hidden, Tensor)
    return hidden


def dissect(model: PreTrainedModel, ids: Tensor) -> Anatomy:
    """Find a model's parts by running it once, and prove that they make its logits.

    Args:
        model: in evaluation mode.
        ids: (1, T) tokens to run.

    Raises:
        ModelLoadError: it has no decoder layers, or its logits can't be made from its last hidden state.
    """
    path, layers = find_layers(model)
    names = [path.rsplit(".", cut)[0] for cut in range(1, path.count(".") + 1)]
    calls: dict[str, Any] = {}
    hooks = [
        model.get_submodule(name).register_forward_hook(
            lambda _module, _args, output, name=name: calls.__setitem__(name, output)
        )
        for name in names
    ]
    try:
        logits = model(input_ids=ids, use_cache=False, return_dict=True).logits[0]
    finally:
        for hook in hooks:
            hook.remove()
    if not calls:
        raise ModelLoadError(
            "Can't look inside this model", f"{type(model).__name__} runs its layers itself."
        )
    outermost = min(calls, key=len)
    anatomy = _with_head(model, outermost, layers, calls[outermost])
    _prove_head(anatomy, last_hidden(calls[outermost])[0], logits)
    return anatomy


def _with_head(model: nn.Module, path: str, layers: nn.ModuleList, output: Any) -> Anatomy:
    """The anatomy of a model whose stack is at `path` and returned `output`."""
    kind = type(output)
    shape = (lambda h: (h,)) if kind is tuple else (lambda h: kind(last_hidden_state=h))
    slot = _Fixed(shape)
    headed = _shallow_copy(model)
    *parents, name = path.split(".")
    holder = headed
    for parent in parents:
        holder._modules[parent] = _shallow_copy(holder.get_submodule(parent))
        holder = holder.get_submodule(parent)
    holder._modules[name] = slot
    return Anatomy(layers, model.get_submodule(path), last_hidden(output)[0, -1], headed, slot)


def _shallow_copy(module: nn.Module) -> nn.Module:
    """The same weights and children under another module, whose children can be exchanged."""
    clone = copy.copy(module)
    clone._modules = dict(module._modules)
    clone.__dict__.pop("forward", None)  # what wraps a dispatched module's forward is bound to the original
    return clone


def _prove_head(anatomy: Anatomy, hidden: Tensor, logits: Tensor) -> None:
    made = anatomy.unembed(hidden)
    if made.shape != logits.shape or not same_logits(made, logits):
        raise ModelLoadError(
            "Can't look inside this model",
            "its output can't be made from its last hidden state, so its numbers couldn't be trusted.",
        )


def same_logits(a: Tensor, b: Tensor) -> bool:
    """Whether two sets of logits are equal up to the rounding of their dtype, relative to their spread.

    In bfloat16 another batch shape alone moves logits by several percent of their spread.
    """
    tolerance = 1e-3 if a.dtype == torch.float32 else 5e-2
    a, b = a.float(), b.float()
    spread = (b.max() - b.min()).clamp_min(1e-6)
    return bool(((a - b).abs().max() <= tolerance * spread).item())
