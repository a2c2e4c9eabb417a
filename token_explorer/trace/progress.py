"""How far a run is: a bar with tokens per second on a terminal, elsewhere a line at its start and end."""

from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from token_explorer.core.generation import Step


class Progress:
    """Tells of the steps of a run; a context that is left when it ends.

    Args:
        total: most tokens that it writes.
        stream: where it tells of them.
    """

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._stream = stream
        self._seconds = 0.0
        self._count = 0
        self._bar: tqdm[None] | None = None

    def __enter__(self) -> "Progress":
        if self._stream.isatty():
            self._bar = tqdm(total=self._total, unit=" tokens", file=self._stream, dynamic_ncols=True)
        else:
            print(f"writing up to {self._total} tokens …", file=self._stream, flush=True)
        return self

    def tell(self, step: Step) -> None:
        """A token came."""
        self._count, self._seconds = self._count + 1, step.seconds
        if self._bar is not None:
            self._bar.update()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        speed = f", {self._count / self._seconds:.1f} a second" if self._seconds > 0 else ""
        if self._bar is None:
            print(f"{self._count} tokens{speed}", file=self._stream, flush=True)
