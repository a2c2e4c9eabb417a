"""What the engine has answered lately, so that a prompt seen before is drawn at once.

Knows nothing of the screen; holds scores by the ids that they answer.
"""

from dataclasses import replace

from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds

# About 24 bytes a token: 24 MB.
TOKENS_KEPT = 1_000_000


class Answers:
    """Scores of prompts seen before, the longest unused forgotten first.

    Args:
        tokens: how many tokens all kept prompts together may have; the newest is always kept.
    """

    def __init__(self, tokens: int = TOKENS_KEPT) -> None:
        self._limit = tokens
        self._size = 0
        self._scores: dict[TokenIds, Scores] = {}
        # What was peeked at last: a picture peeks a few times, and each would hash all ids.
        self._peeked: tuple[TokenIds, Scores | None] = (), None

    def keep(self, scores: Scores) -> None:
        """Remember an answer."""
        self._take(scores.ids)
        self._scores[scores.ids] = scores
        self._size += len(scores.ids)
        while self._size > self._limit and len(self._scores) > 1:
            self._take(next(iter(self._scores)))

    def peek(self, ids: TokenIds) -> Scores | None:
        """The scores of a prompt as they were answered, the same object each time; None if not known."""
        if ids is not self._peeked[0]:
            self._peeked = ids, self._scores.get(ids)
        return self._peeked[1]

    def of(self, ids: TokenIds) -> Scores | None:
        """The scores of a prompt, all of them reused; None if they aren't known."""
        if (scores := self._scores.pop(ids, None)) is None:
            return None
        self._peeked = (), None
        self._scores[scores.ids] = again = replace(scores, reused=len(ids))
        return again

    def _take(self, ids: TokenIds) -> Scores | None:
        self._peeked = (), None
        scores = self._scores.pop(ids, None)
        if scores is not None:
            self._size -= len(ids)
        return scores
