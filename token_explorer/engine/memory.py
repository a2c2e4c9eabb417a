"""What the engine remembers: the live track, and a prefix tree of everything it held before.

The track holds the rows of `live`, the sequence that was run last; the tree's runs on the way to its end have
no payload of their own. Before the track's tail is overwritten it is copied into the tree; a prompt that was
left is copied back only when a forward needs its keys and values. Knows nothing of models.
"""

from collections.abc import Callable, Sequence
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


# Tokens that were run before anybody asked for them: those that several places of a text look ahead to.
GUESSES = 512


class Memory:
    """Rows of every token run before, within bounds.

    The track's columns are those given (keys, values), then last hidden states like `like` (D,), then scores.
    """

    def __init__(self, columns: Sequence[Column], like: Tensor, max_bytes: int, max_leaves: int) -> None:
        hidden = Column((0, len(like)), 0, like.dtype, like.device)
        scores = Column((3, 0), 1, torch.float32, torch.device("cpu"))
        self.track = Track([*columns, hidden, scores])
        self.tree: PrefixTree[Segment] = PrefixTree(max_bytes, max_leaves, GUESSES)
        self.live: TokenIds = ()
        self._tip: Node[Segment] = self.tree.root
        self._hidden = len(columns)
        self._scores = len(columns) + 1

    def known(self, ids: TokenIds) -> Known:
        """What is remembered of a prompt that somebody asks for; moves nothing."""
        node, length = self.tree.match(ids)
        self.tree.ask(node)
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

    def load(self, ids: TokenIds, length: int, check: Callable[[], None]) -> int:
        """Put the rows of a prompt's first `length` tokens, as far as they are still known, into the track.

        Args:
            check: called now and then; what it raises leaves all that is remembered.

        Returns:
            how many that are. The track then ends there.
        """
        self._leave(common_length(ids[:length], self.live), check)
        node, found = self.tree.match(ids[:length])
        if found > len(self.live):
            self._enter(self.tree.split(node, found), ids[:found], check)
        return found

    def begin(self, tokens: int) -> None:
        """Make room for rows that a forward is going to write behind the live ones."""
        self.track.reserve(len(self.live) + tokens)

    def keep(self, start: int, hidden: Tensor, scores: Tensor) -> None:
        """Put hidden states (n, D) and scores (3, n) into the track beside keys and values that are there."""
        self.track.rows(self._hidden, start, start + len(hidden)).copy_(hidden)
        self.track.rows(self._scores, start, start + len(hidden)).copy_(scores)

    def commit(self, ids: TokenIds, hidden: Tensor, scores: Tensor) -> None:
        """Keep the rows that a forward wrote behind the live ones.

        Args:
            ids: the n tokens that were run.
            hidden (n, D): their last hidden states.
            scores (3, n): their logprob, entropy and rank.
        """
        start, stop = len(self.live), len(self.live) + len(ids)
        self.keep(start, hidden, scores)
        self.track.length = stop
        self.live += ids
        self._tip = self.tree.extend(self._tip, ids)
        self.trim()

    # What was guessed that somebody might ask for.

    def branch(self, ids: TokenIds) -> Node[Segment]:
        """The run that ends with a prompt whose rows are all in the track."""
        node, found = self.tree.match(ids)
        assert found == len(ids)
        return self.tree.split(node, found)

    def knows(self, behind: Node[Segment], path: TokenIds) -> bool:
        """Whether all tokens that follow a run so are remembered."""
        return self.tree.match(path, behind)[1] == len(path)

    def rows(self, behind: Node[Segment], path: TokenIds) -> list[Segment]:
        """The rows of tokens that are remembered and follow a run."""
        node, found = self.tree.match(path, behind)
        assert found == len(path)
        stop, parts = behind.stop + found, []
        for run in node.path():
            first, last = max(run.start, behind.stop), min(run.stop, stop)
            if first < last and run.payload is None:
                parts.append(self.track.copy_out(first, last))
            elif first < last and run.payload is not None:
                parts.append(run.payload[first - run.start : last - run.start])
        return parts

    def foresee(self, behind: Node[Segment], path: TokenIds, row: int) -> bool:
        """Keep what the track holds in a row as the last token of a path; False where there is no room.

        Args:
            behind: a live run.
            path: tokens that follow it, of which only the last is new.
        """
        if not self.tree.make_room(self.track.token_bytes, self._tip):
            return False
        node, found = self.tree.match(path, behind)
        if found < len(path) - 1:
            return False
        if found < len(path):
            tip = self.tree.split(node, behind.stop + found)
            self.tree.guess(tip, path[-1:], self.track.copy_out(row, row + 1))
        return True

    def forget_guesses(self) -> None:
        """Forget all that nobody asked for."""
        self.tree.forget_guesses()

    def trim(self) -> None:
        """Hold the bounds on how many sequences and guesses are kept."""
        self.tree.trim(self._tip)

    def _last_hidden(self, run: Node[Segment], stop: int) -> Tensor | None:
        """The (D,) hidden state of the token before `stop`, which is in a run; None before all tokens."""
        if stop == 0:
            return None
        if run.payload is None:
            return self.track.rows(self._hidden, stop - 1, stop)[0]
        return run.payload.row(self._hidden, stop - 1 - run.start)

    def _leave(self, length: int, check: Callable[[], None]) -> None:
        """End the live sequence after `length` tokens; what stood behind goes to the tree, if it has room."""
        if length == len(self.live):
            return
        end = self._live_end(self._tip.path(), length)
        for node in self._tip.path():
            if node.start < length or node.payload is not None:
                continue
            nbytes = len(node.ids) * self.track.token_bytes
            if not self.tree.make_room(nbytes, end, self._tip):
                self.tree.remove(node)
                break
            self.tree.store(node, self.track.copy_out(node.start, node.stop, check))
        # Only now, as what was copied so far are no more than copies if the check ends it.
        self._tip, self.live = end, self.live[:length]
        self.track.length = length

    def _live_end(self, path: list[Node[Segment]], at: int) -> Node[Segment]:
        """The run that ends the live sequence after `at` tokens, cut there if need be."""
        if at == 0:
            return self.tree.root
        inside = next(node for node in path if node.start < at <= node.stop)
        return self.tree.split(inside, at)

    def _enter(self, node: Node[Segment], ids: TokenIds, check: Callable[[], None]) -> None:
        """Copy stored runs behind the live ones, up to the end of `node`."""
        self.tree.ask(node)
        for run in node.path():
            if run.start >= len(self.live):
                assert run.payload is not None
                self.track.copy_in(run.payload, check)
                self.live = ids[: run.stop]
                self._tip = run
                if len(run.ids) == 1:  # what was foreseen becomes one run with what stands before it
                    self.tree.release(run)
