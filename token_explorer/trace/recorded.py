"""An engine that answers from a trace alone: what it holds as it was recorded, and why it can't say the rest.

Knows nothing of models; numpy is all that it needs.
"""

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from token_explorer.core.engine import Answer, EngineInfo, Progress, Report, Stop
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.listing import Listed
from token_explorer.core.observation import Facet, Kind, Likeliest
from token_explorer.core.scores import Candidates, Scores
from token_explorer.core.start import Start
from token_explorer.core.tokens import TokenIds, Vocabulary, common_length
from token_explorer.errors import FacetUnavailable, InputError, NotPossible
from token_explorer.trace.record import FILE_NAME, Scored, Trace

# What a trace holds nothing of, or not enough, by the kind of facet that would need it.
_MISSING: Mapping[Kind, str] = {
    "attention": "the trace holds no attention but what its figures show",
    "residuals": "the trace holds no hidden states",
    "lens": "the trace holds nothing of the layers",
    "gradient": "the trace holds no gradients",
    "distribution": "the trace holds only the likeliest tokens of each step",
    "ahead": "the trace holds nothing of what else could have come",
    "weights": "the trace holds no parameters",
    "tokenizer": "the trace holds no tokenizer",
    "chat": "the trace holds no chat template",
}
_OPEN = "Open it with --model NAME to have them computed."
LACKS: Mapping[Kind, str] = {
    kind: f"{missing}; open it with --model NAME" for kind, missing in _MISSING.items()
}
# Numbers in float32 may be this much more than they can be.
_ROUNDING = 1e-3


def start_of(trace: Trace) -> Start:
    """What a replay starts from: all tokens of a trace, with the bytes of those that it names."""
    ids, pieces = trace.ids + trace.written, trace.vocabulary.pieces
    named = {id: piece for id, piece in enumerate(pieces) if piece}
    return Start(ids, len(trace.ids), named | {id: pieces[id] for id in ids})


class RecordedEngine:
    """An Engine that knows one run. It answers about that run's tokens, and about beginnings of them.

    Args:
        trace: raises InputError where its numbers can't be a model's.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._ids = trace.ids + trace.written
        self._scored = trace.scored
        _check(trace, self._scored)

    def when_died(self, tell: Callable[[], None]) -> None:
        """See Engine; this one doesn't die."""

    def when_long(self, report: Report) -> None:
        """Nothing that is recorded takes long."""

    def load_tokenizer(self, report: Report) -> Vocabulary:
        """The recorded vocabulary: of tokens that the trace doesn't name it knows no bytes."""
        report(Progress("trace"))
        return self._trace.vocabulary

    def load_model(self, report: Report) -> EngineInfo:
        """What was recorded of the model, with all that the trace lacks."""
        trace = self._trace
        note = f"recorded {trace.timings.started.partition('T')[0]}"
        return EngineInfo(trace.model, trace.device, trace.dtype, 0, 0, note, lacks=LACKS)

    def prove(self, stop: Stop) -> EngineInfo:
        """The same; there is nothing to check a recording against."""
        return self.load_model(lambda progress: None)

    def encode(self, text: str) -> TokenIds:
        """Raises FacetUnavailable."""
        raise _unavailable("tokenizer")

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        """See Engine. Before the end of the prompt no tokens are listed, as none were recorded there.

        Raises NotPossible for other tokens than the recorded ones.
        """
        count, known = self._known(ids), self._scored
        return Scores(
            ids,
            known.logprobs[:count],
            known.entropies[:count],
            known.ranks[:count],
            self._next(count, top_k),
            reused=count,
        )

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        """The likeliest tokens that were recorded, as many as there are; FacetUnavailable for all else."""
        if not isinstance(facet, Likeliest):
            raise _unavailable(facet.kind)
        place = self._known(ids[: facet.place])
        if place < len(self._trace.ids):
            what = "the trace lists them only for what was written after the prompt."
            raise FacetUnavailable("No alternatives in the prompt", what, _OPEN)
        return cast(Answer, self._next(place, facet.top_k))

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        """Write what was written at once, and tell the recorded times.

        Raises NotPossible at the recording's end, and where other tokens or a sampler are asked for.
        """
        own, first = len(self._trace.ids), self._known(ids)
        if plan.sampler is not None:
            raise _unavailable("distribution")
        if first < own:
            raise NotPossible("Nothing was written here", f"the prompt goes on up to its token {own}.")
        before = self._trace.steps[first - own - 1].seconds if first > own else 0.0
        for step in self._trace.steps[first - own :]:
            stop.check()
            ids, seconds = (*ids, step.token), step.seconds - before
            tell(Step(step.place, step.token, seconds))
            if plan.limit is not None and len(ids) - first >= plan.limit:
                return Generated(ids, "limit", seconds)
            if self._stops(ids, first, plan):
                return Generated(ids, "stop", seconds)
        raise NotPossible(
            "The recording ends here",
            f"it holds {len(self._ids)} tokens.",
            "Open the trace with --model NAME to go on.",
        )

    def close(self) -> None:
        """See Engine; there is nothing to free."""

    def _stops(self, ids: TokenIds, first: int, plan: Plan) -> bool:
        written = self._trace.vocabulary.utf8(ids[first:])
        return len(ids) - plan.prompt >= plan.least and any(text.encode() in written for text in plan.stops)

    def _known(self, ids: TokenIds) -> int:
        """How many tokens these are. Raises NotPossible where the recorded ones don't begin with them."""
        same = common_length(ids, self._ids)
        if same < len(ids):
            ends = same == len(self._ids)
            why = f"it ends after token {same}." if ends else f"its token {same + 1} is another one."
            hint = "Pop what differs, or reset the prompt. With --model NAME a model goes on from here."
            raise NotPossible("Not in this trace", why, hint)
        return same

    def _next(self, place: int, top_k: int) -> Candidates:
        """The likeliest tokens after so many of the recorded ones, as far as they are known."""
        step = place - len(self._trace.ids)
        if step < 0:
            return _nothing(float(self._scored.entropies[place]))
        if step < len(self._trace.steps):
            return _likeliest(self._trace.steps[step].taken[0], top_k)
        after = self._trace.next
        return _nothing(float("nan")) if after is None else _first(after, top_k)


