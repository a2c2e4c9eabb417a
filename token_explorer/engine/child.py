"""The engine's process from inside: answers calls, tells of their progress and stops them when asked.

Knows nothing of torch and transformers: the engine that does the work is made by what the other side names.
"""

import os
import queue
import signal
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

from token_explorer.core.engine import Engine, Progress
from token_explorer.core.generation import Step
from token_explorer.engine.calls import Call, News, StopCall, Stops, reply_to

MakeEngine: TypeAlias = Callable[[], Engine]


def serve(connection: Connection, make: MakeEngine, log: Path) -> None:
    """Answer calls until the other end goes away: the child's whole life.

    A thread reads, so that a stop arrives while a call is running; this thread works.
    """
    _leave_terminal(log)
    calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
    stops = Stops()
    threading.Thread(target=_read, args=(connection, calls, stops, log), daemon=True).start()
    engine = make()
    while True:  # the thread that reads ends the process
        call = calls.get()
        tell = partial(_tell, connection, call.number)
        connection.send(reply_to(call, engine, stops.of(call.number), tell))
        stops.forget(call.number)


def _tell(connection: Connection, number: int, value: Progress | Step) -> None:
    connection.send(News(number, value))


def _leave_terminal(log: Path) -> None:
    """Write to a log instead of the terminal, which belongs to the screen, and leave ctrl+c to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(log, "w", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)


def _read(connection: Connection, calls: "queue.SimpleQueue[Call]", stops: Stops, log: Path) -> None:
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
