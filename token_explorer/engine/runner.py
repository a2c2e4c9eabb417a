"""A loaded model with its memory: scores of any prompt for the fewest tokens run.

One forward feeds everything: its keys and values, last hidden states and scores go to the Memory, so that a
prefix seen before is never run again. Knows nothing of processes, screens or where models come from.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache

from token_explorer.core.engine import Progress, Report, Stop, unheard
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.engine.anatomy import Anatomy, dissect, last_hidden, same_logits
from token_explorer.engine.kv import fill, kv_columns, live_cache
from token_explorer.engine.memory import Memory
from token_explorer.engine.models import check_length, stated_context
from token_explorer.engine.residuals import ResidualStream
from token_explorer.engine.scoring import candidates, score_rows

# Tokens run by one forward of a prefill: what a stop can lose, and what bounds its activations.
PIECE_TOKENS = 512
READING = "reading the prompt"
# Logits held at once while a prompt is scored, so that memory doesn't grow with tokens x vocabulary.
LOGITS_BYTES = 64 << 20
# Logits at hand, so that a token just chosen is scored, and what was popped or foreseen shown, at no cost.
RECENT_BYTES = 96 << 20


@dataclass(slots=True)
class Counts:
    """Work done so far: what the tests count instead of timing."""

    forwards: int = 0
    tokens: int = 0
    unembedded_rows: int = 0
    most_logits_bytes: int = 0


class ModelRunner:
    """A model with its memory: scores of any prompt for the fewest tokens run.

    Attributes:
        reuse: whether what was run for a prefix can be continued; not so for recurrent models.
        context: how many tokens the model was made for; 0 where it states none.
        counts: work done so far.
        cache: the model's, which lives in the memory's track; None where nothing is reused.
        places: where its layers are in the track.
        report: told how far a prompt is read that is run in several pieces.
    """

    def __init__(self, model: PreTrainedModel, *, cache_mib: int = 1024, cache_size: int = 100) -> None:
        self.model = model
        config = model.config.get_text_config(decoder=True)
        self.context = stated_context(lambda name: getattr(config, name, None))
        self.vocabulary_size = int(config.vocab_size)
        self.counts = Counts()
        with torch.inference_mode():
            probe = probe_ids(self.vocabulary_size, model.device)
            self.anatomy, filled = _open(model, probe)
            columns, self.places = kv_columns(filled) if filled else ([], [])
            bounds = cache_mib << 20, cache_size
            self.memory = Memory(columns, self.anatomy.hidden, *bounds)
            self.cache = live_cache(self.memory.track, self.places) if columns else None
            self.reuse = filled is not None and self._continues(probe, filled)
        if not self.reuse:
            self.cache = None
            self.memory = Memory([], self.anatomy.hidden, *bounds)
        self.residuals = ResidualStream(self.anatomy.layers, self.anatomy.state, cache_mib << 20)
        self._recent: OrderedDict[TokenIds, Tensor] = OrderedDict()
        self._stop = Stop()
        self.report: Report = unheard
        self.anatomy.check_with(lambda: self._stop.check())

    @torch.inference_mode()
    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        """See Engine.score."""
        check_length(len(ids), self.context)
        known = self.memory.known(ids)
        if known.length < len(ids):
            self._run(ids, known.length, stop)
            ran = self.memory.known(ids)
        else:
            ran = known
        assert ran.hidden is not None
        logprobs, entropies, ranks = (row.numpy().copy() for row in ran.scores)
        following = candidates(self.logits_after(ids, ran.hidden), top_k)
        reused = known.length if self.reuse or known.length == len(ids) else 0
        return Scores(ids, logprobs, entropies, ranks.astype(np.int64), following, reused)

    @torch.inference_mode()
    def logits(self, ids: TokenIds, stop: Stop) -> Tensor:
        """The (V,) float32 logits after a prompt of one token or more, on the model's device.

        They are kept with those of other prompts, so not to be written to. What isn't known of the prompt is
        run, and its scores are kept: a prompt that grows by a token costs a forward of that token.
        """
        check_length(len(ids), self.context)
        known, hidden = self.memory.last(ids)
        if known < len(ids):
            self._run(ids, known, stop)
            _, hidden = self.memory.last(ids)
        assert hidden is not None
        return self.logits_after(ids, hidden)

    def hold(self, ids: TokenIds, stop: Stop) -> None:
        """Have the rows of a prompt in the track; what isn't known of it is run."""
        if common_length(ids, self.memory.live) < len(ids):
            self._run(ids, self.memory.last(ids)[0], stop)

    def _run(self, ids: TokenIds, known: int, stop: Stop) -> None:
        """Run what is not known of a prompt, in pieces that are kept even if a later one is stopped."""
        start = first = self.memory.load(ids, known, stop.check)
        self.memory.begin(len(ids) - start)  # at once, lest the track grow from piece to piece
        step = PIECE_TOKENS if self.reuse else len(ids)
        with self.stopping(stop):
            while start < len(ids):
                stop.check()
                if len(ids) - first > step:
                    self.report(Progress(READING, start - first, len(ids) - first))
                end = min(start + step, len(ids))
                self._run_piece(ids[:end], start, stop)
                start = end

    @contextmanager
    def stopping(self, stop: Stop) -> Iterator[None]:
        """Have the model's layers check a stop before they run."""
        before, self._stop = self._stop, stop
        try:
            yield
        finally:
            self._stop = before

    @torch.inference_mode()
    def replay(
        self, ids: TokenIds, start: int, stop: Stop, *, into: Tensor | None = None, **options: Any
    ) -> Any:
        """Run ids[start:] once more over what is remembered of ids[:start]; the model's output.

        Where nothing is reused, all of ids is run. What isn't known of ids is scored first.

        Args:
            into (L + 1, n, D): takes the residual stream of the n tokens run, which then isn't kept.
            options: for the model's call, such as output_attentions=True.
        """
        check_length(len(ids), self.context)
        if self.reuse:
            self.hold(ids, stop)
        start = start if self.reuse else 0
        track = self.memory.track
        track.length = start
        stream = self.residuals
        try:
            with (
                self.stopping(stop),
                stream.recording(ids, start) if into is None else stream.writing(into),
            ):
                return self._call([ids[start:]], self.cache, **options)
        finally:
            track.length = len(self.memory.live)

    def _run_piece(self, ids: TokenIds, start: int, stop: Stop) -> None:
        """Run tokens from `start` on, behind the live ones, and keep what they leave."""
        before = self._logits_before(ids, start)
        first = start if self.reuse else 0
        with self.residuals.recording(ids, first):
            hidden = self.forward([ids[first:]], self.cache)[0, start - first :]
        scores, last = self._scores(ids[start:], before, hidden, stop)
        self.memory.commit(ids[start:], hidden, scores)
        self.remember(ids, last)

    def _scores(
        self, ids: TokenIds, before: Tensor | None, hidden: Tensor, stop: Stop
    ) -> tuple[Tensor, Tensor]:
        """Scores (3, n) of n tokens, and the (V,) logits after them.

        Args:
            before (V,): logits under which the first is scored; None for no score.
            hidden (n, D): last hidden states, which give the rest.
        """
        scores = torch.full((3, len(ids)), torch.nan)
        scores[2] = 0  # the rank of token 0, which has none
        targets = torch.tensor(ids, device=hidden.device)
        if before is not None:
            scores[:, :1] = score_rows(before[None].clone(), targets[:1])
        rows = self.rows_at_once
        last = hidden.new_empty(0)
        for first in range(0, len(ids), rows):
            stop.check()
            logits = self.unembed(hidden[first : first + rows])
            chunk = targets[first + 1 : first + 1 + len(logits)]
            last = logits[-1].clone()
            if len(chunk):
                scores[:, first + 1 : first + 1 + len(chunk)] = score_rows(logits[: len(chunk)], chunk)
        return scores, last

    def forward(self, batch: Sequence[TokenIds], cache: Cache | None, **options: Any) -> Tensor:
        """Last hidden states (B, n, D) of tokens (B, n) behind those in a cache."""
        caught: list[Tensor] = []
        hook = self.anatomy.stack.register_forward_hook(
            lambda _module, _args, output: caught.append(last_hidden(output))
        )
        try:
            # Logits are made of the states afterwards, where they are wanted.
            self._call(batch, cache, logits_to_keep=torch.empty(0, dtype=torch.long), **options)
        finally:
            hook.remove()
        return caught[0]

    def _call(
        self, batch: Sequence[TokenIds], cache: Cache | None, logits_to_keep: int | Tensor = 1, **options: Any
    ) -> Any:
        """The model's output for tokens behind those in a cache, its last logits alone if not told else."""
        self.counts.forwards += 1
        self.counts.tokens += sum(map(len, batch))
        return self.model(
            input_ids=torch.tensor(batch, device=self.model.device),
            logits_to_keep=logits_to_keep,
            return_dict=True,
            **({"use_cache": False} if cache is None else {"past_key_values": cache, "use_cache": True}),
            **options,
        )

    def _logits_before(self, ids: TokenIds, start: int) -> Tensor | None:
        """The (V,) logits that predicted token `start`; None for the first token."""
        if start == 0:
            return None
        _, hidden = self.memory.last(ids[:start])
        assert hidden is not None
        return self.logits_after(ids[:start], hidden)

    def logits_after(self, ids: TokenIds, hidden: Tensor) -> Tensor:
        """The (V,) float32 logits after a prompt whose last hidden state (D,) is known."""
        if ids not in self._recent:
            self.remember(ids, self.unembed(hidden[None])[0])
        self._recent.move_to_end(ids)
        return self._recent[ids]

    def remember(self, ids: TokenIds, logits: Tensor) -> None:
        """Keep the (V,) float32 logits after a prompt at hand for a while."""
        self._recent[ids] = logits
        while len(self._recent) > self.recent_rows:
            self._recent.popitem(last=False)

    @property
    def rows_at_once(self) -> int:
        """How many rows of logits are made at once."""
        return max(1, LOGITS_BYTES // (4 * self.vocabulary_size))

    @property
    def recent_rows(self) -> int:
        """Of how many prompts the logits are kept at hand."""
        return max(2, RECENT_BYTES // (4 * self.vocabulary_size))

    def forget_guesses(self) -> None:
        """Forget what was run before anybody asked for it."""
        self.memory.forget_guesses()
        self.residuals.forget_foreseen()
        self._recent.clear()

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (n, V), float32, of last hidden states (n, D)."""
        return self._counted(self.anatomy.unembed(hidden))

    def lens(self, states: Tensor) -> Tensor:
        """Logits (n, V), float32, of states (n, D) of the residual stream after any layer."""
        return self._counted(self.anatomy.lens(states))

    def _counted(self, logits: Tensor) -> Tensor:
        logits = logits.float()
        self.counts.unembedded_rows += len(logits)
        self.counts.most_logits_bytes = max(self.counts.most_logits_bytes, logits.nbytes)
        return logits

    def _continues(self, ids: Tensor, filled: Cache) -> bool:
        """Whether the last probe token on a live cache gives the logits that running all at once gave.

        Args:
            filled: a cache that running all at once has left.
        """
        track = self.memory.track
        track.reserve(ids.shape[1])
        fill(track, self.places, filled, ids.shape[1] - 1)
        try:
            step = self.model(input_ids=ids[:, -1:], past_key_values=self.cache, use_cache=True)
            last = step.logits[0, -1]
        except Exception:  # a model's own code may fail in any way on a cache that isn't made for it
            return False
        finally:
            track.length = 0
        return same_logits(last, self.anatomy.unembed(self.anatomy.hidden[None])[0])


def probe_ids(vocabulary_size: int, device: torch.device) -> Tensor:
    """(1, 4) ids spread over the vocabulary; what a model is checked with when it is opened."""
    return torch.tensor([[vocabulary_size * i // 5 for i in range(1, 5)]], device=device)


def _open(model: PreTrainedModel, ids: Tensor) -> tuple[Anatomy, Cache | None]:
    """A model's parts, and a cache with the keys and values of the probe; None where it keeps others."""
    cache = DynamicCache()
    try:
        anatomy = dissect(model, ids, cache)
        kv_columns(cache)
    except Exception:  # recurrent and hybrid models fail in their own ways on a cache for attention alone
        return dissect(model, ids), None
    return anatomy, cache
