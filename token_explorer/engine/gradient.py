"""What each token gave to a logit: gradient x input, from a forward and a backward of their own.

Shrikumar et al. 2016, "Not Just a Black Box". Nothing that is remembered is read or changed.
Knows nothing of which logit is worth asking about.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.observation import Attributed
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.anatomy import layer_output
from token_explorer.engine.runner import ModelRunner, probe_ids
from token_explorer.errors import FacetUnavailable

# No prefix is reused, and the backward runs each layer again: three forwards' time, and the states between
# all layers at once. Measured on a model of 135 million parameters, two cores: 20 s and 1 GiB at 2048 tokens.
MAX_TOKENS = 4096
# A sum of products that is smaller than this part of their sizes is taken for rounding.
_CANCELLED = 1e-3


def attribute(runner: ModelRunner, ids: TokenIds, place: int, token: int, stop: Stop) -> Attributed:
    """Attribute the logit of `token` after the first `place` tokens to each of them.

    The input is what the embedding of the token's id gives; that of its position, in models that add one, is
    left out. Gradients are computed in the weights' dtype, and summed over D in float32.

    Raises:
        FacetUnavailable: `place` is more than MAX_TOKENS, or 0.
        Stopped: soon after `stop` is set.
    """
    if place < 1:
        raise FacetUnavailable("Nothing to attribute", "The first token has none before it.")
    if place > MAX_TOKENS:
        message = f"{place} tokens stand before it, and a gradient is computed through {MAX_TOKENS} at most."
        raise FacetUnavailable("Too much to attribute", message, f"Go back {place - MAX_TOKENS} tokens.")
    runner.counts.forwards += 1
    runner.counts.tokens += place
    gradient, embeddings, logit = _backward(runner, ids[:place], token, stop)
    values = torch.linalg.vecdot(gradient, embeddings)
    return Attributed(values.cpu().numpy(), float(logit))


def why_not(runner: ModelRunner, stop: Stop) -> str:
    """Why a model can't attribute, in words; '' if on a probe it gives finite values that aren't rounding."""
    ids = tuple(probe_ids(runner.vocabulary_size, runner.model.device)[0].tolist())
    name = type(runner.model).__name__
    try:
        gradient, embeddings, _ = _backward(runner, ids, ids[0], stop)
    except Stopped:
        raise
    except Exception as error:  # a model's own code may fail in any way where gradients are asked for
        return f"{name} gives no gradient of its output by its input ({type(error).__name__})"
    products = gradient * embeddings
    if not products.isfinite().all():
        return f"the gradient of {name}'s output by its input isn't finite"
    if (products.sum(-1).abs() <= _CANCELLED * products.abs().sum(-1)).all():
        return f"gradient x input is lost in rounding in {name}, as it is where embeddings are normed at once"
    return ""


def _backward(runner: ModelRunner, ids: TokenIds, token: int, stop: Stop) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient (T, D) of a token's logit by the embeddings, those (T, D), and the logit; float32."""
    leaves: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
        stack.enter_context(runner.stopping(stop))
        stack.enter_context(_from_leaves(runner.model.get_input_embeddings(), leaves))
        stack.enter_context(_layer_by_layer(runner.anatomy.layers, stop))
        piece = torch.tensor([ids], device=runner.model.device)
        output = runner.model(input_ids=piece, use_cache=False, logits_to_keep=1, return_dict=True)
        logit = output.logits[0, -1, token].float()
        (leaf,) = leaves
        (gradient,) = torch.autograd.grad(logit, leaf)
    return gradient[0].float(), leaf.detach()[0].float(), logit.detach()


@contextmanager
def _from_leaves(embeddings: nn.Module, leaves: list[Tensor]) -> Iterator[None]:
    """Have what the embeddings return cut off from how it was made, wanting a gradient, and noted."""

    def cut(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1]

    hook = embeddings.register_forward_hook(cut)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _layer_by_layer(layers: nn.ModuleList, stop: Stop) -> Iterator[None]:
    """Have a backward run each layer again instead of holding all that they computed; it checks a stop.

    Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
    """

    def check_in_backward(_module: nn.Module, _args: object, output: Any) -> None:
        hidden: Any = layer_output(output)
        hidden.register_hook(lambda _gradient: stop.check())

    hooks = [layer.register_forward_hook(check_in_backward) for layer in layers]
    # what spreads a model over devices gives its layers a forward of their own
    had = [layer.__dict__.get("forward") for layer in layers]
    for layer in layers:
        again = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)
        layer.__dict__["forward"] = again
    try:
        yield
    finally:
        for layer, hook, own in zip(layers, hooks, had, strict=True):
            hook.remove()
            layer.__dict__.pop("forward")
            layer.__dict__.update({} if own is None else {"forward": own})
