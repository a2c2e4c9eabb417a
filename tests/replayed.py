"""Traces of the fake engine, as they are read again from their files."""

import json
from functools import cache
from pathlib import Path

from tests.fakes import VOCABULARY, FakeEngine, encode
from token_explorer.core.engine import EngineInfo, Stop
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.results.opened import Opened
from token_explorer.trace.node import Node
from token_explorer.trace.reading import of_node
from token_explorer.trace.record import FILE_NAME, Trace
from token_explorer.trace.run import record
from token_explorer.trace.settings import TraceSettings

TEXT = "Once upon a time"
IDS = encode(TEXT)
# The sampler takes tokens among the few that each step lists, and others, which come last there.
LISTED = 5
SETTINGS = TraceSettings(limit=8, sampler=Sampler(temperature=1.3), seed=4, alternatives=LISTED)


def run(ids: TokenIds = IDS, settings: TraceSettings = SETTINGS) -> Trace:
    """What the fake engine writes, recorded."""
    opened = Opened(FakeEngine(), VOCABULARY, EngineInfo("fake-model", "cpu", "float32", 100_000, 2))
    return record(opened, ids, settings, lambda step: None, lambda trace: None, Stop())


def again(trace: Trace) -> Trace:
    """A trace as it is after it was written and read."""
    return of_node(Node(json.loads(json.dumps(trace.document())), FILE_NAME))


@cache
def recorded() -> Trace:
    """A run of a few tokens, some of them not among the likeliest."""
    return again(run())


def written(trace: Trace, folder: Path) -> Path:
    """The folder, with a trace in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(json.dumps(trace.document()))
    return folder
