"""A model that says what a test has it say: its vocabulary, how it cuts a text, and its logits."""

from collections.abc import Callable

import numpy as np

from tests.fakes import FakeEngine
from token_explorer.core.engine import Answer, Report, Stop
from token_explorer.core.observation import Distribution, Facet, Following
from token_explorer.core.scores import Candidates, Floats, Scores
from token_explorer.core.tokens import TokenIds, Vocabulary

Saying = Callable[[TokenIds], list[float]]


class Spoken(FakeEngine):
    """A FakeEngine of which logits are given.

    Args:
        pieces: of its vocabulary; a text is cut into the longest that fit.
        saying: the raw logits after a prompt.
        bos: whether id 0 stands before every text.
    """

    def __init__(self, pieces: tuple[bytes, ...], saying: Saying, bos: bool = True) -> None:
        super().__init__()
        self.vocabulary = Vocabulary(
            pieces, frozenset({0}), bos=0 if bos else None, start=0, ends=frozenset({0})
        )
        self.saying = saying

    def load_tokenizer(self, report: Report) -> Vocabulary:
        self.calls.append("load_tokenizer")
        return self.vocabulary

    def encode(self, text: str) -> TokenIds:
        pieces, rest = self.vocabulary.pieces, text.encode()
        ids = [] if self.vocabulary.bos is None else [0]
        while rest:
            fitting = [id for id, piece in enumerate(pieces) if id and piece and rest.startswith(piece)]
            ids.append(max(fitting, key=lambda id: len(pieces[id])))
            rest = rest[len(pieces[ids[-1]]) :]
        return tuple(ids)

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        self.scored.append(ids)
        stop.check()
        grid = [self._logprobs(ids[:end]) for end in range(1, len(ids) + 1)]
        taken = [float(row[id]) for row, id in zip(grid, ids[1:], strict=False)]
        best = np.argsort(-grid[-1], kind="stable")[:top_k]
        count = len(ids)
        return Scores(
            ids,
            np.array([np.nan, *taken], np.float32),
            np.full(count, np.nan, np.float32),
            np.ones(count, np.int64),
            Candidates(best.astype(np.int64), grid[-1][best], 0.0, 1.0),
            0,
        )

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        assert isinstance(facet, Following)
        return self._following(ids[: facet.place])  # type: ignore[return-value]

    def _following(self, ids: TokenIds) -> Distribution:
        logits = np.array(self.saying(ids), np.float32)
        return Distribution(logits, float(np.log(np.exp(logits.astype(np.float64)).sum())))

    def _logprobs(self, ids: TokenIds) -> Floats:
        return self._following(ids).logprobs
