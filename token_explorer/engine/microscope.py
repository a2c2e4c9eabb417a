"""Looks inside a model: each facet answered with the fewest tokens run again.

The residual stream and the raw logit lens are here; attention and gradients have modules of their own.
Knows nothing of processes and screens.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from token_explorer.byhand.weights import Parameters
from token_explorer.core.ahead import Ahead, Futures
from token_explorer.core.engine import Answer, Progress, Stop
from token_explorer.core.observation import (
    AttentionMap,
    AttentionMaps,
    AttentionRow,
    Attribution,
    DecisionDepth,
    Depths,
    Distribution,
    Facet,
    Following,
    Kind,
    LayerLogprobs,
    LayerTable,
    Lens,
    LensCells,
    Likeliest,
    ResidualMeasures,
    Residuals,
)
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import ahead, attention, gradient, parameters
from token_explorer.engine.models import check_length
from token_explorer.engine.runner import PIECE_TOKENS, ModelRunner
from token_explorer.errors import FacetUnavailable

# A lens of more positions than a screen has room for takes long enough to be told of.
FEW_COLUMNS = 32
LOOKING = "looking into the layers"
# The kinds of facets that a model's inside answers, and not its tokenizer.
KINDS: tuple[Kind, ...] = (
    "attention",
    "residuals",
    "lens",
    "gradient",
    "distribution",
    "candidates",
    "ahead",
    "weights",
)


class Microscope:
    """Answers facets of prompts for one model; what the model lacks is found out when it is asked for.

    Args:
        ends: tokens that end a text.

    Attributes:
        look_ahead: how the model looks ahead; None before it was found out, and where it can't.
    """

    def __init__(self, runner: ModelRunner, ends: Collection[int] = ()) -> None:
        self._runner, self._ends = runner, ends
        self.look_ahead: ahead.LookAhead | None = None
        self._attention: attention.Attention | None = None
        self._reasons: dict[Kind, str] = {}

    def lacks(self, stop: Stop) -> Mapping[Kind, str]:
        """For each of KINDS that this model can't give, why. Raises Stopped soon after `stop` is set."""
        reasons = {kind: self.why_not(kind, stop) for kind in KINDS}
        return {kind: reason for kind, reason in reasons.items() if reason}

    def why_not(self, kind: Kind, stop: Stop) -> str:
        """Why this model can't give a kind of facet, in words; '' if it can."""
        if kind not in self._reasons:
            with self._runner.stopping(stop):
                self._reasons[kind] = self._find_out(kind, stop)
        return self._reasons[kind]

    def _find_out(self, kind: Kind, stop: Stop) -> str:
        if kind == "lens":
            return self._runner.anatomy.no_lens
        if kind == "gradient":
            return gradient.why_not(self._runner, stop)
        if kind == "weights":
            return parameters.why_not(self._runner.model)
        if kind == "attention":
            found = attention.find(self._runner)
            if isinstance(found, str):
                return found
            self._attention = found
        if kind == "ahead":
            with torch.inference_mode():
                how = ahead.find(self._runner, stop)
            if isinstance(how, str):
                return how
            self.look_ahead = how
        return ""

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        """See Engine.observe."""
        if reason := self.why_not(facet.kind, stop):
            raise FacetUnavailable("Can't look there", f"{reason}.")
        check_length(len(ids), self._runner.context)
        stop.check()
        return cast(Answer, self._answer(ids, facet, stop))

    def _answer(self, ids: TokenIds, facet: Facet[Any], stop: Stop) -> object:
        if isinstance(facet, Attribution):
            return gradient.attribute(self._runner, ids, facet.place, facet.token, stop)
        if isinstance(facet, Parameters):
            return parameters.read(self._runner.model)
        with torch.inference_mode():
            if isinstance(facet, AttentionRow | AttentionMap | AttentionMaps):
                return self._attend(ids, facet, stop)
            if isinstance(facet, Residuals):
                return self._measure(ids, stop)
            if isinstance(facet, DecisionDepth):
                return self._decide(ids, stop)
            if isinstance(facet, LayerLogprobs):
                return self._layers(ids, facet, stop)
            if isinstance(facet, Lens):
                return self._lens(ids, facet, stop)
            if isinstance(facet, Following):
                return self._follow(_before(ids, facet.place), stop)
            if isinstance(facet, Likeliest):
                return self._runner.score(_before(ids, facet.place), facet.top_k, stop).next
            if isinstance(facet, Ahead):
                return self._look_ahead(_before(ids, facet.place), facet, stop)
        raise TypeError(f"no facet: {facet!r}")

    def _attend(
        self, ids: TokenIds, facet: AttentionRow | AttentionMap | AttentionMaps, stop: Stop
    ) -> object:
        assert self._attention is not None
        if isinstance(facet, AttentionRow):
            return self._attention.row(self._runner, ids, facet.query, stop)
        if isinstance(facet, AttentionMaps):
            return self._attention.maps(self._runner, ids, facet, stop)
        return self._attention.window(self._runner, ids, facet, stop)

    def _look_ahead(self, ids: TokenIds, facet: Ahead, stop: Stop) -> Futures:
        assert self.look_ahead is not None
        return self.look_ahead.futures(self._runner, ids, facet.tokens, facet.depth, self._ends, stop)

    def _follow(self, ids: TokenIds, stop: Stop) -> Distribution:
        logits = self._runner.logits(ids, stop)
        # Copied, as the runner goes on using its own. The normaliser is computed as Scores.next has it.
        return Distribution(logits.cpu().numpy().copy(), float(logits.logsumexp(-1)))

    # The residual stream.

    def _states(self, ids: TokenIds, start: int, end: int, stop: Stop) -> Tensor:
        """The residual stream (L + 1, n, D) of tokens [start, end), run again where it wasn't kept.

        A short prompt is run to its end at once; of a long one only what is asked for, lest it take seconds.
        """
        stream, runner = self._runner.residuals, self._runner
        stream.wanted = True
        stream.recall(ids)
        far = stream.known(ids) < start and len(ids) - stream.known(ids) > PIECE_TOKENS
        if not stream.fits(len(ids)) or (far and runner.reuse):
            return self._passing_states(ids[:end], start, stop)
        while (known := stream.known(ids)) < end:
            next_end = min(known + PIECE_TOKENS, len(ids)) if runner.reuse else len(ids)
            runner.replay(ids[:next_end], known if runner.reuse else 0, stop)
        return stream.rows(start, end)

    def _passing_states(self, ids: TokenIds, start: int, stop: Stop) -> Tensor:
        """The residual stream (L + 1, n, D) of the tokens from `start` on, not to be kept."""
        first = start if self._runner.reuse else 0
        room = self._runner.residuals.room_for(len(ids) - first)
        self._runner.replay(ids, first, stop, into=room)
        return room[:, start - first :]

    def _measure(self, ids: TokenIds, stop: Stop) -> ResidualMeasures:
        last = self._states(ids, len(ids) - 1, len(ids), stop).float()
        last = last / last.norm(dim=-1, keepdim=True)
        similarities, norms = [], []
        for start in range(0, len(ids), PIECE_TOKENS):
            states = self._states(ids, start, min(start + PIECE_TOKENS, len(ids)), stop).float()
            norms.append(states.norm(dim=-1))
            similarities.append((states @ last.transpose(1, 2))[..., 0] / norms[-1])
        return ResidualMeasures(_numpy(torch.cat(similarities, 1)), _numpy(torch.cat(norms, 1)))

    # The raw logit lens.

    def _logprobs(self, states: Tensor, stop: Stop) -> Iterator[Tensor]:
        """Log probabilities (m, V) that the lens gives states (n, D), a bounded number at a time."""
        step = self._runner.rows_at_once
        for start in range(0, len(states), step):
            stop.check()
            logits = self._runner.lens(states[start : start + step])
            yield logits - logits.logsumexp(-1, keepdim=True)  # ten times more exact than torch's log_softmax

    def _layers(self, ids: TokenIds, facet: LayerLogprobs, stop: Stop) -> LayerTable:
        states = self._states(ids, facet.place - 1, facet.place, stop)[1:, 0]
        tokens = torch.tensor(facet.tokens, device=states.device)
        rows = [logprobs[:, tokens] for logprobs in self._logprobs(states, stop)]
        return LayerTable(_numpy(torch.cat(rows)))

    def _lens(self, ids: TokenIds, facet: Lens, stop: Stop) -> LensCells:
        states = self._states(ids, facet.start, facet.stop, stop)
        count, cells = states.shape[1], []
        for place in range(count):
            if count > FEW_COLUMNS:
                self._runner.report(Progress(LOOKING, place, count))
            cells.append(self._column(states[:, place], facet.pin, stop))
        columns = (torch.stack(each, 1) for each in zip(*cells, strict=True))
        tops, logprobs, entropies, divergences, pinned, ranks = columns
        has_pin = facet.pin is not None
        return LensCells(
            tops=tops.cpu().numpy(),
            logprobs=_numpy(logprobs),
            entropies=_numpy(entropies),
            divergences=_numpy(divergences),
            pinned=_numpy(pinned) if has_pin else None,
            ranks=ranks.cpu().numpy() if has_pin else None,
        )

    def _column(self, states: Tensor, pin: int | None, stop: Stop) -> list[Tensor]:
        """What the lens says after one position: six values (L + 1,) of states (L + 1, D).

        They are LensCells's, in its order; the last two of token 0 where none is pinned.
        """
        final: Tensor | None = None
        parts = []
        for logprobs in self._logprobs(states.flip(0), stop):  # all are compared with the last layer
            best = logprobs.max(-1)
            logprobs.clamp_(min=-1e30)  # a token that can't come would make 0 * -inf
            final = logprobs[:1].clone() if final is None else final
            entropy = -torch.linalg.vecdot(logprobs.exp(), logprobs)
            divergence = torch.linalg.vecdot(final.exp(), final - logprobs)
            pinned = logprobs[:, pin or 0]
            ranks = 1 + (logprobs > pinned[:, None]).sum(-1)
            parts.append([best.indices, best.values, entropy, divergence, pinned, ranks])
        return [torch.cat(each).flip(0) for each in zip(*parts, strict=True)]

    def _decide(self, ids: TokenIds, stop: Stop) -> Depths:
        """Downwards from the last layer: a token that isn't on top is not looked at in the layers below."""
        layers = torch.full((len(ids),), torch.nan)
        for start in range(1, len(ids), PIECE_TOKENS):
            end = min(start + PIECE_TOKENS, len(ids))
            states = self._states(ids, start - 1, end - 1, stop)
            layers[start:end] = self._depths(states, torch.tensor(ids[start:end], device=states.device), stop)
        return Depths(_numpy(layers))

    def _depths(self, states: Tensor, targets: Tensor, stop: Stop) -> Tensor:
        """The decision depths (n,) of target tokens after states (L + 1, n, D)."""
        depths = torch.full((len(targets),), torch.nan)
        alive = torch.arange(len(targets), device=targets.device)
        for layer in reversed(range(len(states))):
            tops = [logprobs.argmax(-1) for logprobs in self._logprobs(states[layer, alive], stop)]
            alive = alive[torch.cat(tops) == targets[alive]]
            if not len(alive):
                break
            depths[alive.cpu()] = layer
        return depths


def _before(ids: TokenIds, place: int) -> TokenIds:
    """The first `place` tokens. Raises FacetUnavailable for none, which predict nothing."""
    if not place:
        raise FacetUnavailable("No distribution there", "nothing comes before the first token.")
    return ids[:place]


def _numpy(values: Tensor) -> Floats:
    return np.asarray(values.float().cpu().numpy(), dtype=np.float32)
