"""Looking ahead: candidates and what would follow them, run before anybody asks, all in one forward.

All stand in the same place behind one prefix, so they are fed as a run of tokens under a mask that lets each
see the prefix and its own past alone (tree attention: Miao et al. 2023, "SpecInfer"; Cai et al. 2024,
"Medusa"), or else as a batch. Proved for a model before it is used; knows nothing of what it is used for.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from token_explorer.core.ahead import Futures
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.anatomy import logits_apart, logits_tolerance
from token_explorer.engine.kv import Track, shared_cache
from token_explorer.engine.models import check_length
from token_explorer.engine.prefix_tree import Node
from token_explorer.engine.runner import ModelRunner, probe_ids
from token_explorer.engine.scoring import score_alternatives
from token_explorer.errors import FacetUnavailable

Way = Literal["tree", "batch"]

# Keys and values of one layer that a batch may hold of its own; more candidates are run in several batches.
BATCH_BYTES = 64 << 20
# Tokens of the prompt that a way is proved behind: few, as separate forwards without a cache are the proof.
_PROOF_TOKENS = 16
_PROOF_STEPS = 2


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Runs candidates of a model in the ways that are proved for it.

    Attributes:
        ways: the ways that give what separate forwards give, the best first; one at least.
        window: how many tokens some layers see at most, which the tree's mask would overrule; 0 where all
            see all.
        apart: the largest difference of logits that the proof found, as a part of their spread.
    """

    ways: tuple[Way, ...]
    window: int
    apart: float

    def futures(
        self,
        runner: ModelRunner,
        ids: TokenIds,
        tokens: Sequence[int],
        depth: int,
        ends: Collection[int],
        stop: Stop,
    ) -> Futures:
        """What would follow each candidate after a prompt; all that is run is kept, as it comes.

        Args:
            ends: tokens that nothing follows.

        Raises ContextTooLong where there is no room for the candidates, FacetUnavailable where memory has
        none for what is run, and Stopped soon after `stop` is set.
        """
        check_length(len(ids) + 1, runner.context)
        way = self._way(len(ids) + depth)
        runner.logits(ids, stop)
        # The logits of a step and of the next one stay at hand, with as many of others.
        most = max(1, runner.recent_rows // 3)
        try:
            wave = _Wave(runner, ids, way, stop)
            starts = range(0, max(1, len(tokens)), most)
            parts = [_follow(wave, tokens[first : first + most], depth, ends) for first in starts]
        finally:
            runner.memory.trim()
        return Futures(
            np.concatenate([part.tokens for part in parts]), np.concatenate([part.logprobs for part in parts])
        )

    def _way(self, tokens: int) -> Way:
        """The best way for prompts of so many tokens. Raises FacetUnavailable where there is none."""
        for way in self.ways:
            if way == "batch" or not self.window or tokens <= self.window:
                return way
        message = f"some layers see {self.window} tokens, and the prompt is longer"
        raise FacetUnavailable("Can't look ahead", f"{message}.")


def _follow(wave: "_Wave", tokens: Sequence[int], depth: int, ends: Collection[int]) -> Futures:
    """Go on from each candidate, a forward for all of them at a time."""
    found = np.full((len(tokens), depth), -1, dtype=np.int64)
    logprobs = np.full((len(tokens), depth), np.nan, dtype=np.float32)
    paths: dict[int, TokenIds] = {row: (token,) for row, token in enumerate(tokens)}
    for step in range(depth):
        wave.run(tuple(paths.values()))
        paths = {row: path for row, path in paths.items() if path[-1] not in ends}
        if wave.is_full(step + 1):
            break
        for row, path in paths.items():
            token, found_logprob = wave.greedy(path)
            found[row, step], logprobs[row, step] = token, found_logprob
            paths[row] = (*path, token)
    return Futures(found, logprobs)


class _Wave:
    """Forwards behind one prompt, each of one token more for several paths that go on from it."""

    def __init__(self, runner: ModelRunner, ids: TokenIds, way: Way, stop: Stop) -> None:
        self._runner, self._memory, self._stop = runner, runner.memory, stop
        self._ids, self._way = ids, way
        runner.hold(ids, stop)
        self._prefix: Node[Any] = self._memory.branch(ids)

    def run(self, paths: Sequence[TokenIds]) -> None:
        """Run the last tokens of paths of one length, but for those that are known; the rest of each is."""
        fresh = [path for path in dict.fromkeys(paths) if not self._memory.knows(self._prefix, path)]
        most = len(fresh)
        if self._way == "batch":
            track = self._memory.track
            most = max(1, BATCH_BYTES * len(self._runner.places) // (track.token_bytes * len(self._ids)))
        for first in range(0, len(fresh), max(1, most)):
            self._run(fresh[first : first + most])

    def is_full(self, tokens: int) -> bool:
        """Whether nothing has room behind so many tokens that follow the prompt."""
        return len(self._ids) + tokens == self._runner.context

    def greedy(self, path: TokenIds) -> tuple[int, float]:
        """The likeliest token after a path, and the natural log of its probability."""
        self._stop.check()
        logits = self.logits(path)
        token = int(logits.argmax())
        return token, float(logits[token] - logits.logsumexp(-1))

    def logits(self, path: TokenIds) -> Tensor:
        """The (V,) logits after a path that is known."""
        whole = self._ids + path
        _, hidden = self._memory.last(whole)
        assert hidden is not None
        return self._runner.logits_after(whole, hidden)

    def _run(self, paths: Sequence[TokenIds]) -> None:
        """Run the last tokens of paths in one forward, and keep what it leaves."""
        memory, live = self._memory, len(self._memory.live)
        if not all(memory.knows(self._prefix, path[:-1]) for path in paths):
            raise _no_room()
        history = self._histories(paths)
        start = memory.track.length
        try:
            with self._runner.stopping(self._stop), self._recording(len(paths)) as states:
                hidden = self._forward(paths, history)
            scores = self._scores(paths)
            logits = self._unembed(hidden)
            memory.keep(start, hidden, scores)
        finally:
            memory.track.length = live
        for row, (path, after) in enumerate(zip(paths, logits, strict=True)):
            if not memory.foresee(self._prefix, path, start + row):
                raise _no_room()
            self._runner.remember(self._ids + path, after)
            if states is not None:
                self._runner.residuals.foresee(self._ids + path, states[:, row])

    @contextmanager
    def _recording(self, tokens: int) -> Iterator[Tensor | None]:
        """The residual stream (L + 1, n, D) of the n tokens run inside; None where nobody looks at it."""
        stream = self._runner.residuals
        if not stream.wanted:
            yield None
            return
        states = stream.room_for(tokens)
        with stream.writing(states):
            yield states

    def _histories(self, paths: Sequence[TokenIds]) -> Tensor:
        """Put the h tokens that each path has so far behind what the track holds; the (R, h) rows there."""
        track: Track = self._memory.track
        start, length = track.length, len(paths[0]) - 1
        track.reserve(start + len(paths) * (length + 1))
        for path in paths:
            for part in self._memory.rows(self._prefix, path[:-1]):
                track.copy_in(part)
        return torch.arange(start, start + len(paths) * length).reshape(len(paths), length)

    def _forward(self, paths: Sequence[TokenIds], history: Tensor) -> Tensor:
        """Last hidden states (R, D) of the paths' last tokens, whose keys and values go behind the filled."""
        runner, prefix = self._runner, len(self._ids)
        last = [path[-1] for path in paths]
        device = runner.model.device
        if self._way == "batch":
            cache = shared_cache(self._memory.track, runner.places, prefix, history.to(device))
            return runner.forward([(token,) for token in last], cache)[:, 0]
        mask = _tree_mask(prefix, self._memory.track.length, history, runner.model.dtype)
        positions = torch.full((1, len(paths)), prefix + history.shape[1], device=device)
        return runner.forward(
            [tuple(last)], runner.cache, attention_mask=mask.to(device), position_ids=positions
        )[0]

    def _scores(self, paths: Sequence[TokenIds]) -> Tensor:
        """Scores (3, R) of the paths' last tokens."""
        rows: dict[TokenIds, list[int]] = {}
        for row, path in enumerate(paths):
            rows.setdefault(path[:-1], []).append(row)
        scores = torch.empty(3, len(paths))
        for before, those in rows.items():
            self._stop.check()
            logits = self.logits(before)
            targets = torch.tensor([paths[row][-1] for row in those], device=logits.device)
            scores[:, those] = score_alternatives(logits, targets)
        return scores

    def _unembed(self, hidden: Tensor) -> list[Tensor]:
        """The (V,) logits of each of the last hidden states (R, D)."""
        rows: list[Tensor] = []
        most = self._runner.rows_at_once
        for first in range(0, len(hidden), most):
            self._stop.check()
            rows += [row.clone() for row in self._runner.unembed(hidden[first : first + most])]
        return rows


def _no_room() -> FacetUnavailable:
    message, hint = "what is kept of prompts has no room for it.", "Raise cache_mib in config.toml."
    return FacetUnavailable("Can't look ahead", message, hint)


def _tree_mask(prefix: int, filled: int, history: Tensor, dtype: torch.dtype) -> Tensor:
    """What R new tokens behind `filled` rows may see: the prefix, their own history (R, h), and themselves.

    Returns (1, 1, R, filled + R) to be added to attention scores: 0 where a token sees.
    """
    rows = torch.arange(len(history))
    mask = torch.full((len(history), filled + len(history)), torch.finfo(dtype).min, dtype=dtype)
    mask[:, :prefix] = 0
    mask[rows[:, None], history] = 0
    mask[rows, filled + rows] = 0
    return mask[None, None]


def find(runner: ModelRunner, stop: Stop) -> LookAhead | str:
    """How a model can look ahead, proved on the beginning of its prompt; or why it can't, in words.

    Raises Stopped soon after `stop` is set.
    """
    name = type(runner.model).__name__
    if not runner.reuse:
        return f"{name} is recurrent: each new token runs the whole prompt"
    window = _window(runner)
    bound = logits_tolerance(runner.model.dtype)
    proved: dict[Way, float] = {}
    for way in ("tree", "batch"):
        if not proved or window:
            within = window - _PROOF_STEPS if way == "tree" and window else _PROOF_TOKENS
            apart = _apart(runner, way, min(within, _PROOF_TOKENS), stop)
            if apart <= bound:
                proved[way] = apart
    if not proved:
        return f"{name} gives other numbers for several candidates at once"
    return LookAhead(tuple(proved), window, max(proved.values()))


def _window(runner: ModelRunner) -> int:
    """How many tokens a layer sees at most; 0 where its configuration names no bound."""
    config = runner.model.config.get_text_config(decoder=True)
    bounds = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return min((bound for bound in bounds if isinstance(bound, int) and bound > 0), default=0)


def _apart(runner: ModelRunner, way: Way, tokens: int, stop: Stop) -> float:
    """How far candidates behind so many tokens are from separate forwards, of their spread, at most.

    It is infinite where they fail.
    """
    probe = tuple(probe_ids(runner.vocabulary_size, runner.model.device)[0].tolist())
    ids = runner.memory.live[: max(1, tokens)] or probe[:1]
    paths: list[TokenIds] = [(token,) for token in probe[-3:]]
    try:
        runner.logits(ids, stop)
        wave, worst = _Wave(runner, ids, way, stop), 0.0
        for _ in range(_PROOF_STEPS):
            wave.run(paths)
            apart = (logits_apart(wave.logits(path), _alone(runner, ids + path)) for path in paths)
            worst = max(worst, *apart)
            paths = [(*path, wave.greedy(path)[0]) for path in paths]
        return worst
    except Stopped:
        raise
    except Exception:  # a model's own code may fail in any way on a mask or a cache that isn't made for it
        return float("inf")
    finally:
        runner.forget_guesses()  # they may be wrong


def _alone(runner: ModelRunner, ids: TokenIds) -> Tensor:
    """The (V,) logits after a prompt, of one forward without a cache."""
    tokens = torch.tensor([ids], device=runner.model.device)
    logits: Tensor = runner.model(input_ids=tokens, use_cache=False, return_dict=True).logits[0, -1]
    return logits.float()
