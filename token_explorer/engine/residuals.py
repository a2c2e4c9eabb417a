"""The residual stream: the hidden states before the first layer and after each one, kept while layers run.

Kept of one sequence at a time, up to a bound, and of tokens that may follow it; what isn't kept is run again
by whoever needs it. Knows nothing of what the states mean.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.engine.anatomy import layer_output
from token_explorer.engine.kv import Column, Track

# States of tokens that were run before anybody asked for them; the oldest go first.
FORESEEN_BYTES = 32 << 20


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
        self._foreseen: OrderedDict[TokenIds, Tensor] = OrderedDict()

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

    def foresee(self, ids: TokenIds, states: Tensor) -> None:
        """Keep the states (L + 1, D) of the last token of a prompt that somebody may ask for."""
        self._foreseen[ids] = states.clone()  # not a view, which would hold what it was cut from
        self._foreseen.move_to_end(ids)
        while len(self._foreseen) > FORESEEN_BYTES // self._column.token_bytes:
            self._foreseen.popitem(last=False)

    def recall(self, ids: TokenIds) -> None:
        """Put what was foreseen of a prompt behind what is known of it."""
        known = self.known(ids)
        while known < len(ids) and ids[: known + 1] in self._foreseen and self.fits(known + 1):
            self._track.length = known
            self._track.reserve(known + 1)
            known += 1
            self._ids = ids[:known]
            self.rows(known - 1, known)[:, 0].copy_(self._foreseen[self._ids])
        self._track.length = len(self._ids)

    def forget_foreseen(self) -> None:
        """Forget the states of tokens that nobody asked for."""
        self._foreseen.clear()

    @contextmanager
    def writing(self, into: Tensor) -> Iterator[None]:
        """Write the states that the forward inside makes to `into` (L + 1, n, D).

        The n tokens stand one behind the other, or are one of each row of a batch.
        """

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            into[0].copy_(layer_output(args[0] if args else kwargs["hidden_states"]).flatten(0, 1))

        def leave(_: nn.Module, args: object, output: Any, row: int) -> None:
            into[row].copy_(layer_output(output).flatten(0, 1))

        hooks = [self._layers[0].register_forward_pre_hook(enter, with_kwargs=True)]
        for row, layer in enumerate(self._layers, 1):
            hooks.append(layer.register_forward_hook(partial(leave, row=row)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
