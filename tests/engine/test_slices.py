"""A run in slices is the uncut run: its tokens, its steps, its end."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from tests import fakes
from tests.engine.random_models import random_model
from tests.engine.test_generation import ENDING, IDS
from token_explorer.core.engine import Stop
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.sampling import Sampler
from token_explorer.engine import generation
from token_explorer.engine.runner import ModelRunner
from token_explorer.engine.slices import SLICE, SlicedRun

SAMPLED = Plan(23, Sampler(repetition_penalty=1.3, no_repeat_ngram=3, temperature=1.1), seed=3, prompt=12)
WARM = Sampler(temperature=1.5, block_end=30)


def uncut(runner: ModelRunner, plan: Plan) -> tuple[Generated, list[Step]]:
    told: list[Step] = []
    return generation.generate(runner, ENDING, IDS, plan, told.append, Stop()), told


def in_slices(runner: ModelRunner, plan: Plan) -> tuple[Generated, list[Step]]:
    run, told, most = SlicedRun(IDS, plan), list[Step](), 0

    def tell(step: Step) -> None:
        told.append(run.timed(step))

    while True:
        before = len(told)
        written = generation.generate(runner, ENDING, run.ids, run.slice, tell, Stop())
        after = run.after(written, runner.context)
        most = max(most, len(told) - before)
        if isinstance(after, Generated):
            assert most <= SLICE
            return after, told
        run = after


def untimed(steps: list[Step]) -> list[tuple[int, int, list[int]]]:
    listed = [[] if step.listed is None else step.listed.ids.tolist() for step in steps]
    return [(step.place, step.token, ids) for step, ids in zip(steps, listed, strict=True)]


def pieces(*ids: int) -> str:
    return b"".join(ENDING.pieces[id] for id in ids).decode()


@pytest.fixture(scope="module")
def written() -> list[int]:
    """What a warm run writes, to look for in others."""
    run, _ = uncut(ModelRunner(random_model("llama")), Plan(23, WARM, seed=1, prompt=len(IDS)))
    return list(run.ids[len(IDS) :])


@pytest.mark.parametrize(
    "plan",
    [
        Plan(0),
        Plan(1),
        Plan(SLICE),
        Plan(4 * SLICE),
        Plan(23, alternatives=3),
        SAMPLED,
        replace(SAMPLED, alternatives=2),
        replace(SAMPLED, sampler=Sampler(top_k=3, min_p=0.2, block_blank=6)),
        Plan(23, WARM, seed=1, prompt=len(IDS)),
    ],
    ids=repr,
)
def test_slices_write_what_the_uncut_run_does(plan: Plan) -> None:
    runner = partial(ModelRunner, random_model("llama"))
    (run, told), (whole, steps) = in_slices(runner(), plan), uncut(runner(), plan)
    assert (run.ids, run.ending) == (whole.ids, whole.ending)
    assert untimed(told) == untimed(steps)
    assert all(first.seconds <= second.seconds for first, second in pairwise(told))
    assert not told or run.seconds >= told[-1].seconds


@pytest.mark.parametrize("last", range(3, 12))
@pytest.mark.parametrize("least", [0, 8])
def test_a_stop_text_that_two_slices_share_ends_the_run_where_it_ends_the_uncut_one(
    written: list[int], last: int, least: int
) -> None:
    stops = (pieces(*written[last - 2 : last + 1])[1:-1], pieces(*written[:15]), pieces(written[9]))
    plan = Plan(23, WARM, seed=1, prompt=len(IDS), stops=stops, least=least)
    runner = partial(ModelRunner, random_model("llama"))
    (run, told), (whole, steps) = in_slices(runner(), plan), uncut(runner(), plan)
    assert (run.ids, run.ending) == (whole.ids, whole.ending)
    assert run.ending == "stop"
    assert untimed(told) == untimed(steps)


@pytest.mark.parametrize("limit", [None, 12, 50])
def test_a_full_context_ends_a_run_in_slices_as_it_ends_the_uncut_one(limit: int | None) -> None:
    runners = [ModelRunner(random_model("llama")) for _ in range(2)]
    for runner in runners:
        runner.context = len(IDS) + 3 * SLICE
    plan = Plan(limit, WARM, seed=1, prompt=len(IDS))
    (run, _), (whole, _) = in_slices(runners[0], plan), uncut(runners[1], plan)
    assert (run.ids, run.ending) == (whole.ids, whole.ending)


def test_the_model_of_the_tests_runs_in_slices_too() -> None:
    ids = fakes.encode("Once upon a time")
    plan = Plan(11, Sampler(temperature=2.0), seed=7, prompt=len(ids), stops=("zzzz",))
    whole = fakes.FakeEngine().generate(ids, plan, lambda step: None, Stop())
    run = SlicedRun(ids, plan)
    while isinstance(run, SlicedRun):
        written = fakes.FakeEngine().generate(run.ids, run.slice, lambda step: None, Stop())
        after = run.after(written, 0)
        if isinstance(after, Generated):
            break
        run = after
    assert (after.ids, after.ending) == (whole.ids, whole.ending)
