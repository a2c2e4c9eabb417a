"""What commands share while they work: a model that is opened and closed, narration, ctrl+c."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from token_explorer.cli.settings import spec
from token_explorer.config import Settings
from token_explorer.core.cuts import Encoding
from token_explorer.core.engine import Progress, Report, Stop, Stopped
from token_explorer.core.tokens import TokenIds, Vocabulary, display
from token_explorer.engine.process import local_engine
from token_explorer.results import palette
from token_explorer.results.blanks import trailing
from token_explorer.results.opened import Opened, open_model
from token_explorer.results.palette import Palettes


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
    """The model that settings name, loaded, and closed at the end; ctrl+c ends the loading at once."""
    engine = local_engine(spec(settings))
    try:
        with _interruptible():
            opened = open_model(engine, narration())
        if opened.info.note:
            note(opened.info.note)
        yield opened
    finally:
        engine.close()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have ctrl+c raise KeyboardInterrupt, as it does where nothing is lost: no Stop is looked at here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def tokenizing(settings: Settings) -> Iterator[tuple[Vocabulary, Callable[[str], TokenIds]]]:
    """The vocabulary of the model that settings name, and what encodes a text; no weights are loaded."""
    engine = local_engine(spec(settings))
    try:
        vocabulary = engine.load_tokenizer(narration())
        # A text that is longer than the context can be cut all the same.
        yield vocabulary, lambda text: engine.observe((), Encoding(text, True, False), Stop()).tokens
    finally:
        engine.close()


def encoded(opened: Opened, text: str) -> TokenIds:
    """The tokens of a text; says on stderr what a blank at its end does to them."""
    ids = opened.engine.encode(text)
    if said := trailing(opened.vocabulary, opened.engine.encode, text):
        note(said)
    return ids


def palettes(name: str) -> Palettes:
    """The palettes that stdout's terminal can show."""
    console = Console(file=sys.stdout)
    depth = palette.depth(console.color_system, os.environ.get("TERM", ""), console.no_color)
    return palette.chosen(name, depth)


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
