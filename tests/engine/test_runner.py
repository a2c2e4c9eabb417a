"""The fast path equals the slow path: whatever was reused, the numbers are those of one fresh forward."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from tests.engine.random_models import random_model
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import runner as runner_module
from token_explorer.engine.anatomy import find_layers
from token_explorer.engine.prefix_tree import Node
from token_explorer.engine.runner import ModelRunner, probe_ids
from token_explorer.engine.scoring import candidates, score_rows
from token_explorer.errors import ContextTooLong

ATTENTION = ("llama", "qwen2", "gpt2", "gemma3", "mistral")
RECURRENT = ("mamba", "lfm2")

load = functools.cache(random_model)


def fresh(model: PreTrainedModel, ids: TokenIds) -> torch.Tensor:
    """(T, V) log-probabilities of one forward with no cache."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return logits.double().log_softmax(-1)


def assert_true(scores: Scores, model: PreTrainedModel, ids: TokenIds, tolerance: float = 2e-3) -> None:
    """These scores are what one fresh forward gives."""
    expected = fresh(model, ids)
    before = expected[:-1]
    chosen = before[range(len(ids) - 1), ids[1:]]
    entropies = -(before.exp() * before).sum(-1)
    assert scores.ids == ids
    assert np.isnan(scores.logprobs[0])
    assert np.isnan(scores.entropies[0])
    assert scores.ranks[0] == 0
    np.testing.assert_allclose(scores.logprobs[1:], chosen, atol=tolerance)
    np.testing.assert_allclose(scores.entropies[1:], entropies, atol=tolerance)
    # A near-tie may fall either way: the rank lies between what a little less and a little more would give.
    surely = (before > chosen[:, None] + tolerance).sum(-1) + 1
    maybe = (before > chosen[:, None] - tolerance).sum(-1) + 1
    assert (surely.numpy() <= scores.ranks[1:]).all()
    assert (scores.ranks[1:] <= maybe.numpy()).all()
    np.testing.assert_allclose(scores.next.logprobs, expected[-1][scores.next.ids], atol=tolerance)
    np.testing.assert_allclose(
        scores.next.logprobs, expected[-1].topk(len(scores.next)).values, atol=tolerance
    )
    assert scores.next.tail == pytest.approx(1 - scores.next.probabilities.sum(dtype=float), abs=1e-5)
    assert scores.next.entropy == pytest.approx(
        float(-(expected[-1].exp() * expected[-1]).sum()), abs=tolerance
    )


def assert_bounded(runner: ModelRunner) -> None:
    """Memory holds what it counts, no more than it may, and only the live path is held by the track."""
    tree = runner.memory.tree
    live = {id(node) for node in runner.memory._tip.path()}
    assert tuple(t for node in runner.memory._tip.path() for t in node.ids) == runner.memory.live
    nodes: list[Node] = list(tree.root.children.values())
    stored, ends, guesses = 0, 0, 0
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children.values())
        ends += not node.guessed and all(child.guessed for child in node.children.values())
        guesses += node.guessed
        assert not (node.guessed and any(not child.guessed for child in node.children.values()))
        if node.payload is None:
            assert id(node) in live
        else:
            assert len(node.payload) == len(node.ids)
            stored += node.payload.nbytes
    assert stored == tree.nbytes <= tree.max_bytes
    assert ends <= tree.max_leaves
    assert guesses <= tree.max_guesses


# What a user does: append a token, pop some, go to a prompt seen before, or open another prompt.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 200)),
        st.tuples(st.just("pop"), st.integers(1, 6)),
        st.tuples(st.just("switch"), st.integers(0, 30)),
        st.tuples(st.just("open"), st.integers(0, 5)),
    ),
    min_size=1,
    max_size=14,
)


def walk(start: TokenIds, walked: list[tuple[str, int]]) -> list[TokenIds]:
    """The prompts that a walk asks about, in order."""
    seen = [start]
    for step, number in walked:
        here = seen[-1]
        if step == "append":
            seen.append((*here, number))
        elif step == "pop":
            seen.append(here[: max(1, len(here) - number)])
        elif step == "switch":
            seen.append(seen[number % len(seen)])
        else:
            seen.append(tuple((number * 7 + i * i) % 200 for i in range(3 + number)))
    return seen


