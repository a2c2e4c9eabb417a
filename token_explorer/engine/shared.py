"""An engine that another process holds, and shares among those who ask for the same model.

Knows nothing of models, nor of who else asks.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection

from token_explorer.core.engine import ModelSpec
from token_explorer.engine.asking import Asking
from token_explorer.engine.calls import Call, Ended, News, Reply, StopCall
from token_explorer.errors import EngineDied


class SharedEngine(Asking):
    """An Engine that asks an Exchange.

    Args:
        address, key: of the exchange.
        spec: the model to ask.
        lost: called, in any thread, when the exchange has gone away, which ends more than an engine.
    """

    def __init__(self, address: str, key: bytes, spec: ModelSpec, lost: Callable[[], None]) -> None:
        super().__init__()
        self._address = address
        self._key = key
        self._spec = spec
        self._tell_loss = lost
        self._connection: Connection | None = None
        self._sending = threading.Lock()
        self._answers: queue.SimpleQueue[Reply | News | None] = queue.SimpleQueue()

    def close(self) -> None:
        """Ask no more; what was asked is dropped."""
        self._begun = None
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError), self._sending:
                connection.send(None)  # not closed: a thread that reads from it would keep it open

    def _open(self) -> None:
        """Have a connection; that there is an engine behind it, the exchange sees to."""
        if self._connection is not None:
            return
        try:
            self._connection = Client(self._address, authkey=self._key)
            self._connection.send(self._spec)
        except (OSError, EOFError, AuthenticationError):
            self._connection = None
            self._tell_loss()
            return
        self._answers = queue.SimpleQueue()
        arguments = (self._connection, self._answers)
        threading.Thread(target=self._read, args=arguments, name="shared-engine", daemon=True).start()

    def _read(self, connection: Connection, answers: "queue.SimpleQueue[Reply | News | None]") -> None:
        """Sort what arrives until there is nothing more to come."""
        with contextlib.suppress(EOFError, OSError):
            while (message := connection.recv()) is not None:
                if isinstance(message, Ended):
                    self._tell_death()
                else:
                    answers.put(message)
        connection.close()
        answers.put(None)
        if connection is self._connection:
            self._connection = None
            self._tell_loss()

    def _send(self, message: Call | StopCall) -> None:
        connection = self._connection
        if connection is None:
            raise EOFError
        with self._sending:
            connection.send(message)

    def _receive(self) -> Reply | News:
        message = None if self._connection is None and self._answers.empty() else self._answers.get()
        if message is None:
            raise EOFError
        return message

    def _died(self) -> EngineDied:
        """The error that tells that nobody is there to ask."""
        return EngineDied("The server has gone", "it held the model for all tabs.", "Start it again.")
