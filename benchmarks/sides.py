"""Both sides of a comparison on one prompt: the program's engine, and the bare loop.

Each is a fresh process, so that what one prompt left behind is in no other's memory. Knows nothing of what is
compared.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.bare import Bare, Ids
from benchmarks.figures import Took
from benchmarks.system import took
from token_explorer.core.engine import ModelSpec, Progress, Stop
from token_explorer.core.tokens import Vocabulary
from token_explorer.engine.local import default_threads
from token_explorer.engine.process import EngineProcess, local_engine

# Candidates asked for with the scores, as the program's table does by default.
TOP_K = 30
STORY = "Once upon a time, there was a small girl who lived by the sea. "


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of about a given length.

    Attributes:
        text: what encodes to the ids.
        folder: of the model that they are for.
        model: that model's name.
    """

    ids: Ids
    text: str
    model: str
    folder: str

    def beginning_with(self, token: int) -> Ids:
        """The prompt with another first token, so that nothing of it was run before."""
        return (token, *self.ids[1:])


class Sides:
    """The program's engine and the bare loop, both with the model loaded."""

    def __init__(
        self, engine: EngineProcess, bare: Bare, vocabulary: Vocabulary, source: tuple[str, str]
    ) -> None:
        self.engine = engine
        self.bare = bare
        self._vocabulary = vocabulary
        self._source = source

    @property
    def pid(self) -> int:
        """The engine's process."""
        assert self.engine.pid is not None
        return self.engine.pid

    def prompt(self, length: int) -> Prompt:
        """A prompt of so many tokens, give or take what joins at its end."""
        once, twice = (len(self.engine.encode(STORY * times)) for times in (1, 2))
        # Not much more than is needed: a text longer than the model's context is refused.
        ids = self.engine.encode(STORY * (length // (twice - once) + 1))[:length]
        text = self._vocabulary.text(ids)
        return Prompt(self.engine.encode(text), text, *self._source)

    def score(self, ids: Ids) -> Took:
        """What the engine takes to score a prompt."""
        return self.ours(lambda: self.engine.score(ids, TOP_K, Stop()))

    def ours(self, work: Callable[[], object]) -> Took:
        """What the engine takes for something, as whoever asks it sees it."""
        return took(work, self.pid)


def silent(_: Progress) -> None:
    """Say nothing of how far a load is."""


@contextmanager
def both(model: str) -> Iterator[Sides]:
    """Load both sides, and end them."""
    engine = local_engine(ModelSpec(model, device="cpu"))
    try:
        vocabulary = engine.load_tokenizer(silent)
        info = engine.load_model(silent)
        with Bare(info.folder, default_threads()) as bare:
            bare.weights_bytes()  # waits until it is loaded
            yield Sides(engine, bare, vocabulary, (model, info.folder))
    finally:
        engine.close()
