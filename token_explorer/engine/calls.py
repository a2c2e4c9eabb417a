"""What crosses between who asks an engine and where it works, and how a call becomes a reply.

Knows nothing of processes, and of the engine only what the protocol says.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from token_explorer.core.engine import Engine, Progress, Stop, Stopped
from token_explorer.core.generation import Step
from token_explorer.errors import EngineFault, ExplorerError


@dataclass(frozen=True, slots=True)
class Call:
    """A question to the engine: which method, with what."""

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


@dataclass(frozen=True, slots=True)
class Ended:
    """The engine ended while this one asked nothing."""


Answer: TypeAlias = Reply | News | Ended
Tell: TypeAlias = Callable[[Progress | Step], None]


class Stops:
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

    def set_all(self) -> None:
        """Stop all calls that aren't over."""
        with self._lock:
            stops = list(self._stops.values())
        for stop in stops:
            stop.set()

    def forget(self, number: int) -> None:
        """A call is over."""
        with self._lock:
            self._done = number
            self._stops.pop(number, None)


def reply_to(call: Call, engine: Engine, stop: Stop, tell: Tell) -> Reply:
    """Ask an engine what a call asks for."""
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
