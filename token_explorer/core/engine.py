"""The seam between what is explored and where models live: the Engine protocol and what crosses it.

Everything here can be pickled and sent to another process, but for Stop, which stays where it is set.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Facet, Kind
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary

DType = Literal["float32", "bfloat16"]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model to open, where, and with how much of the machine.

    Attributes:
        name: 'embedded', a hub id, a folder, or a .gguf file.
        device: 'auto' (CUDA, then MPS, then CPU), 'cpu', 'cuda', 'cuda:N' or 'mps'.
        dtype: of the weights.
        threads: torch's threads; 0 leaves one core for the screen.
        cache_mib: bound on what is kept of prompts seen before, MiB.
        cache_size: bound on how many different prompts are kept.
        record_layers: keep the residual stream of each forward, so that looking into the layers needs none.
    """

    name: str = "embedded"
    device: str = "auto"
    dtype: DType = "float32"
    threads: int = 0
    cache_mib: int = 1024
    cache_size: int = 100
    record_layers: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Something that the engine proved, or failed to, when it opened the model.

    Attributes:
        name: what should hold, in words.
        value: how far it is from holding; what that counts follows from the name.
        bound: the largest value that passes.
    """

    name: str
    value: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether it holds; not so where the value is NaN."""
        return self.value <= self.bound


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What the loaded model is.

    Attributes:
        model: its name, short enough for a title.
        device, dtype: where it runs and in which number format.
        context: how many tokens it was made for; 0 where it states none.
        layers: number of its decoder layers.
        note: what the user should know (such as why nothing is reused), '' for nothing.
        architecture: the class that runs it; '' where it isn't known.
        folder: where its files are; '' for none.
        checks: what was proved of it; none before Engine.prove.
        lacks: for each kind of facet that can't be had, why; empty before Engine.prove.
    """

    model: str
    device: str
    dtype: str
    context: int
    layers: int
    note: str = ""
    architecture: str = ""
    folder: str = ""
    checks: tuple[Check, ...] = ()
    lacks: Mapping[Kind, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is, or a call that takes long. `total` is 0 where the end isn't known."""

    stage: str
    done: int = 0
    total: int = 0


Report = Callable[[Progress], None]


def unheard(progress: Progress) -> None:
    """A report that nobody reads."""


class Stopped(Exception):
    """Raised inside work that was asked to stop; the asker already knows."""


class Stop:
    """Asks running work to end early. Set from any thread; checked between the layers of a forward."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._callbacks: list[Callable[[], None]] = []

    def set(self) -> None:
        """Ask for the end, and tell those who wait for that."""
        with self._lock:
            self._set = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._set

    def check(self) -> None:
        """Raise Stopped if the end was asked for."""
        if self._set:
            raise Stopped

    def when_set(self, callback: Callable[[], None]) -> None:
        """Call back once when set, in the setter's thread; at once if it is set already."""
        with self._lock:
            if not self._set:
                self._callbacks.append(callback)
                return
        callback()


class Engine(Protocol):
    """A model that can be asked. Synchronous; one caller at a time.

    The order is `load_tokenizer`, then `load_model`, then `score`, `observe`, `generate` and `prove`;
    `encode` works after the first. Any of them may raise EngineDied; the same order then begins again, with a
    new engine behind it.
    """

    def when_died(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, from any thread, whenever the engine ends unasked, even while it is idle."""
        ...

    def when_long(self, report: Report) -> None:
        """Have `report` called, in the caller's thread, with how far a call is that takes long.

        Loads tell whoever asks for them.
        """
        ...

    def load_tokenizer(self, report: Report) -> Vocabulary:
        """Find the model and load its tokenizer. Raises ModelNotFound, ModelLoadError."""
        ...

    def load_model(self, report: Report) -> EngineInfo:
        """Load the weights. Raises ModelLoadError, DeviceError."""
        ...

    def prove(self, stop: Stop) -> EngineInfo:
        """Check the model's numbers, and find out what it lacks; what `load_model` gave, with both.

        Apart from loading, so that the first scores needn't wait for it. Raises Stopped soon after `stop` is
        set; what was found out till then is kept.
        """
        ...

    def encode(self, text: str) -> TokenIds:
        """Token ids of a text, with the BOS where the model wants one; '' gives the start token.

        Raises ContextTooLong, and InputError for an empty text where the model has no token to start from.
        """
        ...

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        """Score every token of a prompt, with the `top_k` most likely next ones.

        Raises ContextTooLong, and Stopped soon after `stop` is set.
        """
        ...

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        """Look inside the model at a prompt: the arrays that a facet asks for.

        Raises FacetUnavailable where this model or this length can't give them, ContextTooLong, and Stopped
        soon after `stop` is set.
        """
        ...

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        """Write after a prompt, one forward of one token for each, and tell of each as it comes.

        What came is kept, and scored, however it ends. Raises ContextTooLong where there is no room for one
        token, and Stopped soon after `stop` is set.
        """
        ...

    def close(self) -> None:
        """Free the model. The engine can't be asked any more."""
        ...