def _nothing(entropy: float) -> Candidates:
    """A distribution of which no token is known."""
    return Candidates(np.zeros(0, np.int64), np.zeros(0, np.float32), 1.0, entropy)


def _likeliest(listed: Listed, top_k: int) -> Candidates:
    """What a step lists, without a taken token that isn't among the likeliest ones."""
    gapless = listed.ranks <= np.arange(1, len(listed) + 1)
    count = len(listed) if gapless.all() else int(np.argmin(gapless))
    whole = Candidates(listed.ids, listed.logprobs, listed.tail, listed.entropy)
    return _first(whole, min(count, top_k))


def _first(candidates: Candidates, count: int) -> Candidates:
    """The first so many of some candidates."""
    rest = np.exp(candidates.logprobs[count:].astype(np.float64)).sum()
    ids, logprobs = candidates.ids[:count], candidates.logprobs[:count]
    return Candidates(ids, logprobs, candidates.tail + float(rest), candidates.entropy)


def _check(trace: Trace, scored: Scored) -> None:
    """Raise InputError where the numbers of a trace can't be a model's."""
    tops: list[Listed | Candidates] = [step.taken[0] for step in trace.steps]
    tops += [] if trace.next is None else [trace.next]
    seconds = [0.0, *(step.seconds for step in trace.steps)]
    holding = {
        "a first token": len(trace.ids) > 0,
        "logprobs that are no greater than 0": bool((scored.logprobs[1:] <= _ROUNDING).all()),
        "a rank for each token but the first": bool((scored.ranks[1:] > 0).all()),
        "entropies that are no less than 0": bool((scored.entropies[1:] >= 0).all()),
        "candidates in their order": all(map(_is_sound, tops)),
        "times that don't go back": bool((np.diff(seconds) >= 0).all()),
    }
    for what, holds in holding.items():
        if not holds:
            hint = "It was changed, or written by something else. Make it again."
            raise InputError("Can't replay the trace", f"{FILE_NAME} should hold {what}.", hint)


def _is_sound(listed: Listed | Candidates) -> bool:
    """Whether candidates are in their order, with probabilities that can be, and so is what lies beyond."""
    falls = bool((listed.logprobs[1:] <= listed.logprobs[:-1]).all())
    return (
        falls
        and bool((listed.logprobs <= _ROUNDING).all())
        and 0 <= listed.tail <= 1 + _ROUNDING
        and listed.entropy >= 0
    )


def _unavailable(kind: Kind) -> FacetUnavailable:
    return FacetUnavailable("Not in this trace", f"{_MISSING[kind]}.", "Open it with --model NAME.")
