"""How far a training is: a bar with its losses on a terminal, elsewhere a line for each evaluation."""

from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from token_explorer.tiny.training import Evaluation


class Progress:
    """Tells of a training; a context that is left when it ends.

    Args:
        done, total: steps.
        stream: where it tells of them.
    """

    def __init__(self, done: int, total: int, stream: TextIO) -> None:
        self._done, self._total, self._stream = done, total, stream
        self._shown: dict[str, str] = {}
        self._bar: tqdm[None] | None = None

    def __enter__(self) -> "Progress":
        if self._stream.isatty():
            self._bar = tqdm(
                total=self._total, initial=self._done, unit=" steps", file=self._stream, dynamic_ncols=True
            )
        return self

    def tell(self, loss: float) -> None:
        """A step was taken."""
        if self._bar is not None:
            self._bar.set_postfix({"loss": f"{loss:.3f}", **self._shown}, refresh=False)
            self._bar.update()

    def judged(self, evaluation: Evaluation) -> None:
        """The model was evaluated."""
        self._shown = {"training": f"{evaluation.training:.3f}", "validation": f"{evaluation.validation:.3f}"}
        if self._bar is None:
            losses = ", ".join(f"{name} loss {loss}" for name, loss in self._shown.items())
            print(
                f"iteration {evaluation.iteration} of {self._total}: {losses}", file=self._stream, flush=True
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
