"""Text beyond a model's context: each token is written from as many before it as there are positions."""

from token_explorer.core.cuts import Encoding
from token_explorer.core.engine import Stop
from token_explorer.core.observation import Following
from token_explorer.core.sampling import Sampler, draw, reshape
from token_explorer.core.tokens import TokenIds
from token_explorer.results.opened import Opened


def fitting(opened: Opened, text: str) -> TokenIds:
    """The tokens of a text of any length. Raises InputError."""
    return opened.engine.observe((), Encoding(text, True, False), Stop()).tokens


def write(
    opened: Opened, ids: TokenIds, count: int, sampler: Sampler | None, seed: int, stop: Stop
) -> TokenIds:
    """The tokens that a model writes after a prompt of any length.

    Args:
        count: how many; fewer where the sampler leaves none.
        sampler: what chooses each; None for the likeliest (greedy).
        seed: of the draws.

    Raises Stopped soon after `stop` is set.
    """
    written: TokenIds = ()
    for step in range(count):
        token = _next(opened, ids + written, sampler, seed, step, stop)
        if token is None:
            break
        written = (*written, token)
    return written


def _next(
    opened: Opened, ids: TokenIds, sampler: Sampler | None, seed: int, step: int, stop: Stop
) -> int | None:
    """The token after a prompt, of which the model reads what fits."""
    seen = ids[-opened.info.context or None :]
    if sampler is None:
        return int(opened.engine.score(seen, 1, stop).next.ids[0])
    following = opened.engine.observe(seen, Following(len(seen)), stop)
    return draw(reshape(sampler, following.logits, ids, step, opened.vocabulary), seed, len(ids))
