"""The desk between a screen and an engine: one thread that asks the engine, runs before scores before looks.

A newer question takes the place of one that hasn't started and stops what has. An engine that dies is
started again. Knows nothing of terminals: what happens is told through a callback, in the desk's thread.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from token_explorer.core.engine import Engine, Progress, Stop, Stopped
from token_explorer.core.generation import Plan, Step
from token_explorer.core.observation import Facet
from token_explorer.core.start import Example, Start
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import ContextTooLong, EngineDied, ExplorerError, InputError
from token_explorer.ui.news import (
    Answered,
    Crashed,
    Failed,
    Loading,
    ModelReady,
    News,
    Observed,
    Proved,
    Ran,
    Refused,
    Restarting,
    RunFailed,
    Stepped,
    TokenizerReady,
    Unproved,
    Unseen,
)

# An engine that dies once more after this many fresh starts, with no answer between, will go on dying.
RESTARTS = 2

Look: TypeAlias = tuple[TokenIds, Facet[Any]]
"""A question about the inside of the model: a prompt, and what to see there."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """The engine shall prove its numbers; asked when there is nothing else to ask."""


@dataclass(frozen=True, slots=True)
class _Question:
    ids: TokenIds
    top_k: int


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    ids: TokenIds
    plan: Plan


_Asked: TypeAlias = _Run | _Question | Look | _Proof


class Desk:
    """Asks an engine on behalf of a screen that must not wait.

    Args:
        engine: from `start` on only the desk asks it; closing it stays with whoever made it.
        first: the first prompt: a text, to be encoded once the tokenizer is there, or tokens.
        tell: called with each piece of news, in the desk's thread; never after `close` has returned.
        loaded: the engine has loaded already, and there is no first prompt to cut.
    """

    def __init__(
        self, engine: Engine, first: str | Start, tell: Callable[[News], None], loaded: bool = False
    ) -> None:
        self._engine = engine
        self._first = first
        self._callback = tell
        self._changed = threading.Condition()
        self._run_asked: _Run | None = None
        self._question: _Question | None = None
        self._looks: list[Look] = []  # one that runs stays here until it is answered
        self._running: tuple[_Asked, Stop] | None = None
        self._idle = self._dead = self._closed = False
        self._loaded = self._encoded = self._unproved = loaded
        self._deaths = 0

    def start(self) -> None:
        """Begin to load."""
        self._engine.when_died(self._note_death)
        self._engine.when_long(self._report)
        threading.Thread(target=self._run, name="desk", daemon=True).start()

    def ask(self, ids: TokenIds, top_k: int) -> None:
        """Ask for the scores of a prompt, in place of whatever was asked before; looks wait for them."""
        question = _Question(ids, top_k)
        with self._changed:
            running, stop = self._running or (None, Stop())
            comes = running == question and not stop.is_set()
            self._question, self._run_asked = None if comes else question, None
            self._changed.notify_all()
        if not comes:
            stop.set()

    def run(self, ids: TokenIds, plan: Plan) -> None:
        """Have the model write after a prompt, in place of whatever was asked before; looks wait."""
        with self._changed:
            self._question, self._run_asked = None, _Run(ids, plan)
            _, stop = self._running or (None, Stop())
            self._changed.notify_all()
        stop.set()

    def end_run(self) -> None:
        """Have the model write no further; what it wrote is kept in its memory."""
        with self._changed:
            self._run_asked = None
            running, stop = self._running or (None, Stop())
        if isinstance(running, _Run):
            stop.set()

    def look(self, looks: Sequence[Look]) -> None:
        """Ask to see these, most urgent first, in place of what was to be seen before.

        What runs goes on if it is among them. A question for scores goes before all of them.
        """
        with self._changed:
            self._looks = list(dict.fromkeys(looks))
            running, stop = self._running or (None, Stop())
            waits = isinstance(running, _Proof) and bool(self._looks)
            comes = not waits and (not isinstance(running, tuple) or running in self._looks)
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
            return self._changed.wait_for(lambda: self._idle and (self._closed or not self._waits), timeout_s)

    @property
    def _waits(self) -> bool:
        """Whether something waits to be asked."""
        asked = self._run_asked is not None or self._question is not None
        return asked or bool(self._looks) or self._unproved

    def _run(self) -> None:
        while not self._closed:
            try:
                if not self._loaded:
                    self._load()
                self._loaded = False  # what ends the answers makes it load anew
                self._answer_all()
            except EngineDied as error:
                self._bury(error)
            except ExplorerError as error:
                self._fail(error)
            except Exception as error:
                self._tell(Crashed(error))
                self._closed = True
        self._rest()

    def _load(self) -> None:
        self._dead = False
        vocabulary = self._engine.load_tokenizer(self._report)
        if not self._encoded:
            ids = self._first_ids(vocabulary)
            self._encoded = True
            self._tell(TokenizerReady(vocabulary, ids))
        info = self._engine.load_model(self._report)
        self._tell(ModelReady(info))
        self._unproved = True

    def _first_ids(self, vocabulary: Vocabulary) -> TokenIds:
        if isinstance(self._first, Example):
            with suppress(ContextTooLong, InputError):
                return self._engine.encode(self._first)
            return self._engine.encode("")
        if isinstance(self._first, str):
            return self._engine.encode(self._first)
        self._first.check(vocabulary)
        return self._first.ids

    def _report(self, progress: Progress) -> None:
        self._tell(Loading(progress))

    def _answer_all(self) -> None:
        while (asked := self._next()) is not None:
            self._answer(*asked)

    def _next(self) -> tuple[_Asked, Stop] | None:
        """Wait for something to ask and take it, a run first, a proof last; None when the desk is closed."""
        with self._changed:
            self._wait(lambda: self._dead)
            if self._closed:
                return None
            if self._dead:
                raise EngineDied("The engine died", "its process ended while nothing was asked.")
            asked = self._run_asked or self._question or next(iter(self._looks), _Proof())
            if isinstance(asked, _Run):
                self._run_asked = None
            else:
                self._question = None
            self._running = asked, Stop()
            return self._running

    def _wait(self, other: Callable[[], bool] = lambda: False) -> None:
        """Be idle until there is something to ask, or the desk is closed, or something else."""
        with self._changed:
            self._rest()
            self._changed.wait_for(lambda: self._waits or self._closed or other())
            self._idle = False

    def _rest(self) -> None:
        with self._changed:
            self._idle = True
            self._changed.notify_all()

    def _answer(self, asked: _Asked, stop: Stop) -> None:
        try:
            news = self._outcome(asked, stop)
            self._strike(asked)
            self._tell(news)
        except Stopped:  # a look or a proof that was stopped for a question still waits
            return
        except EngineDied:
            self._ask_again(asked)
            raise
        finally:
            with self._changed:
                self._running = None

    def _outcome(self, asked: _Asked, stop: Stop) -> News:
        """What the engine answers, or why it can't."""
        try:
            news = self._answered(asked, stop)
        except EngineDied:
            raise
        except ExplorerError as error:
            if isinstance(asked, _Proof):
                return Unproved(error)
            if isinstance(asked, _Run):
                return RunFailed(asked.plan, error)
            return Refused(asked.ids, error) if isinstance(asked, _Question) else Unseen(*asked, error)
        self._deaths = 0
        return news

    def _answered(self, asked: _Asked, stop: Stop) -> News:
        began = time.perf_counter()
        if isinstance(asked, _Proof):
            return Proved(self._engine.prove(stop))
        if isinstance(asked, _Question):
            scores = self._engine.score(asked.ids, asked.top_k, stop)
            if scores.ids == asked.ids:  # the screen's own tuple: comparing it with another takes long
                scores = replace(scores, ids=asked.ids)
            return Answered(scores, time.perf_counter() - began)
        if isinstance(asked, _Run):
            tell = partial(self._tell_step, asked.plan)
            return Ran(asked.plan, self._engine.generate(asked.ids, asked.plan, tell, stop))
        answer: object = self._engine.observe(*asked, stop)
        return Observed(*asked, answer, time.perf_counter() - began)

    def _tell_step(self, plan: Plan, step: Step) -> None:
        self._tell(Stepped(plan, step))

    def _strike(self, asked: _Asked) -> None:
        """What is answered is no longer to be asked."""
        with self._changed:
            self._unproved = self._unproved and not isinstance(asked, _Proof)
            self._looks = [look for look in self._looks if look != asked]

    def _ask_again(self, asked: _Asked) -> None:
        if isinstance(asked, _Question):
            with self._changed:
                self._question = self._question or asked

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
            self._deaths, self._unproved = 0, False
            self._run_asked, self._question, self._looks = None, None, []
        self._tell(Failed(error))
        self._wait()

    def _tell(self, news: News) -> None:
        # Under the lock, so that nothing is told once close() has returned.
        with self._changed:
            if not self._closed:
                self._callback(news)