@pytest.mark.parametrize("name", ATTENTION)
@settings(max_examples=25)
@given(walked=steps, room=st.sampled_from([0, 3_000, 20_000, 1 << 20]), leaves=st.integers(1, 4))
def test_cached_scores_equal_fresh_ones_after_any_walk(
    name: str, walked: list[tuple[str, int]], room: int, leaves: int
) -> None:
    model = load(name)
    runner = ModelRunner(model)
    assert runner.reuse
    runner.memory.tree.max_bytes, runner.memory.tree.max_leaves = room, leaves
    for ids in walk(tuple(range(5, 25)), walked):
        assert_true(runner.score(ids, 10, Stop()), model, ids)
        assert_bounded(runner)


@pytest.mark.parametrize("name", RECURRENT)
@settings(max_examples=8)
@given(walked=steps)
def test_a_recurrent_model_runs_without_reuse_and_with_true_numbers(
    name: str, walked: list[tuple[str, int]]
) -> None:
    model = load(name)
    runner = ModelRunner(model)
    assert not runner.reuse
    for ids in walk(tuple(range(5, 15)), walked):
        assert_true(runner.score(ids, 10, Stop()), model, ids)
        assert_bounded(runner)


@pytest.fixture
def llama() -> ModelRunner:
    return ModelRunner(load("llama"))


def work_of(runner: ModelRunner, ask: Callable[[], object]) -> tuple[int, int, int]:
    """(forwards, tokens, bytes moved) that an answer took."""
    counts, track = runner.counts, runner.memory.track
    before = counts.forwards, counts.tokens, track.moved_bytes
    ask()
    return counts.forwards - before[0], counts.tokens - before[1], track.moved_bytes - before[2]


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma3"])
def test_opening_a_model_takes_a_forward_and_a_step(name: str) -> None:
    model = random_model(name)
    ran: list[int] = []
    first = find_layers(model, probe_ids(260, model.device))[1][0]
    first.register_forward_hook(lambda _module, args, _output: ran.append(args[0].shape[1]))
    assert ModelRunner(model).reuse
    assert ran == [4, 1]


def test_an_append_runs_one_token_and_moves_no_row(llama: ModelRunner) -> None:
    ids = tuple(range(40))
    llama.score(ids, 10, Stop())
    assert work_of(llama, lambda: llama.score((*ids, 7), 10, Stop())) == (1, 1, 0)


def test_pop_undo_fork_switch_and_reset_run_nothing_and_move_nothing(llama: ModelRunner) -> None:
    start, other = tuple(range(40)), (*range(30), 99, 98)
    grown = (*start, 7, 8, 9)
    for ids in (start, other, grown):
        llama.score(ids, 10, Stop())
    for name, ids in (
        ("pop", grown[:-1]),
        ("pop far", grown[:10]),
        ("undo", grown),
        ("fork", grown),
        ("switch", other),
        ("switch back", grown),
        ("reset", start),
    ):
        assert work_of(llama, lambda ids=ids: llama.score(ids, 10, Stop())) == (0, 0, 0), name


def test_going_on_after_a_switch_moves_only_what_differs(llama: ModelRunner) -> None:
    shared = tuple(range(100))
    one, two = (*shared, 1, 2, 3), (*shared, 4, 5)
    for ids in (one, two):
        llama.score(ids, 10, Stop())
    row = llama.memory.track.token_bytes
    out_and_in = (2 + 3) * row
    assert work_of(llama, lambda: llama.score((*one, 9), 10, Stop())) == (1, 1, out_and_in)


def test_growing_a_prompt_copies_each_row_at_most_twice(llama: ModelRunner) -> None:
    ids: TokenIds = (1,)
    row = llama.memory.track.token_bytes
    for token in range(700):
        ids = (*ids, token % 200)
        llama.score(ids, 5, Stop())
    assert llama.memory.track.moved_bytes <= 2 * len(ids) * row


def test_a_prefix_of_several_prompts_is_run_once(llama: ModelRunner) -> None:
    shared = tuple(range(60))
    ends = [(token,) * 3 for token in range(10, 15)]
    for end in ends:
        llama.score(shared + end, 10, Stop())
    assert llama.counts.tokens == len(shared) + sum(map(len, ends))


