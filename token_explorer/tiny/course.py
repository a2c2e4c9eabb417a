"""The course of a training: from its data to the folder that holds the model, told of as it goes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch

from token_explorer.core.engine import Stop
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError
from token_explorer.tiny import words
from token_explorer.tiny.folder import PLOT, Folder, Setup
from token_explorer.tiny.plot import plot
from token_explorer.tiny.settings import Recipe, Shape
from token_explorer.tiny.training import Data, Progress, Training, new_model, split


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from.

    Attributes:
        ids: the whole text.
        vocabulary: its tokens, by id.
        unknown: the part of its words that have no token of their own.
    """

    ids: TokenIds
    vocabulary: tuple[str, ...]
    unknown: float

    @classmethod
    def of(cls, text: str, most: int) -> "Lesson":
        """A text cut into words, with a vocabulary of so many tokens at most. Raises InputError."""
        cut = words.cut(words.plain(text))
        vocabulary = words.choose(cut, most)
        proper, known = [word for word in cut if word != words.SPACE], frozenset(vocabulary)
        unknown = sum(word not in known for word in proper) / len(proper)
        return cls(words.encode(cut, vocabulary), vocabulary, unknown)

    @property
    def digest(self) -> str:
        """What a text is known by."""
        return hashlib.sha256(" ".join(map(str, self.ids)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        progress: all of it.
        parameters: how many the model has; a head that is tied to the embeddings isn't counted again.
        interrupted: whether it ended before its last iteration.
    """

    progress: Progress
    parameters: int
    interrupted: bool


class Course:
    """A training that is kept in a folder.

    Args:
        device: as torch names it.
    """

    def __init__(self, lesson: Lesson, shape: Shape, recipe: Recipe, folder: Folder, device: str) -> None:
        # Threads wait for one another longer than such matrices take, and one adds up in the same order.
        torch.set_num_threads(1)
        self.lesson, self.recipe, self.folder = lesson, recipe, folder
        self.setup = Setup(shape, recipe, lesson.digest, lesson.vocabulary)
        self.model = new_model(shape, len(lesson.vocabulary), recipe.seed)
        self._data: Data = split(lesson.ids, shape.positions)
        self._device = device

    @property
    def parameters(self) -> int:
        """How many the model has."""
        return int(self.model.num_parameters())

    def begin(self, resume: bool, force: bool) -> Training:
        """The training, at its beginning or where it was left. Raises InputError, OutputError."""
        if resume:
            return self._training(self.folder.resume(self.setup))
        self.folder.prepare(force)
        return self._training(None)

    def _training(self, resumed: Progress | None) -> Training:
        if resumed is not None and resumed.iteration >= self.recipe.iterations:
            message = f"the training in {self.folder.path} is complete."
            raise InputError("Nothing to resume", message, "Begin anew with --force.")
        return Training(self.model, self._data, self.recipe, self._device, resumed)

    def run(self, training: Training, tell: Callable[[Progress], None], stop: Stop) -> Outcome:
        """Train, and keep the best model; where `stop` is set, that of what was done till then."""

        def told(progress: Progress) -> None:
            tell(progress)
            if progress.iteration % self.recipe.evaluate_every == 0:
                self.folder.keep(self.setup, training.keep())

        progress = training.run(told, stop)
        self.folder.keep(self.setup, progress)
        self.model.load_state_dict(progress.best)
        self.model.cpu()
        self.folder.save(self.model, self.lesson.vocabulary)
        size = len(self.lesson.vocabulary)
        drawn = plot(progress, size, f"A GPT of {self.parameters:,} parameters")
        (self.folder.path / PLOT).write_bytes(drawn)
        return Outcome(progress, self.parameters, progress.iteration < self.recipe.iterations)
