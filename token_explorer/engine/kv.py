"""Storage for what a forward leaves behind for each token: keys, values, hidden state, scores.

`Track` is the live sequence, with room to grow; `Segment` a part of one that was copied out, in blocks.
`live_cache` lets a transformers model read and write a track. Knows nothing of ids, trees or architectures.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicLayer

# A segment cut inside a block copies this many tokens at most; cut elsewhere it copies nothing.
BLOCK_TOKENS = 64

# Where a layer's keys are in a track, and where its values: (column, row) each.
Place: TypeAlias = tuple[tuple[int, int], tuple[int, int]]

# Room for tokens to come when a track grows: neither what is appended to a long prompt nor what is foreseen
# shall make it copy.
SPARE_TOKENS = 512


def _go_on() -> None:
    """Nothing ends a copy early."""


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a track: its shape with 0 for the tokens' axis, which is `axis`."""

    shape: tuple[int, ...]
    axis: int
    dtype: torch.dtype
    device: torch.device

    def room_for(self, tokens: int) -> Tensor:
        """An uninitialised tensor for so many tokens."""
        shape = list(self.shape)
        shape[self.axis] = tokens
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    @property
    def token_bytes(self) -> int:
        """Bytes of one token."""
        return self.room_for(1).nbytes


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows copied out of a track: for each block its tensors, one for each column."""

    blocks: tuple[tuple[Tensor, ...], ...]
    axes: tuple[int, ...]

    def __len__(self) -> int:
        return sum(self._length(block) for block in self.blocks)

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors; none shares its memory with another segment."""
        return sum(tensor.nbytes for block in self.blocks for tensor in block)

    def __getitem__(self, rows: slice) -> "Segment":
        start, stop, _ = rows.indices(len(self))
        kept, at = [], 0
        for block in self.blocks:
            length = self._length(block)
            first, last = max(start - at, 0), min(stop - at, length)
            if first < last:
                kept.append(block if last - first == length else self._cut(block, first, last))
            at += length
        return Segment(tuple(kept), self.axes)

    def column(self, index: int) -> Tensor:
        """All rows of one column, as one tensor."""
        return torch.cat([block[index] for block in self.blocks], dim=self.axes[index])

    def row(self, index: int, row: int) -> Tensor:
        """A view of one row of one column, without the tokens' axis."""
        for block in self.blocks:
            if row < self._length(block):
                return block[index].select(self.axes[index], row)
            row -= self._length(block)
        raise IndexError(f"row {row} behind the end of a segment of {len(self)}")

    def _length(self, block: tuple[Tensor, ...]) -> int:
        return int(block[0].shape[self.axes[0]])

    def _cut(self, block: tuple[Tensor, ...], first: int, last: int) -> tuple[Tensor, ...]:
        # Cloned, so that what is evicted is really freed and not kept alive by a view of it.
        parts = zip(block, self.axes, strict=True)
        return tuple(tensor.narrow(axis, first, last - first).clone() for tensor, axis in parts)


class Track:
    """The arrays of one sequence, each with room for `capacity` tokens, of which `length` are filled.

    Attributes:
        moved_bytes: how many bytes were copied so far: out, in, and to grow.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.capacity = 0
        self.length = 0
        self.moved_bytes = 0
        self.tensors = [column.room_for(0) for column in self.columns]

    @property
    def token_bytes(self) -> int:
        """Bytes of one token over all columns."""
        return sum(column.token_bytes for column in self.columns)

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` in all; doubling, so that growth copies a token once or twice on average."""
        if tokens <= self.capacity:
            return
        self.capacity = max(tokens + SPARE_TOKENS, 2 * self.capacity)
        for index, column in enumerate(self.columns):
            grown = column.room_for(self.capacity)
            self._copy(grown.narrow(column.axis, 0, self.length), self.rows(index, 0, self.length))
            self.tensors[index] = grown

    def rows(self, index: int, start: int, stop: int) -> Tensor:
        """A view of one column's rows."""
        return self.tensors[index].narrow(self.columns[index].axis, start, stop - start)

    def copy_out(self, start: int, stop: int, check: Callable[[], None] = _go_on) -> Segment:
        """Rows as a segment of their own.

        Args:
            check: called before each block; what it raises leaves all as it was.
        """
        blocks = []
        for first, last in itertools.pairwise([*range(start, stop, BLOCK_TOKENS), stop]):
            check()
            blocks.append(tuple(self.rows(index, first, last).clone() for index in range(len(self.columns))))
        segment = Segment(tuple(blocks), tuple(column.axis for column in self.columns))
        self.moved_bytes += segment.nbytes
        return segment

    def copy_in(self, segment: Segment, check: Callable[[], None] = _go_on) -> None:
        """Put a segment's rows after the filled ones.

        Args:
            check: called before each block; what it raises leaves no row more filled.
        """
        start = self.length
        self.reserve(start + len(segment))
        for block in segment.blocks:
            check()
            stop = start + int(block[0].shape[segment.axes[0]])
            for index, tensor in enumerate(block):
                self._copy(self.rows(index, start, stop), tensor)
            start = stop
        self.length = start

    def _copy(self, target: Tensor, source: Tensor) -> None:
        target.copy_(source)
        self.moved_bytes += source.nbytes