def test_logits_held_at_once_do_not_grow_with_the_prompt(
    llama: ModelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "LOGITS_BYTES", 10 * 4 * llama.vocabulary_size)
    llama.score(tuple(i % 200 for i in range(600)), 10, Stop())
    assert llama.counts.unembedded_rows == 600
    assert llama.counts.most_logits_bytes <= 10 * 4 * llama.vocabulary_size


def test_a_stop_ends_the_forward_between_two_layers(llama: ModelRunner) -> None:
    stop, entered = Stop(), []
    layers = llama.anatomy.layers

    def stop_here(*_: object) -> None:
        entered.append(0)
        stop.set()

    hooks = [layers[0].register_forward_hook(stop_here), layers[1].register_forward_hook(stop_here)]
    with pytest.raises(Stopped):
        llama.score(tuple(range(30)), 10, stop)
    for hook in hooks:
        hook.remove()
    assert entered == [0], "the second layer ran"
    ids = tuple(range(30))
    assert_true(llama.score(ids, 10, Stop()), llama.model, ids)


def test_pieces_finished_before_a_stop_are_kept(llama: ModelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "PIECE_TOKENS", 16)
    stop, ids = Stop(), tuple(i % 200 for i in range(64))
    seen: list[int] = []

    def stop_in_third(*_: object) -> None:
        seen.append(0)
        if len(seen) == 3:
            stop.set()

    hook = llama.anatomy.layers[0].register_forward_hook(stop_in_third)
    with pytest.raises(Stopped):
        llama.score(ids, 10, stop)
    hook.remove()
    scores = llama.score(ids, 10, Stop())
    assert scores.reused == 32
    assert_true(scores, llama.model, ids)


def test_a_prompt_longer_than_the_context_is_refused_in_words(llama: ModelRunner) -> None:
    ids = (1,) * (llama.context + 3)
    with pytest.raises(ContextTooLong, match=f"{len(ids)} tokens"):
        llama.score(ids, 10, Stop())
    assert llama.counts.forwards == 0


def test_a_prompt_of_one_token_has_candidates_and_no_score(llama: ModelRunner) -> None:
    scores = llama.score((5,), 10, Stop())
    assert len(scores.next) == 10
    assert np.isnan(scores.logprobs).all()


def test_more_candidates_than_tokens_lists_the_whole_vocabulary(llama: ModelRunner) -> None:
    following = llama.score((1, 2, 3), 10_000, Stop()).next
    assert len(following) == llama.vocabulary_size
    assert following.probabilities.sum(dtype=float) == pytest.approx(1, abs=1e-5)


def test_bfloat16_weights_give_float32_scores_that_sum_to_one() -> None:
    model = random_model("llama").to(torch.bfloat16)
    following = ModelRunner(model).score(tuple(range(20)), 10_000, Stop()).next
    assert following.logprobs.dtype == np.float32
    assert following.probabilities.sum(dtype=float) == pytest.approx(1, abs=1e-5)


def test_a_token_that_can_never_come_makes_no_nan() -> None:
    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    logprob, entropy, rank = score_rows(logits, torch.tensor([1]))[:, 0].tolist()
    p = torch.softmax(torch.tensor([0.0, 1.0], dtype=torch.float64), 0)
    assert logprob == pytest.approx(float(p[1].log()), abs=1e-6)
    assert entropy == pytest.approx(float(-(p * p.log()).sum()), abs=1e-6)
    assert rank == 1


def test_entropy_is_exact_over_a_large_vocabulary() -> None:
    logits = 6 * torch.randn(8, 150_000, generator=torch.Generator().manual_seed(1))
    exact = torch.distributions.Categorical(logits=logits.double()).entropy()
    _, entropies, _ = score_rows(logits.clone(), torch.arange(8))
    torch.testing.assert_close(entropies.double(), exact, atol=1e-5, rtol=0)


def test_what_lies_beyond_the_listed_tokens_is_never_lost_in_rounding() -> None:
    # 1 minus what is listed has an error of 1e-7, more than all that lies beyond it here.
    logits = torch.tensor([20.0, *[-2.0] * 99])
    following = candidates(logits, 1)
    exact = float(torch.softmax(logits.double(), 0)[1:].sum())
    assert following.tail == pytest.approx(exact, rel=1e-4)
    assert candidates(logits, 100).tail == 0
