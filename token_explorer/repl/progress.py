"""How far a load is, on a terminal: its stage, with a bar where the end is known.

Knows nothing of what is loaded.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from token_explorer.core.engine import Progress, Report
from token_explorer.core.tokens import display

if TYPE_CHECKING:
    from tqdm import tqdm

_OPEN_ENDED = "{desc} …"
_BAR = "{desc} {percentage:3.0f}% {bar} {elapsed}<{remaining}"


@contextmanager
def progress_bar(stream: TextIO) -> Iterator[Report]:
    """A report that draws each stage in the place of the one before, and leaves nothing behind."""
    bar = _StageBar(stream)
    try:
        yield bar.tell
    finally:
        bar.close()


class _StageBar:
    """The bar of one stage at a time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def tell(self, progress: Progress) -> None:
        """Draw how far it is."""
        if self._bar is None or self._stage != progress.stage or self._bar.total != (progress.total or None):
            self.close()
            self._begin(progress)
        assert self._bar is not None
        self._bar.update(max(0, progress.done - self._bar.n))
        if progress.done == progress.total:  # it isn't drawn at every update
            self._bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _begin(self, progress: Progress) -> None:
        from tqdm import tqdm

        # By itself it takes a lock of the system's, and a thread that watches over slow bars.
        tqdm.set_lock(threading.RLock())
        tqdm.monitor_interval = 0
        self._stage = progress.stage
        self._bar = tqdm(
            desc=display(progress.stage),
            total=progress.total or None,
            bar_format=_BAR if progress.total else _OPEN_ENDED,
            file=self._stream,
            leave=False,
            dynamic_ncols=True,
        )
