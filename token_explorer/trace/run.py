"""One run of a model, recorded: the prompt scored, each step as it comes, and the attention along the way.

Knows nothing of files: what has been recorded so far is handed on, again and again.
"""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

from token_explorer import __version__
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.generation import Step
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import EngineDied, EngineFault, FacetUnavailable
from token_explorer.results.opened import Opened
from token_explorer.trace.attention import Lookout, lookout, unavailable
from token_explorer.trace.record import INTERRUPTED, Scored, Timings, Trace
from token_explorer.trace.settings import TraceSettings

# After so many steps what came is handed on, but not before it has grown by a tenth: writing all of it for
# each few steps of a long run would take longer than the run.
KEEP_EVERY = 20
_GROWTH = 0.1
_LIBRARIES = ("torch", "transformers", "numpy")


def record(
    opened: Opened,
    ids: TokenIds,
    settings: TraceSettings,
    tell: Callable[[Step], None],
    keep: Callable[[Trace], None],
    stop: Stop,
) -> Trace:
    """Run a model and record it; where `stop` is set the trace is of what came till then.

    Args:
        tell: called with each step as it comes.
        keep: called with the trace so far, from time to time, and before an error of the engine is raised.

    Raises Stopped where not even the prompt was scored, ContextTooLong, InputError for a layer or head that
    the model hasn't, EngineDied, EngineFault, and what `tell` and `keep` raise.
    """
    recording = _Recording(opened, ids, settings, tell, keep)
    recording.score_prompt(stop)
    try:
        recording.run(stop)
    except Stopped:
        return recording.trace
    except (EngineDied, EngineFault):
        keep(recording.trace)
        raise
    return replace(recording.trace, interrupted=False)


def versions() -> Mapping[str, str]:
    """Of the program, Python, and the libraries that are installed."""
    found = {"token-explorer": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class _Recording:
    """A run, and the trace that grows with it."""

    trace: Trace

    def __init__(
        self,
        opened: Opened,
        ids: TokenIds,
        settings: TraceSettings,
        tell: Callable[[Step], None],
        keep: Callable[[Trace], None],
    ) -> None:
        self._opened, self._ids, self._settings = opened, ids, settings
        self._tell, self._keep = tell, keep
        self._kept = 0
        self._lookout: Lookout | None = None

    def score_prompt(self, stop: Stop) -> None:
        """Begin the trace: how expected the prompt is."""
        started, began = datetime.now(timezone.utc), time.perf_counter()
        scores = self._opened.engine.score(self._ids, self._settings.alternatives, stop)
        took = time.perf_counter() - began
        info = self._opened.info
        self.trace = Trace(
            model=info.model,
            dtype=info.dtype,
            device=info.device,
            ids=self._ids,
            vocabulary=self._opened.vocabulary,
            prompt=Scored(scores.logprobs, scores.entropies, scores.ranks),
            settings=self._settings,
            versions=versions(),
            steps=(),
            next=None,
            attention=(),
            notes=(),
            ending=INTERRUPTED,
            interrupted=True,
            timings=Timings(started.isoformat(timespec="seconds"), took, 0.0),
        )

    def run(self, stop: Stop) -> None:
        """All that comes after. Raises Stopped."""
        self._find_attention(stop)
        self._write(stop)
        self._keep(self.trace)
        every = self._settings.attention_every
        for step in range(every, len(self.trace.steps) + 1, every or 1) if every else ():
            self._look(step, stop)

    def _find_attention(self, stop: Stop) -> None:
        """Find the layer to look at, before the model writes: a layer it hasn't is told at once."""
        try:
            self._lookout = lookout(self._opened, self._ids, self._settings, stop)
        except FacetUnavailable as error:
            self._note(unavailable(error))
        self._look(0, stop)

    def _write(self, stop: Stop) -> None:
        plan = self._settings.plan(len(self._ids))
        generated = self._opened.engine.generate(self._ids, plan, self._add, stop)
        following = self._opened.engine.score(generated.ids, self._settings.alternatives, stop).next
        self.trace = replace(self.trace, ending=generated.ending, next=following)
        self._time(generated.seconds)

    def _add(self, step: Step) -> None:
        self.trace = replace(self.trace, steps=(*self.trace.steps, step))
        self._time(step.seconds)
        self._tell(step)
        count = len(self.trace.steps)
        if count - self._kept >= max(KEEP_EVERY, _GROWTH * count):
            self._kept = count
            self._keep(self.trace)

    def _time(self, seconds: float) -> None:
        self.trace = replace(self.trace, timings=replace(self.trace.timings, seconds=seconds))

    def _look(self, step: int, stop: Stop) -> None:
        """Take a snapshot after a step; where that can't be done, none is taken after later ones either."""
        if self._lookout is None:
            return
        ids = self._ids + self.trace.written[:step]
        if not self._lookout.room(len(ids)):
            self._lookout = None
            self._note(
                f"No attention is recorded from step {step} on: all of it would be too much for a file."
            )
            return
        try:
            taken = self._lookout.look(ids, step, stop)
        except FacetUnavailable as error:
            self._lookout = None
            self._note(unavailable(error))
            return
        self.trace = replace(self.trace, attention=(*self.trace.attention, *taken))

    def _note(self, text: str) -> None:
        self.trace = replace(self.trace, notes=(*self.trace.notes, text))
