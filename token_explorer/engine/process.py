"""The engine in a process of its own: the screen never stutters while it loads, and survives its death.

`EngineProcess` is an Engine that sends each call to a child, which asks an engine of its own: neither side
knows what a model is. Knows nothing of torch and transformers.
"""

import contextlib
import functools
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from token_explorer.core.engine import Engine, ModelSpec
from token_explorer.engine.asking import Asking
from token_explorer.engine.calls import Call, News, Reply, StopCall
from token_explorer.engine.child import MakeEngine, serve
from token_explorer.errors import EngineDied

# SIGKILL, by number: Windows doesn't know it.
_KILLED = -9


class EngineProcess(Asking):
    """An Engine whose work is done by a child process, started by `begin` or `load_tokenizer`.

    Args:
        make: builds the engine inside the child; a picklable callable.
    """

    def __init__(self, make: MakeEngine) -> None:
        super().__init__()
        self._make = make
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._sending = threading.Lock()
        self._log: Path | None = None
        if os.name == "posix":
            # Every spawn needs it, and it can't start once a screen has put something else in stderr's place.
            resource_tracker.ensure_running()

    @property
    def pid(self) -> int | None:
        """The child's process id; None when there is no child."""
        return self._process.pid if self._process else None

    def _open(self) -> None:
        """Start a new child."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the child at once; what it was doing is lost."""
        self._begun = None
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._log is not None:
            self._log.unlink(missing_ok=True)
            self._log = None

    def _start(self) -> None:
        # Spawned, not forked: a child that shares the parent's threads and terminal state can hang in torch.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        descriptor, log = tempfile.mkstemp(prefix="token-explorer-", suffix=".log")
        os.close(descriptor)
        self._log = Path(log)
        arguments = (theirs, self._make, self._log)
        process = context.Process(target=serve, args=arguments, name="token-explorer-engine", daemon=True)
        with _deaf_to_interrupts():
            process.start()
        self._process = process
        theirs.close()  # so that the end of the child is the end of the connection
        threading.Thread(target=self._watch, args=(process,), name="engine-watch", daemon=True).start()

    def _watch(self, process: BaseProcess) -> None:
        """Tell of a death that nobody asked for, even while no question is open."""
        # Not join(): of two threads that wait for one child, the system tells only one how it ended.
        wait([process.sentinel])
        if process is self._process:
            self._tell_death()

    def _send(self, message: Call | StopCall) -> None:
        if self._connection is None:
            raise EOFError
        with self._sending:
            self._connection.send(message)

    def _receive(self) -> Reply | News:
        if self._connection is None:
            raise EOFError
        message: Reply | News = self._connection.recv()
        return message

    def _died(self) -> EngineDied:
        """The error that tells how the child ended."""
        if self._process is None:
            return EngineDied("The engine isn't running", "it was closed or has not been started.")
        self._process.join(timeout=5)
        code = self._process.exitcode
        how = f"signal {-code} ({signal.strsignal(-code)})" if code and code < 0 else f"exit code {code}"
        return EngineDied("The engine's process ended", f"{how}.{self._last_words()}", _hint(code))

    def _last_words(self) -> str:
        """The last line that the child wrote."""
        if self._log is None:
            return ""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f" It last wrote: {lines[-1]}" if lines else ""


def local_engine(spec: ModelSpec) -> EngineProcess:
    """An engine that runs a model on this machine, in a process of its own."""
    return EngineProcess(functools.partial(_make_local, spec))


def _make_local(spec: ModelSpec) -> Engine:
    from token_explorer.engine.local import LocalEngine  # in the child only: it leads to torch

    return LocalEngine(spec)


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """What is started meanwhile is never told of ctrl+c, not even before it can say that it won't listen."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hint(code: int | None) -> str:
    if code == _KILLED:
        return "The system may have run out of memory: try a smaller model, or --bf16."
    return ""
