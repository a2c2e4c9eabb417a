"""Which tokens each token attends to: the softmax weights of every head, read off one more forward.

Fused attention never holds its weights, so the model attends in its plain way while it is looked at.
Proved when a model is opened; a model that fails shows none. Knows nothing of what is made of the weights.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.observation import AttentionMap, AttentionMaps, AttentionRows, AttentionWeights
from token_explorer.core.scores import Floats, Ints
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.anatomy import same_logits
from token_explorer.engine.runner import ModelRunner, probe_ids
from token_explorer.errors import FacetUnavailable

# Attention weights that one forward may hold, over all layers and counted in float32; a map that needs more
# is run in blocks of queries.
WEIGHTS_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Attention:
    """Reads the attention weights of a model whose layers are known to give them.

    Attributes:
        layers: those that attend, counted from 1, in order.
        heads: how many heads each of them has.
    """

    layers: tuple[int, ...]
    heads: tuple[int, ...]

    def row(self, runner: ModelRunner, ids: TokenIds, query: int, stop: Stop) -> AttentionRows:
        """How the token at `query` attends: at most one token more is run than what isn't known yet.

        Raises FacetUnavailable, and Stopped soon after `stop` is set.
        """
        self._check_whole(runner, query + 1)
        maps = _replayed(runner, ids[: query + 1], query, stop)
        return AttentionRows(np.concatenate([_numpy(each[0, :, -1]) for each in maps]), self._numbers())

    def window(self, runner: ModelRunner, ids: TokenIds, facet: AttentionMap, stop: Stop) -> AttentionWeights:
        """A part of one layer's maps. Raises FacetUnavailable, and Stopped soon after `stop` is set."""
        queries, keys = range(facet.start, facet.stop), range(facet.first_key, facet.last_key)
        return self._windows(runner, ids, (facet.layer,), queries, keys, stop)[0]

    def maps(
        self, runner: ModelRunner, ids: TokenIds, facet: AttentionMaps, stop: Stop
    ) -> tuple[AttentionWeights, ...]:
        """Several layers' maps. Raises FacetUnavailable, and Stopped soon after `stop` is set."""
        return self._windows(runner, ids, facet.layers, range(facet.stop), range(facet.stop), stop)

    def _windows(
        self,
        runner: ModelRunner,
        ids: TokenIds,
        layers: Sequence[int],
        queries: range,
        keys: range,
        stop: Stop,
    ) -> tuple[AttentionWeights, ...]:
        """The same part of several layers' maps: a forward gives all of them."""
        places = [self._place(layer) for layer in layers]
        after = np.array(keys) > np.array(queries)[:, None]
        parts = [np.zeros((self.heads[place], *after.shape), dtype=np.float32) for place in places]
        for start, end in self._blocks(runner, queries):
            rows = _replayed(runner, ids[:end], start, stop)
            of_block = slice(start - queries.start, end - queries.start)
            for place, part in zip(places, parts, strict=True):
                seen = rows[place][0, :, start - end :, keys.start : keys.stop]  # (H, q, K)
                part[:, of_block, : seen.shape[-1]] = _numpy(seen)
        for part in parts:
            part[:, after] = np.nan
        return tuple(map(AttentionWeights, parts))

    def _place(self, layer: int) -> int:
        """Where a layer stands among those that attend."""
        if layer in self.layers:
            return self.layers.index(layer)
        known = ", ".join(map(str, self.layers))
        raise FacetUnavailable("No attention there", f"layer {layer} has none; these do: {known}.")

    def _blocks(self, runner: ModelRunner, queries: range) -> Iterator[tuple[int, int]]:
        """A map's queries in parts [start, end) that fit the bound; all at once where nothing is reused."""
        step = len(queries)
        if runner.reuse:
            step = max(1, WEIGHTS_BYTES // (4 * sum(self.heads) * queries.stop))
        else:
            self._check_whole(runner, queries.stop)
        for start in range(queries.start, queries.stop, step):
            yield start, min(start + step, queries.stop)

    def _check_whole(self, runner: ModelRunner, tokens: int) -> None:
        """Refuse a prompt whose whole maps, which a model without reuse gives at once, are too large."""
        needed = 4 * sum(self.heads) * tokens**2
        if runner.reuse or needed <= WEIGHTS_BYTES:
            return
        most = int((WEIGHTS_BYTES / (4 * sum(self.heads))) ** 0.5)
        raise FacetUnavailable(
            "The prompt is too long for its attention",
            f"{tokens} tokens: this model gives its maps only whole, and they need {needed / 2**20:,.0f} MiB "
            f"of {WEIGHTS_BYTES >> 20} MiB.",
            f"Look at one of the first {most} tokens.",
        )

    def _numbers(self) -> Ints:
        """(N, 2) layer and head of each row, counted from 1."""
        pairs = zip(self.layers, self.heads, strict=True)
        return np.array([(layer, head) for layer, heads in pairs for head in range(1, heads + 1)])


def find(runner: ModelRunner) -> Attention | str:
    """How to read a model's attention weights, proved on a probe; or why they can't be had, in words."""
    name = type(runner.model).__name__
    with torch.inference_mode():
        try:
            return _find(runner, probe_ids(runner.vocabulary_size, runner.model.device), name)
        except Stopped:
            raise
        except Exception as error:  # a model's own code may fail in any way where it is asked for attention
            return f"{name} fails when it is asked for its attention ({type(error).__name__})"


def _find(runner: ModelRunner, ids: Tensor, name: str) -> Attention | str:
    blind = runner.model(input_ids=ids, use_cache=False, return_dict=True)
    seen = _observed(runner.model, ids, use_cache=False)
    entries = _entries(seen)
    numbers = _attending(runner, entries)
    maps = [each for each in entries if each is not None]
    if not maps:
        return f"{name} gives no attention weights"
    if not all(_is_causal_attention(each, ids.shape[1]) for each in maps):
        return f"what {name} gives as attention are no weights of each token and those before it"
    if not same_logits(seen.logits[0], blind.logits[0]):
        return f"{name} predicts something else while its attention is looked at"
    if len(numbers) != len(maps):
        count = len(runner.anatomy.layers)
        return f"{name} gives the attention of {len(maps)} of its {count} layers and doesn't say of which"
    if runner.reuse and not _continues(runner.model, ids, maps):
        return f"{name} attends differently when it goes on from a prefix"
    return Attention(numbers, tuple(each.shape[1] for each in maps))


def _attending(runner: ModelRunner, entries: list[Tensor | None]) -> tuple[int, ...]:
    """The layers, counted from 1, whose weights the entries hold; more or fewer if it isn't clear."""
    if len(entries) == len(runner.anatomy.layers):
        return tuple(number for number, each in enumerate(entries, 1) if each is not None)
    config = runner.model.config.get_text_config(decoder=True)
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    return tuple(number for number, kind in enumerate(kinds, 1) if _attends(kind))


def _attends(kind: str) -> bool:
    """Whether what transformers calls a layer means softmax attention, alone or beside something else."""
    return ("attention" in kind and kind != "linear_attention") or kind.startswith("hybrid")


def _is_causal_attention(weights: Tensor, tokens: int) -> bool:
    """Whether weights (1, H, T, T) are finite, not negative, sum to 1 at most, and 0 after each query.

    Rows that sum to less are those of models with learned sinks.
    """
    if weights.ndim != 4 or weights.shape[::2] != (1, tokens) or weights.shape[3] != tokens:
        return False
    most = weights.float().sum(-1).max()
    good = weights.isfinite().all() & (weights >= 0).all() & (most <= 1 + _rounding(weights))
    return bool(good & (weights.triu(1) == 0).all())


def _continues(model: PreTrainedModel, ids: Tensor, maps: list[Tensor]) -> bool:
    """Whether the last token, run alone on a cache of those before it, attends as it does in `maps`.

    Judged by the total variation of the two distributions, averaged: a head may amplify rounding.
    """
    cache = DynamicCache()
    model(input_ids=ids[:, :-1], past_key_values=cache, use_cache=True)
    rows = _weights(_observed(model, ids[:, -1:], past_key_values=cache, use_cache=True))
    apart = [
        (row.float() - whole[:, :, -1:].float()).abs().sum(-1).mean() / 2
        for row, whole in zip(rows, maps, strict=True)
    ]
    return sum(map(float, apart)) <= len(apart) * _rounding(rows[0])


def _rounding(weights: Tensor) -> float:
    """How far apart two ways to compute the same weights, or the same sum of them, may be."""
    return 1e-3 if weights.dtype == torch.float32 else 5e-2


def _replayed(runner: ModelRunner, ids: TokenIds, start: int, stop: Stop) -> list[Tensor]:
    """Weights (1, H, q, K) of each layer that attends, of the queries from `start` on, or of all."""
    with attending_plainly(runner.model):
        return _weights(runner.replay(ids, start, stop, output_attentions=True))


def _observed(model: PreTrainedModel, ids: Tensor, **options: Any) -> Any:
    with attending_plainly(model):
        return model(input_ids=ids, output_attentions=True, return_dict=True, **options)


def _entries(output: Any) -> list[Tensor | None]:
    return list(getattr(output, "attentions", None) or ())


def _weights(output: Any) -> list[Tensor]:
    return [each for each in _entries(output) if each is not None]


@contextmanager
def attending_plainly(model: PreTrainedModel) -> Iterator[None]:
    """Have a model compute its attention weights in the open; it gets back what it had.

    Models that always do, and can't be told, are left as they are.
    """
    config: Any = model.config
    if config.get_text_config(decoder=True)._attn_implementation == "eager":
        yield
        return
    whole = config._attn_implementation
    parts = {name: getattr(config, name, None) for name in config.sub_configs}
    had = {name: part._attn_implementation for name, part in parts.items() if part is not None}
    try:
        model.set_attn_implementation("eager")
        yield
    finally:
        model.set_attn_implementation({**had, "": whole})


def _numpy(weights: Tensor) -> Floats:
    return np.asarray(weights.float().cpu().numpy(), dtype=np.float32)
