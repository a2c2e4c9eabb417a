"""A run as it is recorded: what is handed on when, and what is left where it ends early."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests import fakes
from tests.fakes import FakeEngine
from tests.trace.runs import DRAWN, PROMPT, opened, traced
from token_explorer.core.engine import Answer, Stop, Stopped
from token_explorer.core.generation import Plan, Step
from token_explorer.core.observation import AttentionMap, Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import EngineDied, FacetUnavailable, InputError
from token_explorer.results.document import dumps
from token_explorer.trace import attention
from token_explorer.trace.attention import planes
from token_explorer.trace.node import Node
from token_explorer.trace.reading import of_node
from token_explorer.trace.record import Trace
from token_explorer.trace.run import KEEP_EVERY, versions


class Blind(FakeEngine):
    """A model that shows no attention, or none of longer texts."""

    def __init__(self, most: int = 0) -> None:
        super().__init__()
        self.most = most

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        if facet.kind == "attention" and len(ids) > self.most:
            raise FacetUnavailable("No attention", "Blind gives none.")
        return super().observe(ids, facet, stop)


class Dying(FakeEngine):
    """A model whose process ends after some tokens."""

    def generate(self, ids: TokenIds, plan: Plan, tell: Any, stop: Stop) -> Any:
        super().generate(ids, replace(plan, limit=3), tell, stop)
        raise EngineDied("The engine's process ended", "signal 9 (Killed).")


def stopping_after(count: int, stop: Stop) -> Any:
    """What tells of steps, and asks for the end at one of them."""
    told: list[Step] = []

    def tell(step: Step) -> None:
        told.append(step)
        if len(told) == count:
            stop.set()

    return tell


def test_the_settings_become_the_plan() -> None:
    engine = FakeEngine()
    traced(engine=engine, limit=9, least=4, sampler=DRAWN, seed=5, stops=("x", "yz"), alternatives=6)
    plan = Plan(9, DRAWN, 5, len(PROMPT), ("x", "yz"), least=4, alternatives=6)
    assert engine.generated == [(PROMPT, plan)]


def test_the_steps_are_those_of_the_engine_and_each_is_told() -> None:
    told: list[Step] = []
    made = traced(tell=told.append, sampler=DRAWN)
    own: list[Step] = []
    FakeEngine().generate(PROMPT, made.settings.plan(len(PROMPT)), own.append, Stop())
    assert [step.token for step in told] == [step.token for step in own] == list(made.written)
    assert not made.interrupted


def test_a_stopped_run_is_a_valid_trace_of_what_came() -> None:
    stop = Stop()
    made = traced(tell=stopping_after(5, stop), stop=stop, limit=50, attention_every=2)
    assert made.interrupted
    assert made.ending == "interrupted"
    assert made.next is None
    assert made.written == traced(limit=5).written
    assert [taken.step for taken in made.attention] == [0]
    assert of_node(Node(made.document(), "trace.json")).document() == made.document()


def test_a_run_that_is_stopped_while_attention_is_looked_at_keeps_its_text() -> None:
    stop = Stop()
    made = traced(keep=lambda trace: stop.set(), stop=stop, attention_every=4)
    assert made.interrupted
    assert made.ending == "limit"
    assert len(made.steps) == 12


def test_nothing_is_recorded_where_not_even_the_prompt_was_scored() -> None:
    stop = Stop()
    stop.set()
    kept: list[Trace] = []
    with pytest.raises(Stopped):
        traced(stop=stop, keep=kept.append)
    assert kept == []


def test_a_long_run_is_handed_on_again_and_again_each_time_as_a_valid_trace() -> None:
    kept: list[Trace] = []
    made = traced(keep=kept.append, limit=3 * KEEP_EVERY)
    assert [len(trace.steps) for trace in kept] == [20, 40, 60, 60]
    assert all(trace.interrupted for trace in kept)
    for trace in kept:
        assert trace.written == made.written[: len(trace.steps)]
        assert of_node(Node(trace.document(), "trace.json")).document() == trace.document()


def test_what_came_before_the_engine_died_is_handed_on() -> None:
    kept: list[Trace] = []
    with pytest.raises(EngineDied):
        traced(engine=Dying(), keep=kept.append)
    assert [len(trace.steps) for trace in kept] == [3]


def test_snapshots_are_the_engines_maps_of_the_text_so_far() -> None:
    made = traced(attention_every=5, heads="all", layer=1)
    assert [(taken.step, taken.heads) for taken in made.attention] == [
        (step, head) for step in (0, 5, 10) for head in (1, 2, 3)
    ]
    for taken in made.attention:
        ids = PROMPT + made.written[: taken.step]
        own = FakeEngine().observe(ids, AttentionMap(1, 0, len(ids), 0, len(ids)), Stop())
        assert isinstance(taken.heads, int)
        np.testing.assert_array_equal(taken.weights, own.weights[taken.heads - 1])


def test_no_query_is_looked_at_twice() -> None:
    engine = FakeEngine()
    traced(engine=engine, attention_every=5)
    maps = [facet for _, facet in engine.observed if isinstance(facet, AttentionMap)]
    first = len(PROMPT)
    assert [(each.start, each.stop) for each in maps] == [
        (0, first),
        (first, first + 5),
        (first + 5, first + 10),
    ]


def test_planes_are_the_mean_the_largest_or_one_of_the_heads() -> None:
    weights = np.array([[[0.2, 0.8]], [[0.6, 0.4]]], np.float32)
    assert planes(weights, "mean")["mean"] == pytest.approx(np.array([[0.4, 0.6]]))
    assert planes(weights, "max")["max"].tolist() == weights.max(axis=0).tolist()
    assert planes(weights, 2)[2].tolist() == weights[1].tolist()
    assert list(planes(weights, "all")) == [1, 2]


def test_without_a_layer_the_last_one_that_attends_is_taken() -> None:
    assert {taken.layer for taken in traced().attention} == {fakes.LAYERS}


@pytest.mark.parametrize(("settings", "said"), [({"layer": 3}, "layer 3"), ({"heads": 4}, "head 4")])
def test_a_layer_or_head_that_isnt_there_is_told_before_anything_is_written(
    settings: dict[str, Any], said: str
) -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match=said):
        traced(engine=engine, **settings)
    assert engine.generated == []


def test_a_model_without_attention_is_recorded_without_and_the_trace_says_why() -> None:
    made = traced(engine=Blind(), attention_every=3)
    assert made.attention == ()
    assert made.notes == ("No attention is recorded: Blind gives none.",)
    assert not made.interrupted


def test_attention_that_is_there_for_short_texts_alone_is_recorded_so_far() -> None:
    made = traced(engine=Blind(len(PROMPT) + 4), attention_every=4)
    assert [taken.step for taken in made.attention] == [0, 4]
    assert len(made.notes) == 1


def test_more_attention_than_a_file_should_hold_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(PROMPT)
    monkeypatch.setattr(attention, "MOST_WEIGHTS", size * (size + 1) // 2)
    made = traced(attention_every=4)
    assert [taken.step for taken in made.attention] == [0]
    assert "from step 4 on" in made.notes[0]


def test_versions_are_those_of_what_is_installed() -> None:
    found = versions()
    assert found["numpy"] == np.__version__
    assert {"token-explorer", "python", "torch", "transformers"} <= set(found)


def test_the_document_of_an_opened_model_names_it() -> None:
    document = traced().document()
    info = opened().info
    assert (document["model"], document["dtype"], document["device"]) == (info.model, info.dtype, info.device)
    assert dumps(document).isascii()
