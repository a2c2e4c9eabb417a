"""The unembedding of a model on a CPU, one slice of the vocabulary after another.

Knows nothing of what the logits are of.
"""

from collections.abc import Callable

from torch import Tensor, nn
from transformers import PreTrainedModel

# Weights of an unembedding that are multiplied at once on a CPU. Slices that fit its cache take less time
# than the whole at once, and a stop waits for one of them.
SLICE_BYTES = 8 << 20


class SlicedHead(nn.Linear):
    """An unembedding with the weights of another, which goes over the vocabulary slice by slice."""

    def __init__(self, whole: nn.Linear) -> None:
        super().__init__(whole.in_features, whole.out_features, bias=False, device="meta")
        self.weight, self.bias = whole.weight, whole.bias
        self.check: Callable[[], None] = lambda: None
        """Called before each slice; it may raise."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        weight, bias = self.weight, self.bias
        step = max(1, SLICE_BYTES // weight[0].nbytes)
        logits = hidden.new_empty((*hidden.shape[:-1], len(weight)))
        for first in range(0, len(weight), step):
            self.check()
            those = slice(first, first + step)
            part = nn.functional.linear(hidden, weight[those], None if bias is None else bias[those])
            logits[..., those] = part
        return logits


def plain_head(model: PreTrainedModel) -> tuple[str, nn.Linear] | None:
    """The path and module of an unembedding that nothing but a matrix on a CPU makes; None of others."""
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    plain = type(head) is nn.Linear and head.weight.device.type == "cpu"
    if not plain or head._forward_hooks or head._forward_pre_hooks or "forward" in head.__dict__:
        return None
    return next(((name, head) for name, module in model.named_modules() if module is head), None)