class _LiveLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's keys and values inside a track: an update writes behind the filled rows."""

    is_sliding = False
    is_initialized = True

    def __init__(self, track: Track, key_row: tuple[int, int], value_row: tuple[int, int]) -> None:
        self._track = track
        self._key_row = key_row
        self._value_row = value_row

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do: the track has its room."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Write (1, H, n, width) keys and values; return all (1, H, length + n, width)."""
        return self._write(self._key_row, key_states), self._write(self._value_row, value_states)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(number of keys that a query of this length sees, offset of the first)."""
        return self._track.length + query_length, 0

    def get_seq_length(self) -> int:
        """Filled tokens."""
        return self._track.length

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    def _write(self, row: tuple[int, int], states: Tensor) -> Tensor:
        column, index = row
        start, tokens = self._track.length, states.shape[-2]
        room = self._track.tensors[column][index]  # (H, capacity, width)
        room[:, start : start + tokens] = states[0]
        return room[None, :, : start + tokens]


class _SharedLayer(_LiveLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values for a batch of rows that go on from one prefix, inside a track.

    Each row is a token behind the prefix and a history of its own. What an update writes goes behind the
    filled rows, a token for each row of the batch; the batch's own copy is gone with the layer's attention.
    """

    def __init__(
        self, track: Track, key_row: tuple[int, int], value_row: tuple[int, int], prefix: int, history: Tensor
    ) -> None:
        super().__init__(track, key_row, value_row)
        self._prefix = prefix
        self._history = history

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        return self._prefix + self._history.shape[1]

    def _write(self, row: tuple[int, int], states: Tensor) -> Tensor:
        column, index = row
        start, rows = self._track.length, len(states)
        room = self._track.tensors[column][index]  # (H, capacity, width)
        room[:, start : start + rows] = states[:, :, 0].transpose(0, 1)
        shared = room[None, :, : self._prefix].expand(rows, -1, -1, -1)
        own = room[:, self._history].transpose(0, 1)  # (rows, H, h, width)
        return torch.cat([shared, own, states], dim=2)


def kv_columns(cache: Cache) -> tuple[list[Column], list[Place | None]]:
    """The columns that hold a filled cache's keys and values, like shapes together in one.

    Returns:
        the columns, (N, H, 0, width) each, and for each layer the (column, row) of its keys and of its
        values; None for a layer that keeps none (it reads another's).
    """
    layers: list[Any] = cache.layers
    arrays: list[Tensor] = [a for layer in layers if layer.is_initialized for a in (layer.keys, layer.values)]
    kinds = [(int(a.shape[1]), int(a.shape[3]), a.dtype, a.device) for a in arrays]
    order = list(dict.fromkeys(kinds))
    columns = [Column((kinds.count(kind), kind[0], 0, kind[1]), 2, kind[2], kind[3]) for kind in order]
    rows = [(order.index(kind), kinds[:i].count(kind)) for i, kind in enumerate(kinds)]
    pairs = iter(zip(rows[::2], rows[1::2], strict=True))
    return columns, [next(pairs) if layer.is_initialized else None for layer in layers]


def fill(track: Track, places: Sequence[Place | None], cache: Cache, tokens: int) -> None:
    """Have a track begin with a cache's first tokens, which there is room for; with nothing else of them.

    Args:
        places: as `kv_columns` gave them for the cache.
    """
    layers: list[Any] = cache.layers
    for place, layer in zip(places, layers, strict=True):
        if place is not None:
            for (column, row), states in zip(place, (layer.keys, layer.values), strict=True):
                track.tensors[column][row][:, :tokens] = states[0, :, :tokens]
    track.length = tokens


def live_cache(track: Track, places: Sequence[Place | None]) -> Cache:
    """A transformers cache that lives in a track; `places` as `kv_columns` gave them."""
    layers: list[Any] = [_LiveLayer(track, *place) if place else DynamicLayer() for place in places]  # type: ignore[no-untyped-call]
    return Cache(layers=layers)


def shared_cache(track: Track, places: Sequence[Place | None], prefix: int, history: Tensor) -> Cache:
    """A transformers cache for a batch of single tokens that go on from one prefix of a track.

    Args:
        places: as `kv_columns` gave them.
        prefix: how many of the track's first rows all of the batch see.
        history (B, h): which of the track's rows each of the batch sees besides.
    """
    layers: list[Any] = [
        _SharedLayer(track, *place, prefix, history) if place else DynamicLayer()  # type: ignore[no-untyped-call]
        for place in places
    ]
    return Cache(layers=layers)
