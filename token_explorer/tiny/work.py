"""A training from beginning to end: data, words and model put together, trained, and kept in a folder.

Knows nothing of flags. Imports torch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from token_explorer.core.engine import Stop
from token_explorer.tiny import record, steps
from token_explorer.tiny.batches import split
from token_explorer.tiny.curve import curve
from token_explorer.tiny.data import Corpus
from token_explorer.tiny.folder import BY_HAND, LOSS, PAGE, Folder
from token_explorer.tiny.settings import TinySettings
from token_explorer.tiny.training import Evaluation, Training, plain_step, train
from token_explorer.tiny.words import make_tokenizer


@dataclass(frozen=True, slots=True)
class ByHand:
    """What is recorded of a training.

    Attributes:
        iterations: how many, from the first one on.
        matrix: whose update is followed; the name of a parameter.
    """

    iterations: int
    matrix: str = record.MATRIX


class Work:
    """A training that is kept in a folder.

    Args:
        device: torch's name of where it runs.
        by_hand: what is recorded of it; None for nothing.

    Raises InputError for data that is too small, and for a matrix that can't be recorded.
    """

    def __init__(
        self, settings: TinySettings, data: Corpus, folder: Folder, device: str, by_hand: ByHand | None = None
    ) -> None:
        self.data, self.folder = data, folder
        self.tokenizer = make_tokenizer(data, settings.vocabulary, settings.positions)
        ids = self.tokenizer.backend_tokenizer.encode(data.text, add_special_tokens=False).ids
        self.tokens = len(ids)
        parts = split(np.array(ids, dtype=np.int64), settings.positions)
        self.training = Training(settings, parts, len(self.tokenizer), device)
        self._by_hand = by_hand
        self._matrix = None if by_hand is None else record.matrix(self.training, by_hand.matrix)
        self._steps: list[record.Iteration] = []

    @property
    def words(self) -> list[str]:
        """The words of the model, by their ids."""
        return sorted(self.tokenizer.get_vocab(), key=self.tokenizer.get_vocab().__getitem__)

    def run(self, tell: Callable[[float], None], judged: Callable[[Evaluation], None], stop: Stop) -> bool:
        """Train, keep the best model, and say whether the end was reached. Raises OutputError."""

        def keep(evaluation: Evaluation) -> None:
            judged(evaluation)
            self.folder.keep(self.training, self.tokenizer, self.data)

        threads = torch.get_num_threads()
        # So small a model is slower on several threads, and its sums would come in another order.
        torch.set_num_threads(1)
        try:
            ended = train(self.training, self._step, tell, keep, stop)
        finally:
            torch.set_num_threads(threads)
        self._finish()
        return ended

    def written(self) -> list[str]:
        """The names of the files beside the model's own."""
        return [LOSS, *((BY_HAND, PAGE) if self._steps else ())]

    def _step(self) -> float:
        if (
            self._matrix is None
            or self._by_hand is None
            or self.training.iteration >= self._by_hand.iterations
        ):
            return plain_step(self.training)
        self._steps.append(record.recorded_step(self.training, self._matrix))
        return self._steps[-1].loss

    def _finish(self) -> None:
        """Write what is left to write, however the training ended."""
        self.folder.keep(self.training, self.tokenizer, self.data)
        title = f"Learning {self.data.name}: {self.training.parameters:,} parameters"
        self.folder.write(LOSS, curve(title, self.training.losses, self.training.history))
        if self._steps:
            matrix, words = self._name(), self.words
            self.folder.write(BY_HAND, steps.document(self._steps, matrix, words).encode())
            self.folder.write(PAGE, steps.make_page(self._steps, matrix, words, title).encode())

    def _name(self) -> str:
        named: dict[str, object] = dict(self.training.model.named_parameters())
        return next(name for name, each in named.items() if each is self._matrix)
