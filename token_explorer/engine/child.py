"""The engine's process from inside: answers calls, tells of their progress and stops them when asked.

Also the messages that cross between it and `EngineProcess`. Knows nothing of torch and transformers: the
engine that does the work is made by what the other side names.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from token_explorer.core.engine import Engine, Progress, Stop, Stopped
from token_explorer.core.generation import Step
from token_explorer.errors import EngineFault, ExplorerError

MakeEngine: TypeAlias = Callable[[], Engine]


@dataclass(frozen=True, slots=True)
class Call:
    """A question to the child: which method, with what."""

    number: int
    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class StopCall:
    """A wish that the call with this number ends early."""

    number: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call returned, or the error it raised."""

    number: int
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What a call that isn't over tells: how far it is, or a token that was written."""

    number: int
    value: Progress | Step


def serve(connection: Connection, make: MakeEngine, log: Path) -> None:
    """Answer calls until the other end goes away: the child's whole life.

    A thread reads, so that a stop arrives while a call is running; this thread works.
    """
    _leave_terminal(log)
    calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
    stops = _Stops()
    threading.Thread(target=_read, args=(connection, calls, stops, log), daemon=True).start()
    engine = make()
    while True:  # the thread that reads ends the process
        call = calls.get()
        connection.send(_reply(engine, call, stops.of(call.number), connection))
        stops.forget(call.number)


class _Stops:
    """The Stop of each call that isn't over, shared by the thread that reads and the one that works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: dict[int, Stop] = {}
        self._done = 0

    def of(self, number: int) -> Stop:
        """The Stop of a call, the same for all who ask."""
        with self._lock:
            return self._stops.setdefault(number, Stop())

    def set(self, number: int) -> None:
        """Stop a call, be it running or still to come; one that is over needs no stop."""
        if number > self._done:
            self.of(number).set()

    def forget(self, number: int) -> None:
        """A call is over."""
        with self._lock:
            self._done = number
            self._stops.pop(number, None)


def _leave_terminal(log: Path) -> None:
    """Write to a log instead of the terminal, which belongs to the screen, and leave ctrl+c to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(log, "w", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)


def _read(connection: Connection, calls: "queue.SimpleQueue[Call]", stops: _Stops, log: Path) -> None:
    """Sort what arrives into calls and stops; end the process when the parent is gone, amid a forward too."""
    try:
        while True:
            message = connection.recv()
            if isinstance(message, StopCall):
                stops.set(message.number)
            else:
                calls.put(message)
    except (EOFError, OSError):
        log.unlink(missing_ok=True)  # a parent that was killed could not
        os._exit(0)


def _reply(engine: Engine, call: Call, stop: Stop, connection: Connection) -> Reply:
    def tell(value: Progress | Step) -> None:
        connection.send(News(call.number, value))

    extra: dict[str, Any] = {}
    if call.method in ("score", "observe", "prove", "generate"):
        extra["stop"] = stop
    if call.method in ("load_tokenizer", "load_model"):
        extra["report"] = tell
    if call.method == "generate":
        extra["tell"] = tell
    engine.when_long(tell)
    try:
        return Reply(call.number, getattr(engine, call.method)(*call.arguments, **extra))
    except (ExplorerError, Stopped) as error:
        return Reply(call.number, error=error.with_traceback(None))
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(last.filename)}:{last.lineno}"
        message = f"{type(error).__name__} at {where}: {error}"
        return Reply(
            call.number, error=EngineFault("The engine failed", message, "This is a bug; please report it.")
        )
