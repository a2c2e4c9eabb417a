"""How far a training is: a bar with its losses on a terminal, elsewhere a line for each evaluation."""

from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from token_explorer.tiny.training import Progress


class Bar:
    """Tells of the iterations of a training; a context that is left when it ends.

    Args:
        total: how many there will be.
        done: how many there were before.
    """

    def __init__(self, total: int, done: int, stream: TextIO) -> None:
        self._stream, self._told = stream, 0
        live = stream.isatty()
        self._bar = tqdm(total=total, initial=done, file=stream, dynamic_ncols=True, disable=not live)

    def __enter__(self) -> "Bar":
        return self

    def tell(self, progress: Progress) -> None:
        """An iteration was done."""
        self._bar.update(progress.iteration - self._bar.n)
        if not self._bar.disable:
            self._bar.set_postfix_str(_words(progress), refresh=False)
        elif len(progress.evaluations) > self._told:
            self.close_with(progress)

    def close_with(self, progress: Progress) -> None:
        """Tell of the evaluations that weren't told of."""
        if self._bar.disable:
            for each in progress.evaluations[self._told :]:
                losses = f"training loss {each.training:.3f}, validation loss {each.validation:.3f}"
                print(f"iteration {each.iteration}: {losses}", file=self._stream, flush=True)
        self._told = len(progress.evaluations)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()


def _words(progress: Progress) -> str:
    losses = f"loss {progress.losses[-1]:.3f}"
    if progress.evaluations:
        losses += f", validation {progress.evaluations[-1].validation:.3f}"
    return losses
