"""The demo model, trained once for all tests of a session; and small trainings."""

from dataclasses import dataclass
from pathlib import Path

from token_explorer.core.engine import Stop
from token_explorer.tiny.data import Corpus, corpus
from token_explorer.tiny.folder import Folder
from token_explorer.tiny.settings import TinySettings
from token_explorer.tiny.training import Evaluation
from token_explorer.tiny.work import ByHand, Work

SHORT = TinySettings(max_iters=6, eval_interval=3, warmup_iters=2)


def ignore(*_: object) -> None:
    """What nobody listens to."""


@dataclass
class Stopping:
    """Sets a Stop after so many steps."""

    stop: Stop
    steps: int

    def tell(self, loss: float) -> None:
        self.steps -= 1
        if not self.steps:
            self.stop.set()


def work(
    folder: Path, settings: TinySettings = SHORT, data: Corpus | None = None, by_hand: ByHand | None = None
) -> Work:
    """A training that is about to begin in a folder."""
    data = data or corpus("demo")
    kept = Folder(folder)
    kept.prepare(settings, data, False)
    return Work(settings, data, kept, "cpu", by_hand)


def run(made: Work) -> Work:
    """The same, to its end."""
    assert made.run(ignore, ignore, Stop())
    return made


def judged(*losses: float) -> list[Evaluation]:
    """A history with these validation losses."""
    return [Evaluation(number, 1.0, loss) for number, loss in enumerate(losses)]
