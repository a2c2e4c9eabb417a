"""A removal to another model: its engine is opened, and the prompts are cut by its tokenizer, in a thread.

The model in use isn't touched. Knows nothing of terminals: what happens is told through callbacks.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from token_explorer.core.branch import Workspace
from token_explorer.core.cuts import Encoding
from token_explorer.core.engine import Engine, EngineInfo, Progress, Stop, Stopped
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.core.translation import Translated, translated
from token_explorer.errors import ExplorerError


@dataclass(frozen=True, slots=True)
class Moved:
    """Another model is loaded.

    Attributes:
        name: that it was asked for by.
        prompts: as they were when the removal began, in its tokens.
        of: the workspace that those were made from.
    """

    name: str
    engine: Engine
    vocabulary: Vocabulary
    info: EngineInfo
    prompts: Translated
    of: Workspace


class Removal:
    """Opens another model, until it is there, can't be had, or is given up.

    Args:
        name: of the model.
        make: see Models.make.
        workspace, vocabulary: the prompts, and what their ids mean now.
        tell: called in the removal's thread with each Progress, and last with Moved or an ExplorerError;
            never after `cancel` has returned.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[str], Engine],
        workspace: Workspace,
        vocabulary: Vocabulary,
        tell: Callable[[Progress | Moved | ExplorerError], None],
    ) -> None:
        self._name, self._make = name, make
        self._workspace, self._vocabulary = workspace, vocabulary
        self._callback = tell
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._ended = False
        self._stop = Stop()

    def start(self) -> None:
        """Begin to load."""
        threading.Thread(target=self._run, name="removal", daemon=True).start()

    def cancel(self) -> None:
        """Give it up; what was loaded is closed."""
        with self._lock:
            ended, self._ended = self._ended, True
        self._stop.set()
        if not ended:
            close_aside(self._engine)

    def _run(self) -> None:
        try:
            self._end(self._moved())
        except Stopped:
            return
        except ExplorerError as error:
            self._fail(error)
        except Exception as error:
            self._fail(ExplorerError("Can't change the model", f"{type(error).__name__}: {error}"))

    def _moved(self) -> Moved:
        engine = self._make(self._name)
        with self._lock:
            self._engine = engine
        self._stop.when_set(lambda: close_aside(engine))
        self._stop.check()
        vocabulary = engine.load_tokenizer(self._tell)
        self._stop.check()

        def cut(text: str) -> TokenIds:
            if not text:
                return engine.encode(text)
            # A prompt that is too long for this model is there all the same, and is said to be.
            return engine.observe((), Encoding(text, whole=True, fitting=False), self._stop).tokens

        prompts = translated(self._workspace, self._vocabulary, vocabulary, cut)
        info = engine.load_model(self._tell)
        return Moved(self._name, engine, vocabulary, info, prompts, self._workspace)

    def _tell(self, progress: Progress) -> None:
        with self._lock:
            if not self._ended:
                self._callback(progress)

    def _end(self, outcome: Moved | ExplorerError) -> None:
        with self._lock:
            if not self._ended:
                self._ended = True
                self._callback(outcome)

    def _fail(self, error: ExplorerError) -> None:
        if self._engine is not None:
            with suppress(Exception):
                self._engine.close()
        self._end(error)


def close_aside(engine: Engine | None) -> None:
    """Close an engine without waiting until it is."""
    if engine is not None:
        threading.Thread(target=engine.close, name="closing", daemon=True).start()
