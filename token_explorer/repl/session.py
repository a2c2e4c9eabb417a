"""A session: the model that is asked, what was set, and the ways in which it tells of its results.

Knows nothing of lines, commands and terminals.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.text import Text

from token_explorer.config import FRESH_SEED, Settings
from token_explorer.core.engine import Engine, Progress, Report, Stop
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError, OutputError
from token_explorer.results import blanks
from token_explorer.results.opened import Opened

_NO_MODEL = "A model is opened by its name, such as: model embedded"


class LostOutput(Exception):
    """Results can't be written any more, so there is nothing left to do; holds the OutputError."""

    def __init__(self, error: OutputError) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session is given by whoever runs it.

    Attributes:
        open_engine: an engine for a model's name, not loaded yet; raises ModelNotFound.
        show: writes lines of a result; raises OutputError.
        note: tells a line that is no result; makes it safe itself.
        loading: a report of progress, for the time of a load.
        stopping: a Stop that ctrl+c sets the first time; the second raises KeyboardInterrupt, as Stopped
            does where it is left to it.
        fault: is told of an exception that is a bug.
    """

    open_engine: Callable[[str], Engine]
    show: Callable[[Iterable[Text]], None]
    note: Callable[[str], None]
    loading: Callable[[], AbstractContextManager[Report]]
    stopping: Callable[[], AbstractContextManager[Stop]]
    fault: Callable[[Exception], None]


class Session:
    """What stays from one line to the next.

    Args:
        around: see Surroundings.
        settings: the sampler as it is once it is switched on, its seed, and what is drawn how.
        strip: whether blanks at the end of a text are taken off.
    """

    def __init__(self, around: Surroundings, settings: Settings, strip: bool = False) -> None:
        self.around = around
        self.usual = settings.sampler.sampler
        self.sampler: Sampler | None = None
        self.seed = None if settings.sampler.seed == FRESH_SEED else settings.sampler.seed
        self.heads, self.palette = settings.display.influence_heads, settings.display.palette
        self.strip = strip
        self.over = False
        self.name = ""
        self.opened: Opened | None = None
        self._died = threading.Event()

    def open(self, name: str) -> None:
        """Open a model in place of the one that is open.

        That one is closed once the new one's files are found, as memory may not hold both; where the new
        one's weights then can't be loaded, it is the one that `ready` opens again.

        Raises ModelNotFound, ModelLoadError, DeviceError, EngineDied; KeyboardInterrupt ends a load.
        """
        died = threading.Event()
        engine = self.around.open_engine(name)
        engine.when_died(died.set)
        try:
            with self.around.loading() as report:
                report(Progress(f"opening {name}"))
                vocabulary = engine.load_tokenizer(report)
                self.drop()
                info = engine.load_model(report)
        except BaseException:
            engine.close()
            raise
        self.name, self.opened, self._died = name, Opened(engine, vocabulary, info), died
        self.note(f"{self.about}.{f' {info.note}' if info.note else ''}")

    def ready(self) -> Opened:
        """The model that is open; opened again where its engine was lost. Raises as `open` does."""
        if self.opened is not None and self._died.is_set():
            self.note("The engine's process ended while nothing was asked; the model is opened again.")
            self.drop()
        if self.opened is None:
            if not self.name:
                raise InputError("No model", "none is open.", _NO_MODEL)
            self.open(self.name)
        assert self.opened is not None
        return self.opened

    def drop(self) -> None:
        """Close the model that is open, if one is; its name is kept."""
        opened, self.opened = self.opened, None
        if opened is not None:
            opened.engine.close()

    @property
    def about(self) -> str:
        """The model that is open, in a few words."""
        if self.opened is None:
            return f"{self.name}, not open" if self.name else "no model"
        info = self.opened.info
        return f"{info.model} · {info.device} · {info.dtype}"

    @property
    def standing(self) -> str:
        """Which model the next command asks, after something went wrong."""
        if self.opened is not None:
            return f"{self.opened.info.model} stays open."
        return f"The next command opens {self.name} again." if self.name else _NO_MODEL

    def encoded(self, opened: Opened, text: str) -> tuple[str, TokenIds]:
        """A text as it is asked about, and its tokens; tells what blanks at its end do, or takes them off."""
        encode = opened.engine.encode
        if self.strip and (end := blanks.ending(text)):
            self.note(f'Taken off the end: "{end}" (strip is on).')
            text = text.rstrip()
        elif said := blanks.trailing(opened.vocabulary, encode, text):
            self.note(f"{said} strip on takes it off.")
        return text, encode(text)

    def note(self, text: str) -> None:
        """Tell something that is no result."""
        self.around.note(text)

    def say(self, lines: Iterable[Text], stop: Stop | None = None) -> None:
        """Write lines of a result, each as soon as it is there.

        Raises LostOutput, and Stopped between two lines once `stop` is set.
        """
        for line in lines:
            if stop is not None:
                stop.check()
            try:
                self.around.show([line])
            except OutputError as error:
                raise LostOutput(error) from error
