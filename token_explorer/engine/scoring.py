"""From logits to what is said of tokens: how expected they were, and which are the likeliest next ones.

Knows nothing of models and prompts.
"""

import torch
from torch import Tensor

from token_explorer.core.scores import Candidates


def candidates(logits: Tensor, top_k: int) -> Candidates:
    """The `top_k` likeliest tokens under logits (V,), float32; all of them where there are fewer."""
    logprobs = logits - logits.logsumexp(-1)
    top = logprobs.topk(min(top_k, len(logprobs)))
    probabilities = logprobs.exp()
    entropy = -torch.where(probabilities > 0, probabilities * logprobs, 0.0).sum()
    # Summed, not 1 minus what is listed: that would leave nothing but rounding of a small tail.
    tail = probabilities.index_fill(0, top.indices, 0.0).sum()
    return Candidates(top.indices.cpu().numpy(), top.values.cpu().numpy(), float(tail), float(entropy))


def score_rows(logits: Tensor, targets: Tensor) -> Tensor:
    """Score tokens under the distributions that predicted them.

    Args:
        logits (n, V): float32; overwritten.
        targets (n,): token ids.

    Returns:
        (3, n) float32 on the CPU: log softmax of the target in nats, Shannon entropy of the softmax in nats,
        and 1 + the number of tokens with a higher logit.
    """
    target = logits.gather(1, targets[:, None])
    ranks = 1 + (logits > target).sum(1)
    normaliser = logits.logsumexp(1)
    # torch's softmax of so many is wrong by thousandths. A logit of -inf would give 0 * -inf, which is NaN.
    logits.sub_(normaliser[:, None]).clamp_(min=-1e30)
    entropies = -torch.linalg.vecdot(logits.exp(), logits)
    return torch.stack([target[:, 0] - normaliser, entropies, ranks.float()]).cpu()
