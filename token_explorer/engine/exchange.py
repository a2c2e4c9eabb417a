"""Where other processes of this machine ask shared engines: connections on one side, a pool on the other.

Knows nothing of models, nor of why others ask.
"""

import contextlib
import multiprocessing
import os
import queue
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from token_explorer.core.engine import Engine, ModelSpec
from token_explorer.engine.calls import Answer, Call, Reply, StopCall
from token_explorer.engine.pool import MOST_MODELS, Pool
from token_explorer.engine.turns import Seat, Turns
from token_explorer.errors import ExplorerError

# Connections that may wait to be taken.
_BACKLOG = 64
# How long to wait after one that couldn't be taken.
_BREATH_S = 0.01


class Exchange:
    """Lets processes that know its address and key ask engines that are held here once.

    Args:
        make: makes the engine of a model.
        most: how many models are held at a time.
    """

    def __init__(self, make: Callable[[ModelSpec], Engine], most: int = MOST_MODELS) -> None:
        self._pool = Pool(make, most)
        self.key = secrets.token_bytes(32)
        """What those who ask must know."""
        self._folder = tempfile.mkdtemp(prefix="token-explorer-")  # nobody else may look into it
        posix = os.name == "posix"
        place = str(Path(self._folder) / "engine") if posix else None
        self._listener = Listener(
            place, "AF_UNIX" if posix else "AF_PIPE", backlog=_BACKLOG, authkey=self.key
        )
        self.address = str(self._listener.address)
        """Where to ask."""
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._open: set[queue.SimpleQueue[Answer | None]] = set()
        self._thread = threading.Thread(target=self._accept, name="exchange", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all connections and all engines."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError, EOFError, multiprocessing.AuthenticationError):
            Client(self.address, authkey=self.key).close()  # wakes who waits for the next one
        self._thread.join()
        self._listener.close()
        self._pool.close()
        with self._lock:
            conversations = list(self._open)
        for answers in conversations:
            answers.put(None)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, multiprocessing.AuthenticationError):
                # It has gone, or doesn't know the key; or the system is out of files, for a while.
                self._closed.wait(_BREATH_S)
                continue
            threading.Thread(target=self._serve, args=(connection,), name="caller", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        """Talk with one who asks until it goes away."""
        answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        sender = threading.Thread(target=_send, args=(connection, answers), name="answers", daemon=True)
        sender.start()
        with self._lock:
            self._open.add(answers)
        with contextlib.suppress(EOFError, OSError):
            self._listen(connection, Seat(answers.put))
        with self._lock:
            self._open.discard(answers)
        answers.put(None)
        sender.join()
        connection.close()

    def _listen(self, connection: Connection, seat: Seat) -> None:
        """Pass on what one asks until it says that it leaves."""
        turns = None
        try:
            spec: ModelSpec = connection.recv()
            while (message := connection.recv()) is not None:
                if isinstance(message, StopCall):
                    seat.stops.set(message.number)
                elif turns := turns or self._seated(spec, seat, message):
                    turns.put(seat, message)
        finally:
            if turns is not None:
                turns.leave(seat)

    def _seated(self, spec: ModelSpec, seat: Seat, call: Call) -> Turns | None:
        """The turns of a model; None where there is no room for it, which is the call's answer then."""
        try:
            return self._pool.seat(spec, seat)
        except ExplorerError as error:
            seat.send(Reply(call.number, error=error.with_traceback(None)))
            return None


def _send(connection: Connection, answers: "queue.SimpleQueue[Answer | None]") -> None:
    """Send what is answered, in a thread of its own: who doesn't listen keeps only that waiting."""
    for answer in iter(answers.get, None):
        with contextlib.suppress(OSError):  # who has gone hears nothing
            connection.send(answer)
    with contextlib.suppress(OSError):
        connection.send(None)  # a farewell
        _hang_up(connection)


def _hang_up(connection: Connection) -> None:
    """End a connection that another thread may be reading from, and has to close.

    Closed while it is read, its number could be another file's by the time that the read begins.
    """
    if os.name == "posix":
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
    else:
        connection.close()
