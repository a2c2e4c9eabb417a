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
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from token_explorer.core.engine import Answer, Engine, EngineInfo, ModelSpec, Progress, Report, Stop, unheard
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Facet
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.child import Call, MakeEngine, News, Reply, StopCall, serve
from token_explorer.errors import EngineDied

# SIGKILL, by number: Windows doesn't know it.
_KILLED = -9


class EngineProcess:
    """An Engine whose work is done by a child process, started by `begin` or `load_tokenizer`.

    Args:
        make: builds the engine inside the child; a picklable callable.
    """

    def __init__(self, make: MakeEngine) -> None:
        self._make = make
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._sending = threading.Lock()
        self._log: Path | None = None
        self._number = 0
        self._begun: int | None = None
        self._tell_death: Callable[[], None] = lambda: None
        self._report_long: Report = unheard
        if os.name == "posix":
            # Every spawn needs it, and it can't start once a screen has put something else in stderr's place.
            resource_tracker.ensure_running()

    @property
    def pid(self) -> int | None:
        """The child's process id; None when there is no child."""
        return self._process.pid if self._process else None

    def when_died(self, tell: Callable[[], None]) -> None:
        """See Engine.when_died."""
        self._tell_death = tell

    def when_long(self, report: Report) -> None:
        """See Engine.when_long."""
        self._report_long = report

    def begin(self) -> None:
        """Start a new child that loads the tokenizer already, while this process does something else.

        What it tells waits for `load_tokenizer`, as does the error where it fails.
        """
        self.close()
        self._start()
        self._begun = self._next_number()
        with contextlib.suppress(EOFError, OSError):  # a child that has died is found dead there
            self._send(Call(self._begun, "load_tokenizer"))

    def load_tokenizer(self, report: Report) -> Vocabulary:
        """Have a child load the tokenizer, a new one unless one has begun to. See Engine.load_tokenizer."""
        if self._begun is None:
            self.begin()
        number, self._begun = self._begun, None
        vocabulary: Vocabulary = self._answer(number, report=report)
        return vocabulary

    def load_model(self, report: Report) -> EngineInfo:
        """See Engine.load_model."""
        info: EngineInfo = self._ask("load_model", report=report)
        return info

    def prove(self, stop: Stop) -> EngineInfo:
        """See Engine.prove."""
        info: EngineInfo = self._ask("prove", stop=stop)
        return info

    def encode(self, text: str) -> TokenIds:
        """See Engine.encode."""
        ids: TokenIds = self._ask("encode", text)
        return ids

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        """See Engine.score."""
        scores: Scores = self._ask("score", ids, top_k, stop=stop)
        return scores

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        """See Engine.observe."""
        answer: Answer = self._ask("observe", ids, facet, stop=stop)
        return answer

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        """See Engine.generate."""
        generated: Generated = self._ask("generate", ids, plan, tell=tell, stop=stop)
        return generated

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

    def _ask(
        self,
        method: str,
        *arguments: Any,
        stop: Stop | None = None,
        tell: Callable[[Step], None] | None = None,
        report: Report | None = None,
    ) -> Any:
        """Send a call and wait for its answer, passing on its news; raises what the call raised."""
        number = self._next_number()
        try:
            self._send(Call(number, method, arguments))
            if stop is not None:
                stop.when_set(lambda: self._send_stop(number))
        except (EOFError, OSError) as error:
            raise self._died() from error
        return self._answer(number, tell, report)

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _answer(
        self,
        number: int | None,
        tell: Callable[[Step], None] | None = None,
        report: Report | None = None,
    ) -> Any:
        """Wait for the answer to a call that was sent."""
        try:
            while True:
                message = self._receive()
                if message.number != number:
                    continue  # left over from a call whose news its caller could not bear
                if isinstance(message, Reply):
                    break
                if isinstance(message.value, Progress):
                    (report or self._report_long)(message.value)
                elif tell is not None:
                    tell(message.value)
        except (EOFError, OSError) as error:
            raise self._died() from error
        if message.error is not None:
            raise message.error
        return message.value

    def _send(self, message: object) -> None:
        if self._connection is None:
            raise EOFError
        with self._sending:
            self._connection.send(message)

    def _receive(self) -> Reply | News:
        if self._connection is None:
            raise EOFError
        message: Reply | News = self._connection.recv()
        return message

    def _send_stop(self, number: int) -> None:
        # A dead child has stopped; the caller learns of it where it waits.
        with contextlib.suppress(EOFError, OSError):
            self._send(StopCall(number))

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
