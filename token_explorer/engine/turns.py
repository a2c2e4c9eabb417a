"""One engine for many who ask: whose call is next, and what they needn't ask twice.

A call is answered whole, but a run in slices; what can wait gives way. Knows nothing of connections.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from token_explorer.core.engine import Engine, EngineInfo, Progress, Stop, Stopped
from token_explorer.core.generation import Generated, Step
from token_explorer.engine.calls import Answer, Call, Ended, News, Reply, Stops, reply_to
from token_explorer.engine.slices import SlicedRun
from token_explorer.errors import EngineDied

_LOADS = ("load_tokenizer", "load_model")
# What is the same for all who ask, as long as the engine lives.
_SHARED = (*_LOADS, "prove")
# How long an engine's last call gets to end by itself.
_PATIENCE_S = 1.0


class Seat:
    """One who asks.

    Args:
        send: takes what is answered, at once: one who doesn't listen may not keep the others waiting.
    """

    def __init__(self, send: Callable[[Answer], None]) -> None:
        self.send = send
        self.stops = Stops()
        self.life = 0
        """Which of the engine's lives it has loaded; 0 for none."""


class _Job:
    """A call that isn't answered; of a run, what is left of it."""

    def __init__(self, seat: Seat, call: Call) -> None:
        self.seat = seat
        self.call = call
        self.run = SlicedRun(*call.arguments) if call.method == "generate" else None
        self.stop = seat.stops.of(call.number)
        self.turn = Stop()
        """Ends its turn early."""

    @property
    def patient(self) -> bool:
        """Whether it is for when there is nothing else to do, and can be begun again."""
        ahead = self.call.method == "observe" and self.call.arguments[1].kind == "ahead"
        return ahead or self.call.method == "prove"

    def begin(self) -> None:
        """Its next turn begins."""
        self.turn = Stop()
        if self.stop.is_set():
            self.turn.set()

    def tell(self, value: Progress | Step) -> None:
        """Pass on its news."""
        told = self.run.timed(value) if self.run is not None and isinstance(value, Step) else value
        self.seat.send(News(self.call.number, told))


class Turns:
    """Asks an engine on behalf of many, one call at a time, first come, first served.

    As each waits for its answer before it asks again, it waits at most for one call of each other one.

    Args:
        engine: from now on nobody else asks it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._seats: set[Seat] = set()
        self._jobs: list[_Job] = []
        self._running: _Job | None = None
        self._known: dict[str, Any] = {}
        self._life = 1
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="turns", daemon=True)
        self._worker.start()

    @property
    def empty(self) -> bool:
        """Whether nobody asks."""
        return not self._seats

    def seat(self, seat: Seat) -> None:
        """Let one more ask."""
        with self._changed:
            self._seats.add(seat)

    def leave(self, seat: Seat) -> None:
        """One has gone: what it asked is dropped, and stopped where it runs."""
        with self._changed:
            self._seats.discard(seat)
            self._jobs = [job for job in self._jobs if job.seat is not seat]
        seat.stops.set_all()

    def put(self, seat: Seat, call: Call) -> None:
        """Take a call; its answer, or its error, will be sent to who asks."""
        job = _Job(seat, call)
        with self._changed:
            if seat not in self._seats:
                return
            self._jobs.append(job)
            running = self._running
            self._changed.notify_all()
        if running is not None and running.patient and not job.patient:
            running.turn.set()
        job.stop.when_set(partial(self._stop, job))

    def close(self) -> None:
        """End the engine; who still asks gets no answer."""
        with self._changed:
            self._closed = True
            running = self._running
            self._changed.notify_all()
        if running is not None:
            running.turn.set()
        self._worker.join(_PATIENCE_S)
        self._engine.close()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            reply = self._reply(job)
            if reply is not None:
                self._settle(job, reply)
            with self._changed:
                self._running = None
                if reply is None and job.seat in self._seats:
                    self._jobs.append(job)
                self._changed.notify_all()

    def _next(self) -> _Job | None:
        """Wait for the next job, what can't wait first; None when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if self._closed:
                return None
            self._running = next((job for job in self._jobs if not job.patient), self._jobs[0])
            self._jobs.remove(self._running)
            self._running.begin()
            return self._running

    def _stop(self, job: _Job) -> None:
        """End a job early; one that waits is over at once."""
        with self._changed:
            waits = job in self._jobs
            if waits:
                self._jobs.remove(job)
        if waits:
            self._settle(job, Reply(job.call.number, error=Stopped()))
        else:
            job.turn.set()

    def _settle(self, job: _Job, reply: Reply) -> None:
        """Answer a job, after which the one who asked may ask again."""
        job.seat.stops.forget(job.call.number)
        job.seat.send(reply)
        if isinstance(reply.error, EngineDied) and job.seat.life == self._life:
            self._bury(job.seat)

    def _reply(self, job: _Job) -> Reply | None:
        """What a job comes to in its turn; None where it needs another one."""
        method, number = job.call.method, job.call.number
        if method == "load_tokenizer":
            job.seat.life = self._life
        if job.seat.life != self._life:
            why = "its process ended while others asked it."
            return Reply(number, error=EngineDied("The engine died", why))
        if method in self._known:
            return Reply(number, self._known[method])
        reply = self._asked(job)
        if isinstance(reply.error, Stopped) and not job.stop.is_set():
            return None
        if method in _SHARED and reply.error is None:
            self._known[method] = reply.value
        return reply if job.run is None or reply.error is not None else self._written(job, reply.value)

    def _asked(self, job: _Job) -> Reply:
        """Ask the engine."""
        call, tell = job.call, job.tell
        if job.run is not None:
            call = Call(call.number, call.method, (job.run.ids, job.run.slice))
        if call.method in _LOADS:
            tell = partial(self._tell_all, job)
        if call.method == "load_tokenizer":
            self._engine.when_died(partial(self._note_death, self._life))
        return reply_to(call, self._engine, job.turn, tell)

    def _written(self, job: _Job, generated: Generated) -> Reply | None:
        """The answer to a run that has written a slice; None where that isn't all."""
        info: EngineInfo = self._known["load_model"]
        assert job.run is not None
        after = job.run.after(generated, info.context)
        if isinstance(after, Generated):
            return Reply(job.call.number, after)
        job.run = after
        return None

    def _tell_all(self, job: _Job, progress: Progress | Step) -> None:
        """Tell of a load to all who wait for it."""
        with self._changed:
            waiting = [other for other in self._jobs if other.call.method in _LOADS]
        for each in (job, *waiting):
            each.tell(progress)

    def _note_death(self, life: int) -> None:
        """The engine ended; where a call is running, that tells it, too."""
        with self._changed:
            idle = self._running is None and life == self._life
        if idle:
            self._bury(None)

    def _bury(self, told: Seat | None) -> None:
        """The engine is dead: who loads it next has it started again.

        Who waits for an answer learns it by that, the others by a message.
        """
        with self._changed:
            self._life += 1
            self._known.clear()
            busy = {job.seat for job in self._jobs} | {told}
            others = [seat for seat in self._seats if seat not in busy and seat.life]
        for seat in others:
            seat.send(Ended())
