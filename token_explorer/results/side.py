"""One side of a comparison: a model, a text's tokens, and what the model says of them.

Knows nothing of how the other side is had.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from token_explorer.core.engine import EngineInfo
from token_explorer.core.listing import Listed, of_candidates
from token_explorer.core.observation import Distribution
from token_explorer.core.scores import Floats, Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results.scoring import Total


@dataclass(frozen=True, eq=False)
class Side:
    """A model and a text, T tokens.

    Attributes:
        info: what the model is.
        vocabulary: what its ids mean.
        scores: of the tokens, and the likeliest next ones.
        tops: id of the likeliest token after each token; () where only the end was asked about.
        last: what may come after the last token, of all V tokens.
        total: of the tokens.
    """

    info: EngineInfo
    vocabulary: Vocabulary
    scores: Scores
    tops: TokenIds
    last: Distribution
    total: Total

    @property
    def ids(self) -> TokenIds:
        """Of the text's tokens."""
        return self.scores.ids

    @cached_property
    def listed(self) -> Listed:
        """The likeliest next tokens."""
        return of_candidates(self.scores.next)

    def ends(self) -> dict[int, int]:
        """For each number of bytes at which a token ends, how many tokens end there or before."""
        ends = np.cumsum([len(self.vocabulary.pieces[id]) for id in self.ids])
        # What the tokenizer itself puts before a text is none of its bytes.
        ends -= ends[-1] - len(self.vocabulary.utf8(self.ids))
        return {max(0, end): place for place, end in enumerate(ends.tolist(), 1)}

    def logprobs_of(self, other: "Side", by_id: bool) -> Floats:
        """(K,) natural log of the probability that this side gives to each of the other one's listed tokens.

        NaN where it has no such token; the likeliest one's, where several have the same bytes.

        Args:
            by_id: whether the ids of both mean the same; else tokens are the same that have the same bytes.
        """
        known = _by_id(self, other) if by_id else _by_bytes(self, other)
        return np.array([known.get(id, np.nan) for id in other.listed.ids.tolist()], np.float32)


def _by_id(side: Side, other: Side) -> dict[int, float]:
    own = side.last.logprobs.tolist()
    return {id: own[id] for id in other.listed.ids.tolist() if id < len(own)}


def _by_bytes(side: Side, other: Side) -> dict[int, float]:
    wanted = {id: other.vocabulary.pieces[id] for id in other.listed.ids.tolist()}
    pieces, found = set(wanted.values()), dict[bytes, float]()
    for piece, value in zip(side.vocabulary.pieces, side.last.logprobs.tolist(), strict=False):
        if piece in pieces:
            found[piece] = max(value, found.get(piece, value))
    return {id: found[piece] for id, piece in wanted.items() if piece in found}
