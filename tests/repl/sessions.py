"""A session on fake engines, and what it said."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.text import Text

from tests.fakes import FakeEngine
from token_explorer.config import DisplaySettings, SamplerSettings, Settings
from token_explorer.core.engine import Progress, Report, Stop, Stopped
from token_explorer.errors import ModelNotFound, OutputError
from token_explorer.repl.running import perform
from token_explorer.repl.session import Session, Surroundings

MISSING = "missing"
BROKEN = "broken"


def _nothing() -> None:
    """What happens where no test asks for more."""


@dataclass
class Desk:
    """What a session is run by: gives it engines, and keeps what it says.

    Attributes:
        engines: those that were made, by the names that were asked for.
        shown: lines of results.
        noted: other lines.
        progress: of all loads.
        stop: of the last work that could be stopped.
        before_work: called when such a work begins, before it is done.
        during_load: called at each progress.
        output_error: what writing a result raises.
    """

    engines: list[tuple[str, FakeEngine]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    before_work: Callable[[], None] = _nothing
    during_load: Callable[[], None] = _nothing
    output_error: Exception | None = None

    def open_engine(self, name: str) -> FakeEngine:
        if name == MISSING:
            raise ModelNotFound("Model not found", f"{name} doesn't exist.", "Check the path.")
        engine = FakeEngine()
        if name == BROKEN:
            engine.load_error = ModelNotFound("Can't load the model", name)
        self.engines.append((name, engine))
        return engine

    def show(self, lines: Iterable[Text]) -> None:
        if self.output_error is not None:
            raise self.output_error
        self.shown.extend(line.plain for line in lines)

    @contextmanager
    def loading(self) -> Iterator[Report]:
        def tell(progress: Progress) -> None:
            self.progress.append(progress)
            self.during_load()

        yield tell

    @contextmanager
    def stopping(self) -> Iterator[Stop]:
        self.stop = Stop()
        self.before_work()
        try:
            yield self.stop
        except Stopped:
            raise KeyboardInterrupt from None

    def session(self, strip: bool = False, seed: int = 7) -> Session:
        """A session without a model."""
        around = Surroundings(
            self.open_engine, self.show, self.noted.append, self.loading, self.stopping, self.faults.append
        )
        settings = Settings(
            sampler=SamplerSettings(temperature=0.5, seed=seed),
            display=DisplaySettings(influence_heads=3, palette="cividis"),
        )
        return Session(around, settings, strip)

    @property
    def engine(self) -> FakeEngine:
        """The engine that was made last."""
        return self.engines[-1][1]

    @property
    def text(self) -> str:
        """All results."""
        return "\n".join(self.shown)

    @property
    def notes(self) -> str:
        """All other lines."""
        return "\n".join(self.noted)


@dataclass
class Talk:
    """A session with a model, and its desk."""

    desk: Desk
    session: Session

    def __call__(self, line: str) -> str:
        """What a line shows, which must go well."""
        self.desk.shown.clear()
        self.desk.noted.clear()
        error = perform(self.session, line)
        assert error is None, error
        return self.desk.text

    def refused(self, line: str) -> str:
        """What is told of a line that must not go well; it shows no results."""
        self.desk.shown.clear()
        self.desk.noted.clear()
        assert perform(self.session, line) is not None
        assert self.desk.shown == []
        return self.desk.notes


def talk(strip: bool = False, seed: int = 7) -> Talk:
    """A session that has opened a model."""
    desk = Desk()
    session = desk.session(strip, seed)
    session.open("first")
    desk.noted.clear()
    return Talk(desk, session)


def disk_full() -> OutputError:
    """What is raised where results can't be written."""
    return OutputError("Can't write the output", "No space left.", "Make room.")
