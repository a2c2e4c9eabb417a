"""The desk between a screen and an engine: one thread that asks the engine, the latest question first.

A newer question takes the place of one that hasn't started and stops one that has. An engine that dies is
started again. Knows nothing of terminals: what happens is told through a callback, in the desk's thread.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from token_explorer.core.engine import Engine, EngineInfo, Progress, Stop, Stopped
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import EngineDied, ExplorerError

# An engine that dies once more after this many fresh starts, with no answer between, will go on dying.
RESTARTS = 2


@dataclass(frozen=True, slots=True)
class Loading:
    """The model is on its way."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class TokenizerReady:
    """The text has become tokens; told once, however often the engine is started."""

    vocabulary: Vocabulary
    ids: TokenIds


@dataclass(frozen=True, slots=True)
class ModelReady:
    """The model can be asked."""

    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a question, and how long the engine took."""

    scores: Scores
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine lives but can't answer this question."""

    ids: TokenIds
    error: ExplorerError


@dataclass(frozen=True, slots=True)
class Restarting:
    """The engine died, and is being started again."""

    error: EngineDied


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine can't be started, or goes on dying. The next question tries again."""

    error: ExplorerError


@dataclass(frozen=True, slots=True)
class Crashed:
    """An error that nobody foresaw; the desk has closed."""

    error: Exception


News: TypeAlias = Loading | TokenizerReady | ModelReady | Answered | Refused | Restarting | Failed | Crashed


@dataclass(frozen=True, slots=True)
class _Question:
    ids: TokenIds
    top_k: int


class Desk:
    """Asks an engine on behalf of a screen that must not wait.

    Args:
        engine: from `start` on only the desk asks it; closing it stays with whoever made it.
        text: the prompt to encode once the tokenizer is there.
        tell: called with each piece of news, in the desk's thread; never after `close` has returned.
    """

    def __init__(self, engine: Engine, text: str, tell: Callable[[News], None]) -> None:
        self._engine = engine
        self._text = text
        self._callback = tell
        self._changed = threading.Condition()
        self._question: _Question | None = None
        self._running: tuple[_Question, Stop] | None = None
        self._encoded = self._idle = self._dead = self._closed = False
        self._deaths = 0

    def start(self) -> None:
        """Begin to load."""
        self._engine.when_died(self._note_death)
        threading.Thread(target=self._run, name="desk", daemon=True).start()

    def ask(self, ids: TokenIds, top_k: int) -> None:
        """Ask for the scores of a prompt, in place of whatever was asked before."""
        question = _Question(ids, top_k)
        with self._changed:
            running, stop = self._running or (None, Stop())
            comes = running == question and not stop.is_set()
            self._question = None if comes else question
            self._changed.notify_all()
        if not comes:
            stop.set()

    def close(self) -> None:
        """Tell nothing more and stop what runs; returns at once, whatever the engine is doing."""
        with self._changed:
            self._closed = True
            stop = self._running[1] if self._running else None
            self._changed.notify_all()
        if stop is not None:
            stop.set()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until there is nothing to do and all news is told; False if that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._idle and self._question is None, timeout_s)

    def _run(self) -> None:
        while not self._closed:
            try:
                self._load()
                self._answer_all()
            except EngineDied as error:
                self._bury(error)
            except ExplorerError as error:
                self._fail(error)
            except Exception as error:
                self._tell(Crashed(error))
                break
        self._rest()

    def _load(self) -> None:
        self._dead = False
        vocabulary = self._engine.load_tokenizer(self._report)
        if not self._encoded:
            ids = self._engine.encode(self._text)
            self._encoded = True
            self._tell(TokenizerReady(vocabulary, ids))
        info = self._engine.load_model(self._report)
        self._tell(ModelReady(info))

    def _report(self, progress: Progress) -> None:
        self._tell(Loading(progress))

    def _answer_all(self) -> None:
        while (question := self._next()) is not None:
            self._answer(*question)

    def _next(self) -> tuple[_Question, Stop] | None:
        """Wait for a question and take it; None when the desk is closed."""
        with self._changed:
            self._wait(lambda: self._dead)
            if self._closed:
                return None
            if self._dead:
                raise EngineDied("The engine died", "its process ended while nothing was asked.")
            if self._question is None:
                raise AssertionError("waited for a question and got none")
            self._running = (self._question, Stop())
            self._question = None
            return self._running

    def _wait(self, other: Callable[[], bool] = lambda: False) -> None:
        """Be idle until there is a question, or the desk is closed, or something else."""
        with self._changed:
            self._rest()
            self._changed.wait_for(lambda: self._question is not None or self._closed or other())
            self._idle = False

    def _rest(self) -> None:
        with self._changed:
            self._idle = True
            self._changed.notify_all()

    def _answer(self, question: _Question, stop: Stop) -> None:
        began = time.perf_counter()
        try:
            scores = self._engine.score(question.ids, question.top_k, stop)
        except Stopped:
            return
        except EngineDied:
            self._ask_again(question)
            raise
        except ExplorerError as error:
            self._tell(Refused(question.ids, error))
        else:
            self._deaths = 0
            self._tell(Answered(scores, time.perf_counter() - began))
        finally:
            with self._changed:
                self._running = None

    def _ask_again(self, question: _Question) -> None:
        with self._changed:
            self._question = self._question or question

    def _note_death(self) -> None:
        """The engine ended unasked. One that was being asked raises EngineDied where it was asked."""
        with self._changed:
            self._dead = self._idle
            self._changed.notify_all()

    def _bury(self, error: EngineDied) -> None:
        """Start again after a death, but not for ever."""
        self._deaths += 1
        if self._deaths <= RESTARTS:
            self._tell(Restarting(error))
            return
        times = f"{self._deaths} times in a row, with no answer between"
        self._fail(
            EngineDied("The engine keeps dying", f"{times}. {error.title}: {error.message}", error.hint)
        )

    def _fail(self, error: ExplorerError) -> None:
        """Give up until something else is asked."""
        with self._changed:
            self._deaths, self._question = 0, None
        self._tell(Failed(error))
        self._wait()

    def _tell(self, news: News) -> None:
        # Under the lock, so that nothing is told once close() has returned.
        with self._changed:
            if not self._closed:
                self._callback(news)
