"""A run writes what transformers' generate writes, for one forward of one token each, and is kept."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from tests.engine.random_models import RANDOM_MODELS, VOCABULARY, random_model, save_random
from tests.engine.test_runner import ATTENTION, RECURRENT, assert_bounded, assert_true
from token_explorer.core.engine import ModelSpec, Stop, Stopped
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Following, Likeliest
from token_explorer.core.sampling import Sampler, draw, reshape
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine import generation
from token_explorer.engine.generation import choose, generate
from token_explorer.engine.local import LocalEngine
from token_explorer.engine.microscope import Microscope
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import ContextTooLong

IDS = tuple((7 * place + place * place) % 240 + 5 for place in range(30))
END = 2
# Each piece names its id, so that a text tells which tokens it is of.
PIECES = Vocabulary(tuple(f"<{token}>".encode() for token in range(VOCABULARY)))
ENDING = replace(PIECES, ends=frozenset({END}))
WARM = Sampler(temperature=1.2)

load = functools.cache(random_model)


def untold(_: Step) -> None:
    pass


def written(
    runner: ModelRunner, plan: Plan, ids: TokenIds = IDS, vocabulary: Vocabulary = PIECES
) -> TokenIds:
    return generate(runner, vocabulary, ids, plan, untold, Stop()).ids[len(ids) :]


def transformers_writes(model: PreTrainedModel, tokens: int, **settings: object) -> TokenIds:
    """The prompt and what transformers writes after it."""
    options = {"max_new_tokens": tokens, "do_sample": False, "eos_token_id": END, "pad_token_id": 0}
    ids = torch.tensor([IDS])
    with torch.inference_mode():
        found = model.generate(ids, attention_mask=torch.ones_like(ids), **{**options, **settings})
    return tuple(found[0].tolist())


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_a_greedy_run_is_that_of_transformers_token_for_token(name: str) -> None:
    plan = Plan(24, prompt=len(IDS))
    run = generate(ModelRunner(load(name)), ENDING, IDS, plan, untold, Stop())
    assert run.ids == transformers_writes(load(name), 24)
    assert run.ending == ("end" if run.ids[-1] == END else "limit")


@pytest.mark.parametrize("name", [*ATTENTION, *RECURRENT])
def test_a_greedy_run_with_penalties_is_that_of_transformers_token_for_token(name: str) -> None:
    sampler = Sampler(repetition_penalty=1.3, no_repeat_ngram=2, temperature=0)
    plan = Plan(24, sampler, prompt=len(IDS))
    expected = transformers_writes(load(name), 24, repetition_penalty=1.3, no_repeat_ngram_size=2)
    run = generate(ModelRunner(load(name)), ENDING, IDS, plan, untold, Stop())
    assert run.ids == expected
    assert expected != transformers_writes(load(name), 24), "the penalties change nothing here"


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma3", "mamba"])
def test_along_a_sampled_run_of_transformers_each_distribution_is_the_one_it_drew_from(name: str) -> None:
    sampler = Sampler(
        repetition_penalty=1.1,
        no_repeat_ngram=2,
        block_end=4,
        temperature=0.8,
        top_k=60,
        top_p=0.9,
        min_p=0.01,
    )
    torch.manual_seed(3)
    with torch.inference_mode():
        run = load(name).generate(
            torch.tensor([IDS]),
            attention_mask=torch.ones(1, len(IDS), dtype=torch.long),
            do_sample=True,
            max_new_tokens=12,
            min_new_tokens=4,
            eos_token_id=END,
            pad_token_id=0,
            repetition_penalty=1.1,
            no_repeat_ngram_size=2,
            temperature=0.8,
            top_k=60,
            top_p=0.9,
            min_p=0.01,
            output_scores=True,
            return_dict_in_generate=True,
        )
    ids = tuple(run.sequences[0].tolist())
    microscope = Microscope(ModelRunner(load(name)))
    assert len(run.scores) >= 4
    for step, scores in enumerate(run.scores):
        place = len(IDS) + step
        logits = microscope.observe(ids, Following(place), Stop()).logits
        ours = reshape(sampler, logits, ids[:place], step, ENDING).probabilities
        np.testing.assert_allclose(ours, scores[0].float().softmax(-1), rtol=1e-4, atol=1e-5)


def test_a_sampled_token_is_the_draw_for_its_place_from_what_the_sampler_left() -> None:
    runner, plan = (
        ModelRunner(load("llama")),
        Plan(12, Sampler(block_end=3, top_p=0.8), seed=5, prompt=len(IDS)),
    )
    run = generate(runner, ENDING, IDS, plan, untold, Stop())
    assert len(run.ids) > len(IDS) + 3
    for place in range(len(IDS), len(run.ids)):
        before = run.ids[:place]
        logits = Microscope(runner).observe(run.ids, Following(place), Stop()).logits
        assert plan.sampler is not None
        sampled = reshape(plan.sampler, logits, before, place - len(IDS), ENDING)
        assert draw(sampled, 5, place) == run.ids[place]


def test_a_seed_repeats_a_run_and_another_seed_makes_another() -> None:
    first, again, other = (
        written(ModelRunner(load("llama")), Plan(20, WARM, seed=seed, prompt=len(IDS))) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_run_in_two_parts_is_the_run_at_once() -> None:
    plan = Plan(10, WARM, seed=1, prompt=len(IDS))
    runner = ModelRunner(load("llama"))
    half = written(runner, plan)
    assert half + written(runner, plan, IDS + half) == written(
        ModelRunner(load("llama")), replace(plan, limit=20)
    )


@pytest.mark.parametrize("name", ["llama", "gemma3"])
@pytest.mark.parametrize("sampler", [None, WARM])
def test_a_run_of_n_tokens_is_n_steps_of_one_token_and_its_scores_cost_nothing(
    name: str, sampler: Sampler | None
) -> None:
    runner = ModelRunner(load(name))
    runner.score(IDS, 10, Stop())
    before = runner.counts.forwards, runner.counts.tokens, runner.counts.unembedded_rows
    run = generate(runner, PIECES, IDS, Plan(17, sampler), untold, Stop())
    work = runner.counts.forwards, runner.counts.tokens, runner.counts.unembedded_rows
    assert work == (before[0] + 17, before[1] + 17, before[2] + 17)
    scores = runner.score(run.ids, 10, Stop())
    assert (runner.counts.forwards, scores.reused) == (before[0] + 17, len(run.ids))
    assert_true(scores, load(name), run.ids)
    assert_bounded(runner)


def test_a_prompt_that_was_not_scored_is_run_once_before() -> None:
    runner = ModelRunner(load("llama"))
    run = generate(runner, PIECES, IDS, Plan(5), untold, Stop())
    assert (runner.counts.forwards, runner.counts.tokens) == (1 + 5, len(IDS) + 5)
    generate(runner, PIECES, IDS, Plan(5), untold, Stop())
    assert runner.counts.forwards == 1 + 5, "what was written before was run again"
    assert_true(runner.score(run.ids, 5, Stop()), load("llama"), run.ids)


def test_a_recurrent_model_writes_too_and_runs_all_for_each_token() -> None:
    runner = ModelRunner(load("mamba"))
    runner.score(IDS, 10, Stop())
    before = runner.counts.forwards, runner.counts.tokens
    run = generate(runner, PIECES, IDS, Plan(3), untold, Stop())
    work = runner.counts.forwards - before[0], runner.counts.tokens - before[1]
    assert work == (3, 3 * len(IDS) + 1 + 2 + 3)
    assert_true(runner.score(run.ids, 10, Stop()), load("mamba"), run.ids)
    assert runner.counts.forwards == before[0] + 3


def test_each_step_is_told_once_it_is_kept() -> None:
    runner, steps = ModelRunner(load("llama")), []

    def tell(step: Step) -> None:
        steps.append(step)
        assert len(runner.memory.live) == step.place + 1

    run = generate(runner, PIECES, IDS, Plan(6), tell, Stop())
    assert [(step.place, step.token) for step in steps] == list(enumerate(run.ids))[len(IDS) :]
    seconds = [0.0, *(step.seconds for step in steps), run.seconds]
    assert seconds == sorted(seconds)


def test_a_stop_between_two_tokens_keeps_those_that_came() -> None:
    runner, stop, steps = ModelRunner(load("llama")), Stop(), []

    def tell(step: Step) -> None:
        steps.append(step)
        if len(steps) == 3:
            stop.set()

    with pytest.raises(Stopped):
        generate(runner, PIECES, IDS, Plan(None), tell, stop)
    kept = (*IDS, *(step.token for step in steps))
    assert len(kept) == len(IDS) + 3
    assert_kept(runner, kept)


def test_a_stop_inside_a_forward_loses_the_token_that_was_run_and_no_other() -> None:
    runner, stop, steps = ModelRunner(load("llama")), Stop(), []
    runner.score(IDS, 5, Stop())

    def stop_in_fourth(*_: object) -> None:
        if len(steps) == 3:
            stop.set()

    hook = runner.anatomy.layers[0].register_forward_hook(stop_in_fourth)
    with pytest.raises(Stopped):
        generate(runner, PIECES, IDS, Plan(None), steps.append, stop)
    hook.remove()
    assert_kept(runner, (*IDS, *(step.token for step in steps)))
    expected = written(ModelRunner(load("llama")), Plan(8))
    assert tuple(step.token for step in steps) == expected[:3]
    assert written(runner, Plan(8)) == expected


def assert_kept(runner: ModelRunner, ids: TokenIds) -> None:
    """A prompt is scored, truly, and the memory is sound."""
    forwards = runner.counts.forwards
    assert_true(runner.score(ids, 10, Stop()), runner.model, ids)
    assert runner.counts.forwards == forwards
    assert_bounded(runner)


def test_a_text_that_spans_tokens_ends_the_run_with_the_token_that_completes_it() -> None:
    tokens = written(ModelRunner(load("llama")), Plan(12, WARM, seed=4))
    for last in range(1, 12):
        a, b = tokens[last - 1 : last + 1]
        text = f"{a}"[-1:] + f"><{b}"
        joined = [f"<{token}>" for token in tokens]
        first = next(count for count in range(1, 13) if text in "".join(joined[:count]))
        run = run_until(text, "never said")
        assert (run.ids[len(IDS) :], run.ending) == (tokens[:first], "stop")


def run_until(*stops: str) -> Generated:
    plan = Plan(12, WARM, seed=4, stops=stops)
    return generate(ModelRunner(load("llama")), PIECES, IDS, plan, untold, Stop())


def test_what_stands_in_the_prompt_ends_no_run() -> None:
    whole = written(ModelRunner(load("llama")), Plan(12, WARM, seed=4))
    run = run_until(f"<{IDS[-1]}><{whole[0]}>", f"<{IDS[3]}><{IDS[4]}>", "")
    assert (run.ids[len(IDS) :], run.ending) == (whole, "limit")


def test_a_token_that_ends_the_text_is_the_last_and_is_kept() -> None:
    whole = written(ModelRunner(load("llama")), Plan(12, WARM, seed=4))
    ends = replace(PIECES, ends=frozenset({whole[5]}))
    plan = Plan(12, WARM, seed=4, stops=(f"<{whole[5]}>",))
    run = generate(ModelRunner(load("llama")), ends, IDS, plan, untold, Stop())
    assert (run.ids[len(IDS) :], run.ending) == (whole[: whole.index(whole[5]) + 1], "end")


def test_a_run_goes_to_the_end_of_the_context_and_from_there_no_further() -> None:
    runner = ModelRunner(load("llama"))
    runner.context = len(IDS) + 3
    run = generate(runner, PIECES, IDS, Plan(None), untold, Stop())
    assert (len(run.ids), run.ending) == (runner.context, "context")
    forwards = runner.counts.forwards
    with pytest.raises(ContextTooLong, match=f"{runner.context + 1} tokens"):
        generate(runner, PIECES, run.ids, Plan(1), untold, Stop())
    with pytest.raises(ContextTooLong):
        generate(runner, PIECES, (*run.ids, 5), Plan(1), untold, Stop())
    assert runner.counts.forwards == forwards
    assert generate(runner, PIECES, run.ids, Plan(0), untold, Stop()).ending == "limit"


def test_a_sampler_that_leaves_nothing_ends_the_run() -> None:
    runner = ModelRunner(load("llama"))
    every = tuple(range(VOCABULARY))
    run = generate(runner, PIECES, every, Plan(5, Sampler(no_repeat_ngram=1)), untold, Stop())
    assert (run.ids, run.ending) == (every, "nothing")
    all_but = every[:-1]
    run = generate(runner, PIECES, all_but, Plan(5, Sampler(no_repeat_ngram=1)), untold, Stop())
    assert (run.ids, run.ending) == (every, "nothing")


def test_greedy_takes_the_lowest_id_of_a_tie_and_asks_no_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the sampler was asked")

    monkeypatch.setattr(generation, "reshape", asked)
    assert choose(Plan(1), torch.tensor([1.0, 3.0, 2.0, 3.0]), (5,), PIECES) == (1, None)


def test_the_engine_writes_with_the_ends_of_its_own_model(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    engine = LocalEngine(ModelSpec(str(tmp_path), device="cpu", threads=1))
    engine.load_tokenizer(lambda _: None)
    engine.load_model(lambda _: None)
    ids, steps = engine.encode("Once upon a time"), []
    plan = Plan(40, Sampler(temperature=2.0), seed=0, prompt=len(ids))
    run = engine.generate(ids, plan, steps.append, Stop())
    assert run.ids == (*ids, *(step.token for step in steps))
    assert run.ending == ("end" if END in run.ids else "limit")
    scores = engine.score(run.ids, 5, Stop())
    assert scores.reused == len(run.ids)


def test_each_step_lists_what_its_token_was_taken_from() -> None:
    steps: list[Step] = []
    plan = Plan(6, replace(WARM, top_k=7), seed=3, prompt=len(IDS), alternatives=5)
    runner = ModelRunner(load("llama"))
    ids = generate(runner, PIECES, IDS, plan, steps.append, Stop()).ids
    for step in steps:
        logits = ModelRunner(load("llama")).logits(ids[: step.place], Stop())
        told = step.listed
        assert told is not None
        assert told.actual == step.token == ids[step.place]
        assert told.left == 7
        np.testing.assert_allclose(told.logprobs, logits.log_softmax(-1)[told.ids], atol=1e-5)
        likeliest = logits.argsort(descending=True)[:5].tolist()
        assert told.ids.tolist()[:5] == likeliest
        assert set(told.ids.tolist()) == {*likeliest, step.token}


def test_a_stop_string_ends_no_run_before_its_least_tokens() -> None:
    run = written(ModelRunner(load("llama")), Plan(12))
    early = PIECES.pieces[run[1]].decode()
    stopped = written(ModelRunner(load("llama")), Plan(12, prompt=len(IDS), stops=(early,), least=2))
    assert len(stopped) == 2
    again = [place for place, token in enumerate(run) if token == run[1] and place >= 2]
    longer = written(ModelRunner(load("llama")), Plan(12, prompt=len(IDS), stops=(early,), least=3))
    assert len(longer) == (again[0] + 1 if again else 12)


@pytest.mark.parametrize("place", [1, 12, len(IDS)])
def test_the_likeliest_tokens_at_a_place_are_those_of_the_prompt_that_ends_there(place: int) -> None:
    runner = ModelRunner(load("llama"))
    found = Microscope(runner).observe(IDS, Likeliest(place, 9), Stop())
    alone = ModelRunner(load("llama")).score(IDS[:place], 9, Stop()).next
    np.testing.assert_array_equal(found.ids, alone.ids)
    np.testing.assert_allclose(found.logprobs, alone.logprobs, atol=1e-5)
