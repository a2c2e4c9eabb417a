"""Traces of the fake engine."""

from collections.abc import Callable
from typing import Any

from tests.fakes import FakeEngine, encode
from token_explorer.core.engine import Stop
from token_explorer.core.generation import Step
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.results.opened import Opened, open_model
from token_explorer.trace.record import Trace
from token_explorer.trace.run import record
from token_explorer.trace.settings import TraceSettings

PROMPT = encode("Once upon a time, there was a")
DRAWN = Sampler(temperature=0.8, top_k=5)


def opened(engine: FakeEngine | None = None) -> Opened:
    return open_model(engine or FakeEngine(), lambda progress: None)


def traced(
    ids: TokenIds = PROMPT,
    engine: FakeEngine | None = None,
    tell: Callable[[Step], None] = lambda step: None,
    keep: Callable[[Trace], None] = lambda trace: None,
    stop: Stop | None = None,
    **settings: Any,
) -> Trace:
    """The trace of a run with these settings; of twelve tokens unless they say otherwise."""
    wanted = TraceSettings(**{"limit": 12, **settings})
    return record(opened(engine), ids, wanted, tell, keep, stop or Stop())
