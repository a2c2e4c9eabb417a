"""One document of each kind and more, made with fake models: what is held against the schema."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.byhand.followed import Followed
from tests.fakes import FakeEngine, encode
from tests.results.spoken import Spoken
from token_explorer import doctor
from token_explorer.core.engine import Check, Engine, EngineInfo, Stop
from token_explorer.core.generation import Plan
from token_explorer.core.sampling import Sampler
from token_explorer.overlays import OVERLAYS
from token_explorer.results import attention, byhand, completion, generation, lens, scoring, tokenization
from token_explorer.results.comparison import compare_models, compare_texts
from token_explorer.results.document import Document
from token_explorer.results.opened import Opened, open_model
from token_explorer.results.wanted import Wanted
from token_explorer.trace.run import record
from token_explorer.trace.settings import TraceSettings

TEXT = "Once upon a time[/b]"
IDS = encode(TEXT)
SAMPLER = Sampler(temperature=0.8, top_k=5, repetition_penalty=1.1)


def opened(engine: Engine | None = None) -> Opened:
    return open_model(engine or FakeEngine(), lambda progress: None)


def documents() -> Iterator[tuple[str, Document]]:
    """Each with the name of its kind in the schema."""
    for layers in (False, True):
        yield "complete", completion.complete(opened(), IDS, 3, layers, Stop()).document()
    for sampler in (None, SAMPLER):
        yield "generate", _written(sampler, stopped_after=9)
    yield "generate", _written(SAMPLER, stopped_after=2)
    yield "generate", _written(None, stopped_after=0)
    model = opened()
    yield "tokenize", tokenization.tokenize(model.vocabulary, IDS, TEXT, "fake").document()
    names = [overlay.name for overlay in OVERLAYS]
    for ids in (IDS, IDS[:1]):
        yield "score", scoring.score(opened(), ids, names, None, 32, Stop()).document()
    yield "attention", attention.attend(opened(), IDS, None, Stop()).document()
    for pin in (None, 7):
        yield "lens", lens.look(opened(), IDS, pin, Stop()).document()
    yield from (("compare", document) for document in _comparisons())
    yield from (("trace", document) for document in _traces())
    yield from (("byhand", document) for document in _followed())
    yield "doctor", doctor.report(_INFO, _PATHS)


_INFO = EngineInfo(
    "some",
    "cpu",
    "bfloat16",
    0,
    2,
    checks=(Check("good", 0.0, 1.0), Check("bad", math.nan, 1.0)),
    lacks={"attention": "it has none"},
)
_PATHS = {"config": None, "own_config": Path("/config.toml"), "cache": Path("/cache")}


def _followed() -> Iterator[Document]:
    """All steps of a forward, and some numbers of it with their workings."""
    for wanted in (Wanted(), Wanted(("mask",), positions=(2,)), Wanted(("logits",), column=3)):
        yield byhand.follow(opened(Followed()), (1, 0, 2), wanted, 100, Stop()).document()


def _written(sampler: Sampler | None, stopped_after: int) -> Document:
    """A run of four tokens, or one that is stopped before."""
    stop, told = Stop(), []

    def tell(step: object) -> None:
        told.append(step)
        if len(told) == stopped_after:
            stop.set()

    if not stopped_after:
        stop.set()
    plan = Plan(4, sampler, 1, len(IDS), ("never",), alternatives=2)
    return generation.generate(opened(), IDS, plan, tell, stop).document()


def _comparisons() -> Iterator[Document]:
    engines: dict[str, Engine] = {
        "A": FakeEngine(),
        "B": FakeEngine(),
        "C": Spoken((b"<s>", b"a", b"[/b]"), lambda ids: [1.0, 2.0, -math.inf]),
        "D": Spoken((b"<s>", b"a", b"[/b]"), lambda ids: [2.0, 1.0, 0.0]),
    }

    def opening(name: str) -> AbstractContextManager[Opened]:
        return nullcontext(opened(engines[name]))

    for models in (("A", "B"), ("A", "C"), ("C", "D")):
        yield compare_models("aa[/b]", models, opening, 3, Stop()).document()
    yield compare_texts((TEXT, "Once"), opened(), 3, Stop()).document()


def _traces() -> Iterator[Document]:
    for settings in (
        TraceSettings(limit=4, sampler=SAMPLER, seed=1, stops=("never",), alternatives=3, attention_every=2),
        TraceSettings(limit=1, alternatives=2, layer=1, heads=2),
    ):
        yield record(opened(), IDS, settings, lambda step: None, lambda trace: None, Stop()).document()
    stop = Stop()
    yield record(opened(), IDS, settings, lambda step: stop.set(), lambda trace: None, stop).document()
