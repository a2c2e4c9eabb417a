"""Where a causal language model's parts are, found by watching one forward instead of knowing architectures.

`head(h) == logits` is proved on real numbers when a model is opened; a model that fails is not shown.
Knows nothing of prompts, caches or scores.
"""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_layers import GradientCheckpointingLayer

from token_explorer.engine.unembedding import SlicedHead, plain_head
from token_explorer.errors import ModelLoadError


class _Fixed(nn.Module):
    """Stands in for the stack: returns a given hidden state as the stack would."""

    def __init__(self, stack: nn.Module, shape: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self._shape = shape
        self._stack = (stack,)  # in a tuple, so that it isn't a part of this module
        self.hidden: Tensor | None = None

    def __getattr__(self, name: str) -> Any:
        """What a head reads from its stack, such as a factor for the logits, is the stack's."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_stack"][0], name)

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
        state (D',): one state of the residual stream, likewise; a few models project it to another width.
        tail: what the stack does after the last layer, in order: the final norm, and a projection in some.
        no_lens: why the tail couldn't be found, so that a layer's state can't be unembedded; '' if it was.
    """

    layers: nn.ModuleList
    stack: nn.Module
    hidden: Tensor
    state: Tensor
    tail: tuple[nn.Module, ...]
    no_lens: str
    _headed: nn.Module
    _slot: _Fixed
    _slices: SlicedHead | None

    def check_with(self, check: Callable[[], None]) -> None:
        """Have a function called before each layer and each slice of the unembedding; it may raise."""
        for layer in self.layers:
            layer.register_forward_pre_hook(lambda *_: check())
        if self._slices is not None:
            self._slices.check = check

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

    def lens(self, states: Tensor) -> Tensor:
        """Logits (n, V) of states (n, D) of the residual stream after any layer: the raw logit lens.

        Of the last layer's states they are the model's own. nostalgebraist 2020, "interpreting GPT".
        """
        hidden = states[None]
        for module in self.tail:
            hidden = module(hidden)
        return self.unembed(hidden[0])


def find_layers(model: PreTrainedModel, ids: Tensor) -> tuple[str, nn.ModuleList]:
    """The path and list of decoder layers: the longest list of checkpointable layers that a text runs."""
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
    found.sort(key=lambda pair: -len(pair[1]))
    return found[0] if len(found) == 1 else _first_that_runs(model, found, ids)


def _first_that_runs(
    model: PreTrainedModel, found: list[tuple[str, nn.ModuleList]], ids: Tensor
) -> tuple[str, nn.ModuleList]:
    """The first list whose members a text runs: those of a vision tower stay idle."""
    ran: list[str] = []
    hooks = [
        layers[-1].register_forward_hook(lambda *_, name=name: ran.append(name)) for name, layers in found
    ]
    try:
        model(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return next(pair for pair in found if pair[0] in ran)


def last_hidden(output: Any) -> Tensor:
    """The (B, T, D) hidden state in what a stack returned."""
    hidden = output[0]
    assert isinstance(hidden, Tensor)
    return hidden


def layer_output(output: Any) -> Tensor:
    """The (B, T, D) hidden state in what a decoder layer returned, or in what it is given."""
    hidden = output if isinstance(output, Tensor) else output[0]
    assert isinstance(hidden, Tensor)
    return hidden


def dissect(model: PreTrainedModel, ids: Tensor, cache: Cache | None = None) -> Anatomy:
    """Find a model's parts by running it once, and prove that they make its logits.

    Args:
        model: in evaluation mode.
        ids: (1, T) tokens to run.
        cache: what the model is to leave their keys and values in.

    Raises:
        ModelLoadError: it has no decoder layers, or its logits can't be made from its last hidden state.
    """
    path, layers = find_layers(model, ids)
    names = [path.rsplit(".", cut)[0] for cut in range(1, path.count(".") + 1)]
    calls, logits = _watched(model, path, ids, cache)
    ran = [call for call in calls if call.name in names]
    if not ran:
        raise ModelLoadError(
            "Can't look inside this model", f"{type(model).__name__} runs its layers itself."
        )
    outermost = min(ran, key=lambda call: len(call.name))
    anatomy = _with_head(model, outermost.name, layers, outermost.output)
    _prove_head(anatomy, last_hidden(outermost.output)[0], logits)
    return _with_tail(anatomy, model, calls, f"{path}.{len(layers) - 1}", logits)


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A module that ran: its path, its first argument and what it returned."""

    name: str
    module: nn.Module
    given: Any
    output: Any


def _watched(
    model: PreTrainedModel, layers: str, ids: Tensor, cache: Cache | None
) -> tuple[list[_Call], Tensor]:
    """The modules that one forward calls, those inside a layer left out, in the order they end; logits."""
    calls: list[_Call] = []

    def watch(name: str, module: nn.Module) -> Any:
        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            given = args[0] if args else next(iter(kwargs.values()), None)
            calls.append(_Call(name, module, given, output))

        return module.register_forward_hook(note, with_kwargs=True)

    inside = re.compile(re.escape(layers) + r"\.\d+\.")
    outside = [(name, module) for name, module in model.named_modules() if name and not inside.match(name)]
    hooks = [watch(name, module) for name, module in outside]
    try:
        caching = {} if cache is None else {"past_key_values": cache}
        output = model(input_ids=ids, use_cache=cache is not None, return_dict=True, **caching)
        return calls, output.logits[0]
    finally:
        for hook in hooks:
            hook.remove()


def _with_tail(
    anatomy: Anatomy, model: PreTrainedModel, calls: list[_Call], last_layer: str, logits: Tensor
) -> Anatomy:
    """The anatomy with its tail: each module whose input is the very tensor that the one before returned."""
    last = layer_output(next(call.output for call in calls if call.name == last_layer))
    tail: list[nn.Module] = []
    state = last
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    while (
        found := next((call for call in calls if call.given is state and call.module is not head), None)
    ) and isinstance(found.output, Tensor):
        tail.append(found.module)
        state = found.output
    whole = replace(anatomy, state=last[0, -1], tail=tuple(tail))
    try:
        proved = same_logits(whole.lens(last[0]), logits)
    except Exception:  # a module that isn't the tail may refuse the state in any way
        proved = False
    reason = f"what {type(model).__name__} does after its last layer could not be found"
    return whole if proved else replace(whole, no_lens=reason)


def _with_head(model: PreTrainedModel, path: str, layers: nn.ModuleList, output: Any) -> Anatomy:
    """The anatomy, but for state and tail, of a model whose stack is at `path` and returned `output`."""
    kind = type(output)
    shape = (lambda h: (h,)) if kind is tuple else (lambda h: kind(last_hidden_state=h))
    slot = _Fixed(model.get_submodule(path), shape)
    headed = _shallow_copy(model)
    _exchange(headed, path, slot)
    slices = None
    if found := plain_head(model):
        slices = SlicedHead(found[1])
        _exchange(headed, found[0], slices)
    hidden = last_hidden(output)[0, -1]
    return Anatomy(layers, model.get_submodule(path), hidden, hidden, (), "", headed, slot, slices)


def _exchange(model: nn.Module, path: str, module: nn.Module) -> None:
    """Put another module at a path, in copies of those that it is inside of."""
    *parents, name = path.split(".")
    for parent in parents:
        model._modules[parent] = _shallow_copy(model.get_submodule(parent))
        model = model.get_submodule(parent)
    model._modules[name] = module


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
    """Whether two sets of logits are equal up to the rounding of their dtype, relative to their spread."""
    return logits_apart(a, b) <= logits_tolerance(a.dtype)


def logits_apart(a: Tensor, b: Tensor) -> float:
    """The largest difference between two sets of logits, as a part of the spread of the second."""
    a, b = a.float(), b.float()
    spread = (b.max() - b.min()).clamp_min(1e-6)
    return float((a - b).abs().max() / spread)


def logits_tolerance(dtype: torch.dtype) -> float:
    """How far apart, of their spread, rounding alone may move logits.

    In bfloat16 another batch shape moves them by several percent.
    """
    return 1e-3 if dtype == torch.float32 else 5e-2
