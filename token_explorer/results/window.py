"""Writing on beyond a model's context: each token from the last ones that it can read.

Knows nothing of flags and terminals.
"""

import time
from collections.abc import Callable

from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.generation import Plan, Step
from token_explorer.core.listing import of_distribution
from token_explorer.core.observation import Distribution, Following
from token_explorer.core.sampling import Sampled, draw, reshape
from token_explorer.core.tokens import TokenIds
from token_explorer.results.generation import End, Written
from token_explorer.results.opened import Opened


def read_at_once(ids: TokenIds, context: int) -> TokenIds:
    """The end of a prompt, as far as a model can read it; all of it where it states no limit."""
    return ids[-context:] if context else ids


def write_on(opened: Opened, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Written:
    """Let a model write after a prompt of any length, and tell of each token as it comes.

    As far as all of it fits the context, what comes is what `generate` gives. The sampler sees the whole
    prompt, the model the end of it. A run that is stopped gives the steps that came.

    Args:
        plan: what to write; its limit is a number, and its steps are counted from the end of `ids`.
    """
    prompt, steps, began = ids, list[Step](), time.perf_counter()
    written, ending = b"", _ending(plan, 0)
    while ending is None:
        try:
            seen = _following(opened, ids, stop)
        except Stopped:
            ending = "interrupted"
            break
        token, sampled = _choose(opened, seen, ids, len(steps), plan)
        if token is None:
            ending = "nothing"
            break
        listed = of_distribution(seen, opened.vocabulary, max(1, plan.alternatives), token, sampled)
        steps.append(Step(len(ids), token, time.perf_counter() - began, listed))
        tell(steps[-1])
        ids, written = (*ids, token), written + opened.vocabulary.pieces[token]
        ending = _last_word(opened, token, written, plan) or _ending(plan, len(steps))
    return Written(opened, prompt, plan, tuple(steps), ending, time.perf_counter() - began)


def _following(opened: Opened, ids: TokenIds, stop: Stop) -> Distribution:
    stop.check()
    window = read_at_once(ids, opened.info.context)
    return opened.engine.observe(window, Following(len(window)), stop)


def _choose(
    opened: Opened, seen: Distribution, ids: TokenIds, step: int, plan: Plan
) -> tuple[int | None, Sampled | None]:
    """The token that a plan has there, None where none is left; and what the sampler made of all."""
    if plan.sampler is None:
        return int(seen.logits.argmax()), None
    sampled = reshape(plan.sampler, seen.logits, ids, step, opened.vocabulary)
    return draw(sampled, plan.seed, len(ids)), sampled


def _last_word(opened: Opened, token: int, written: bytes, plan: Plan) -> End | None:
    if token in opened.vocabulary.ends:
        return "end"
    return "stop" if any(text.encode() in written for text in plan.stops) else None


def _ending(plan: Plan, count: int) -> End | None:
    return "limit" if count == plan.limit else None
