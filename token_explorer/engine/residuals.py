"""The residual stream: the hidden states before the first layer and after each one, kept while layers run.

Kept of one sequence at a time, up to a bound; what isn't kept is run again by whoever needs it.
Knows nothing of what the states mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.engine.anatomy import layer_output
from token_explorer.engine.kv import Column, Track


class ResidualStream:
    """Hidden states (L + 1, T, D) of the sequence that was run last, in the weights' dtype.

    Args:
        layers: the L decoder layers; hooked only while they are recorded, as hooks cost every forward.
        like (D,): a hidden state, for its width, dtype and device.
        max_bytes: a sequence that needs more is not kept.

    Attributes:
        wanted: whether forwards are recorded; nobody pays for what nobody looks at.
    """

    def __init__(self, layers: nn.ModuleList, like: Tensor, max_bytes: int) -> None:
        self.wanted = False
        self._max_bytes = max_bytes
        self._ids: TokenIds = ()
        self._column = Column((len(layers) + 1, 0, len(like)), 1, like.dtype, like.device)
        self._track = Track([self._column])
        self._layers = layers

    def known(self, ids: TokenIds) -> int:
        """How many of a prompt's first tokens have their states here."""
        return common_length(ids, self._ids)

    def fits(self, tokens: int) -> bool:
        """Whether so many tokens' states may be kept."""
        return tokens * self._column.token_bytes <= self._max_bytes

    def rows(self, start: int, stop: int) -> Tensor:
        """The states (L + 1, stop - start, D) of tokens that are known; a view."""
        return self._track.rows(0, start, stop)

    def room_for(self, tokens: int) -> Tensor:
        """Room (L + 1, tokens, D) for states that are not to be kept."""
        return self._column.room_for(tokens)

    @contextmanager
    def recording(self, ids: TokenIds, start: int) -> Iterator[None]:
        """Keep the states of ids[start:], that the forward inside is going to make; all of them or none."""
        if not self.wanted or not start <= self.known(ids) < len(ids) or not self.fits(len(ids)):
            yield
            return
        self._ids, self._track.length = ids[:start], start
        self._track.reserve(len(ids))
        with self.writing(self.rows(start, len(ids))):
            yield
        self._ids, self._track.length = ids, len(ids)

    @contextmanager
    def writing(self, into: Tensor) -> Iterator[None]:
        """Write the states that the forward inside makes to `into` (L + 1, n, D)."""

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            into[0].copy_(layer_output(args[0] if args else kwargs["hidden_states"])[0])

        def leave(_: nn.Module, args: object, output: Any, row: int) -> None:
            into[row].copy_(layer_output(output)[0])

        hooks = [self._layers[0].register_forward_pre_hook(enter, with_kwargs=True)]
        for row, layer in enumerate(self._layers, 1):
            hooks.append(layer.register_forward_hook(partial(leave, row=row)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
