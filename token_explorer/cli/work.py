"""What commands share while they work: a model that is opened and closed, narration, ctrl+c."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from token_explorer.cli.settings import spec
from token_explorer.config import Settings
from token_explorer.core.engine import Progress, Report, Stop, Stopped
from token_explorer.core.tokens import display
from token_explorer.engine.process import local_engine
from token_explorer.results.opened import Opened, open_model


def narration() -> Report:
    """A report that tells of each stage once, on stderr."""
    stages: set[str] = set()

    def tell(progress: Progress) -> None:
        if progress.stage not in stages:
            stages.add(progress.stage)
            print(f"{display(progress.stage)} …", file=sys.stderr, flush=True)

    return tell


def note(text: str) -> None:
    """Tell something on stderr that isn't a result."""
    print(display(text), file=sys.stderr, flush=True)


@contextmanager
def opening(settings: Settings) -> Iterator[Opened]:
    """The model that settings name, loaded, and closed at the end."""
    engine = local_engine(spec(settings))
    try:
        yield open_model(engine, narration())
    finally:
        engine.close()


@contextmanager
def stopping() -> Iterator[Stop]:
    """A Stop that the first ctrl+c sets; the second ends the program. What Stopped leaves ends it, too."""
    stop = Stop()

    def interrupted(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # In a thread, as the interrupted one may hold the lock that the engine's calls take.
        threading.Thread(target=stop.set).start()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    except Stopped:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
