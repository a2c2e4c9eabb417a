"""Letting a model write: one token after another, each run once and kept with its scores.

Knows nothing of processes, and of models only that a runner gives their logits.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from token_explorer.core.engine import Stop
from token_explorer.core.generation import Ending, Generated, Plan, Step
from token_explorer.core.listing import Listed, of_distribution
from token_explorer.core.observation import Distribution
from token_explorer.core.sampling import Sampled, draw, reshape
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.models import check_length

if TYPE_CHECKING:
    from torch import Tensor

    from token_explorer.engine.runner import ModelRunner


def generate(
    runner: "ModelRunner",
    vocabulary: Vocabulary,
    ids: TokenIds,
    plan: Plan,
    tell: Callable[[Step], None],
    stop: Stop,
) -> Generated:
    """See Engine.generate. The clock starts when the prompt has been scored."""
    first = len(ids)
    if plan.limit != 0:
        check_length(first + 1, runner.context)
    logits = runner.logits(ids, stop)
    stops, began = StopStrings(plan.stops), time.perf_counter()
    for before in ids[first if plan.begun is None else plan.begun :]:
        stops.complete(vocabulary.pieces[before])
    ending = _room(first, 0, plan, runner.context)
    while ending is None:
        stop.check()
        token, sampled = choose(plan, logits, ids, vocabulary)
        if token is None:
            ending = "nothing"
            break
        listed = _alternatives(plan, logits, vocabulary, token, sampled)
        ids = (*ids, token)
        logits = runner.logits(ids, stop)
        tell(Step(len(ids) - 1, token, time.perf_counter() - began, listed))
        ended = _last_word(token, vocabulary, stops, len(ids) - plan.prompt >= plan.least)
        ending = ended or _room(len(ids), len(ids) - first, plan, runner.context)
    return Generated(ids, ending, time.perf_counter() - began)


def choose(
    plan: Plan, logits: "Tensor", ids: TokenIds, vocabulary: Vocabulary
) -> tuple[int | None, Sampled | None]:
    """The token that a plan has after a prompt with these logits (V,); None where the sampler leaves none.

    With it what the sampler made of the logits; None where it is off. Greedy takes the lowest id of the
    likeliest tokens.
    """
    if plan.sampler is None:
        return int(logits.argmax()), None
    sampled = reshape(plan.sampler, logits.cpu().numpy(), ids, len(ids) - plan.prompt, vocabulary)
    return draw(sampled, plan.seed, len(ids)), sampled


def _alternatives(
    plan: Plan, logits: "Tensor", vocabulary: Vocabulary, token: int, sampled: Sampled | None
) -> Listed | None:
    """What a token was taken from; None where the plan doesn't ask for it."""
    if not plan.alternatives:
        return None
    distribution = Distribution(logits.cpu().numpy(), float(logits.logsumexp(-1)))
    return of_distribution(distribution, vocabulary, plan.alternatives, token, sampled)


class StopStrings:
    """Looks for stop strings in what is written, piece by piece; empty ones are none."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = [text.encode() for text in texts if text]
        self._reach = max(map(len, self._texts), default=1) - 1
        self._tail = b""

    def complete(self, piece: bytes) -> bool:
        """Whether one of them is complete with the next bytes."""
        joined = self._tail + piece
        self._tail = joined[len(joined) - min(self._reach, len(joined)) :]
        return any(text in joined for text in self._texts)


def _last_word(token: int, vocabulary: Vocabulary, stops: StopStrings, enough: bool) -> Ending | None:
    """Why a token that was written is the last; None where it isn't."""
    stopped = stops.complete(vocabulary.pieces[token]) and enough
    if token in vocabulary.ends:
        return "end"
    return "stop" if stopped else None


def _room(length: int, written: int, plan: Plan, context: int) -> Ending | None:
    """Why there is no room behind so many tokens, some of them written; None where there is."""
    if written == plan.limit:
        return "limit"
    return "context" if length == context else None
