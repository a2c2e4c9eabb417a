"""What the engine remembers: the live track, and a prefix tree of everything it held before.

The track holds the rows of `live`, the sequence that was run last; the tree's runs on the way to its end have
no payload of their own. Before the track's tail is overwritten it is copied into the tree; a prompt that was
left is copied back only when a forward needs its keys and values. Knows nothing of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.engine.kv import Column, Segment, Track
from token_explorer.engine.prefix_tree import Node, PrefixTree


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is remembered of a prompt's first tokens.

    Attributes:
        length: n, how many of its tokens.
        scores (3, n): logprob, entropy and rank of each token, float32 on the CPU.
        hidden (D,): the last of these tokens' last hidden state; None when n is 0.
    """

    length: int
    scores: Tensor
    hidden: Tensor | None


class Memory:
    """Rows of every token run before, within bounds.

    The track's columns are those given (keys, values), then last hidden states like `like` (D,), then scores.
    """

    def __init__(self, columns: Sequence[Column], like: Tensor, max_bytes: int, max_leaves: int) -> None:
        hidden = Column((0, len(like)), 0, like.dtype, like.device)
        scores = Column((3, 0), 1, torch.float32, torch.device("cpu"))
        self.track = Track([*columns, hidden, scores])
        self.tree: PrefixTree[Segment] = PrefixTree(max_bytes, max_leaves)
        self.live: TokenIds = ()
        self._tip: Node[Segment] = self.tree.root
        self._hidden = len(columns)
        self._scores = len(columns) + 1

    def known(self, ids: TokenIds) -> Known:
        """What is remembered of a prompt; moves nothing."""
        node, length = self.tree.match(ids)
        shared = common_length(ids, self.live)
        parts = [self.track.rows(self._scores, 0, shared)]
        for run in node.path():
            if run.payload is not None and (stop := min(run.stop, length)) > shared:
                rows = run.payload.column(self._scores)
                parts.append(rows[:, max(shared - run.start, 0) : stop - run.start])
        return Known(length, torch.cat(parts, dim=1), self._last_hidden(node, length))

    def last(self, ids: TokenIds) -> tuple[int, Tensor | None]:
        """How many of a prompt's tokens are remembered, and the last one's (D,) last hidden state, if any.

        What `known` gives but for the scores, whose copy grows with the prompt; moves nothing either.
        """
        node, length = self.tree.match(ids)
        return length, self._last_hidden(node, length)

    def load(self, ids: TokenIds, length: int) -> int:
        """Put the rows of a prompt's first `length` tokens, as far as they are still known, into the track.

        Returns:
            how many that are. The track then ends there.
        """
        self._leave(common_length(ids[:length], self.live))
        node, found = self.tree.match(ids[:length])
        if found > len(self.live):
            self._enter(self.tree.split(node, found), ids[:found])
        return found

    def begin(self, tokens: int) -> None:
        """Make room for rows that a forward is going to write behind the live ones."""
        self.track.reserve(len(self.live) + tokens)

    def commit(self, ids: TokenIds, hidden: Tensor, scores: Tensor) -> None:
        """Keep the rows that a forward wrote behind the live ones.

        Args:
            ids: the n tokens that were run.
            hidden (n, D): their last hidden states.
            scores (3, n): their logprob, entropy and rank.
        """
        start, stop = len(self.live), len(self.live) + len(ids)
        self.track.rows(self._hidden, start, stop).copy_(hidden)
        self.track.rows(self._scores, start, stop).copy_(scores)
        self.track.length = stop
        self.live += ids
        self._tip = self.tree.extend(self._tip, ids)
        self.tree.trim(self._tip)

    def _last_hidden(self, run: Node[Segment], stop: int) -> Tensor | None:
        """The (D,) hidden state of the token before `stop`, which is in a run; None before all tokens."""
        if stop == 0:
            return None
        if run.payload is None:
            return self.track.rows(self._hidden, stop - 1, stop)[0]
        return run.payload.row(self._hidden, stop - 1 - run.start)

    def _leave(self, length: int) -> None:
        """End the live sequence after `length` tokens; what stood behind goes to the tree, if it has room."""
        if length == len(self.live):
            return
        tail, at = self._tip.path(), length
        self._tip = self._live_end(tail, at)
        for node in tail:
            if node.start < at or node.payload is not None:
                continue
            nbytes = len(node.ids) * self.track.token_bytes
            if not self.tree.make_room(nbytes, self._tip):
                self.tree.remove(node)
                break
            self.tree.store(node, self.track.copy_out(node.start, node.stop))
        self.live = self.live[:length]
        self.track.length = length

    def _live_end(self, path: list[Node[Segment]], at: int) -> Node[Segment]:
        """The run that ends the live sequence after `at` tokens, cut there if need be."""
        if at == 0:
            return self.tree.root
        inside = next(node for node in path if node.start < at <= node.stop)
        return self.tree.split(inside, at)

    def _enter(self, node: Node[Segment], ids: TokenIds) -> None:
        """Copy stored runs behind the live ones, up to the end of `node`."""
        for run in node.path():
            if run.start >= len(self.live):
                assert run.payload is not None
                self.track.copy_in(run.payload)
                self.live = ids[: run.stop]
                self._tip = run
