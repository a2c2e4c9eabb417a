"""From logits to what is said of tokens: how expected they were, and which are the likeliest next ones.

Knows nothing of models and prompts.
"""

import torch
from torch import Tensor

from token_explorer.core.scores import Candidates

# Logits that are gone over again and again while they are in a processor's cache, instead of in memory.
CACHED_BYTES = 2 << 20


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
    """Score tokens, each under the distribution that predicted it.

    Args:
        logits (n, V): float32; overwritten.
        targets (n,): token ids.

    Returns:
        (3, n) float32 on the CPU: log softmax of the target in nats, Shannon entropy of the softmax in nats,
        and 1 + the number of tokens with a higher logit.
    """
    rows = max(1, CACHED_BYTES // (4 * logits.shape[1]))
    starts = range(0, len(logits), rows)
    parts = [_score(logits[at : at + rows], targets[at : at + rows, None]) for at in starts]
    return torch.cat(parts, 1)[..., 0].cpu()


def score_alternatives(logits: Tensor, targets: Tensor) -> Tensor:
    """Score tokens (n,) that all stand in one place, under logits (V,), float32; what `score_rows` gives."""
    return _score(logits[None].clone(), targets[None])[:, 0].cpu()


def _score(logits: Tensor, targets: Tensor) -> Tensor:
    """Scores (3, n, m) of m tokens under each of the logits (n, V), on their device; overwrites the logits.

    A single exponential is taken of each logit. With x the logits less their largest one and Z the sum of
    exp(x), the entropy is log Z - sum(x exp(x)) / Z: that of exp(x) / Z, written out.
    """
    target = logits.gather(1, targets)
    space = torch.empty_like(logits)
    # Ones among the logits' own kind are counted five times as fast as booleans, and exactly, up to 2**24.
    higher = [torch.gt(logits, each[:, None], out=space).sum(1) for each in target.unbind(1)]
    top = logits.amax(1, keepdim=True)
    logits.sub_(top).clamp_(min=-1e30)  # a logit of -inf would give 0 * -inf, which is NaN
    masses = torch.exp(logits, out=space).sum(1, keepdim=True)
    normaliser = masses.log()
    entropies = normaliser - space.mul_(logits).sum(1, keepdim=True) / masses
    ranks = 1 + torch.stack(higher, 1)
    return torch.stack([target - top - normaliser, entropies.expand_as(target), ranks])
