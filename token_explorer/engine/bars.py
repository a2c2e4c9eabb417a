"""The libraries' own progress bars and log lines, turned into reports and silence.

Nothing that a library prints may reach a terminal that a screen is drawn on.
"""

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from token_explorer.core.engine import Progress, Report

if TYPE_CHECKING:
    from tqdm import tqdm


def bar_class(report: Report, stage: str, unit: str | None = None) -> "type[tqdm[Any]]":
    """A progress bar class that reports instead of printing.

    Args:
        report: where progress goes.
        stage: what the user reads it as.
        unit: report only bars that count this, where a library shows several at once.
    """
    from tqdm import tqdm

    # By itself it takes a lock of the system's, which a process that is killed leaves behind.
    tqdm.set_lock(threading.RLock())

    class Bar(tqdm):  # type: ignore[misc, type-arg, unused-ignore]
        monitor_interval = 0  # no thread to watch over a bar that nobody sees
        best = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "file": io.StringIO(), "leave": False, "disable": False})

        def display(self, msg: str | None = None, pos: int | None = None) -> bool:
            done = int(self.n)
            if msg is None and (unit is None or self.unit == unit) and done >= Bar.best:
                Bar.best = done
                report(Progress(stage, done, int(self.total or 0)))
            return True

    return Bar


@contextmanager
def quiet(report: Report | None = None, stage: str = "") -> Iterator[None]:
    """Let transformers print nothing, and report the steps of what it does where `report` is given."""
    from transformers.utils import logging as library

    verbosity = library.get_verbosity()
    bar = bar_class(report or _nowhere, stage)
    hook = library.set_tqdm_hook(lambda _factory, args, kwargs: bar(*args, **kwargs))
    library.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        library.set_verbosity(verbosity)
        library.set_tqdm_hook(hook)


def _nowhere(progress: Progress) -> None:
    """A report that nobody reads."""
