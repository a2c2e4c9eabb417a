"""Candidates that are run ahead, in one forward, are what separate forwards give, and crowd out nothing."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from tests.engine.random_models import RANDOM_MODELS, random_model
from tests.engine.test_runner import assert_bounded, assert_true, fresh, steps, walk, work_of
from token_explorer.core.ahead import Ahead, Futures
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import ahead as ahead_module
from token_explorer.engine import runner as runner_module
from token_explorer.engine import unembedding
from token_explorer.engine.ahead import LookAhead, find
from token_explorer.engine.microscope import Microscope
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import ContextTooLong, FacetUnavailable

RECURRENT = {"mamba", "lfm2", "falcon_h1"}
# Positions by a bias that knows only where a key stands in the cache.
BATCH_ALONE = {"falcon_alibi", "bloom"}
WINDOWED = {"gemma2", "gemma3", "mistral", "gpt_oss"}
IDS = tuple((7 * place + place * place) % 240 + 5 for place in range(20))

load = functools.cache(random_model)


def looking(name: str, ends: tuple[int, ...] = ()) -> tuple[ModelRunner, Microscope]:
    runner = ModelRunner(load(name))
    return runner, Microscope(runner, ends)


def ahead(microscope: Microscope, ids: TokenIds, tokens: TokenIds, depth: int) -> Futures:
    return microscope.observe(ids, Ahead(len(ids), tokens, depth), Stop())


class StopAfter(Stop):
    """A stop that lets so many checks pass."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stopped


def assert_greedy(futures: Futures, model: PreTrainedModel, ids: TokenIds, tokens: TokenIds) -> None:
    """Each step is the likeliest of one fresh forward, up to near-ties, with its probability."""
    for row, token in enumerate(tokens):
        whole = (*ids, token)
        for found, logprob in zip(futures.tokens[row].tolist(), futures.logprobs[row], strict=True):
            after = fresh(model, whole)[-1]
            assert float(after.max() - after[found]) < 2e-3
            assert float(after[found]) == pytest.approx(float(logprob), abs=2e-3)
            whole = (*whole, found)


@pytest.mark.parametrize("name", sorted(set(RANDOM_MODELS) - RECURRENT))
def test_every_architecture_that_reuses_looks_ahead_in_the_ways_proved_for_it(name: str) -> None:
    runner, microscope = looking(name)
    runner.score(IDS, 10, Stop())
    tokens = (3, 200, IDS[-1], 90)
    assert_greedy(ahead(microscope, IDS, tokens, 3), runner.model, IDS, tokens)
    assert microscope.look_ahead is not None
    ways = ("tree", "batch") if name in WINDOWED else ("batch",) if name in BATCH_ALONE else ("tree",)
    assert microscope.look_ahead.ways == ways
    assert microscope.look_ahead.apart < 1e-5
    for token in tokens:
        assert work_of(runner, lambda token=token: runner.score((*IDS, token), 10, Stop())) == (0, 0, 0)
        assert_true(runner.score((*IDS, token), 10, Stop()), runner.model, (*IDS, token))


@pytest.mark.parametrize("name", sorted(RECURRENT))
def test_a_recurrent_model_says_why_it_does_not_look_ahead(name: str) -> None:
    runner, microscope = looking(name)
    assert "recurrent" in microscope.lacks(Stop())["ahead"]
    forwards = runner.counts.forwards
    with pytest.raises(FacetUnavailable, match="recurrent"):
        ahead(microscope, IDS, (1,), 1)
    assert runner.counts.forwards == forwards


@pytest.mark.parametrize("way", ["tree", "batch"])
@settings(max_examples=30)
@given(
    ids=st.lists(st.integers(0, 239), min_size=1, max_size=30).map(tuple),
    tokens=st.lists(st.integers(0, 239), min_size=1, max_size=9, unique=True).map(tuple),
    depth=st.integers(1, 4),
    cut=st.floats(0, 1),
    most=st.sampled_from([1, 30_000, 64 << 20]),
)
def test_both_ways_give_what_separate_forwards_give_at_any_place(
    way: ahead_module.Way, ids: TokenIds, tokens: TokenIds, depth: int, cut: float, most: int
) -> None:
    runner = ModelRunner(load("qwen2"))
    runner.score(ids, 5, Stop())
    place = max(1, round(cut * len(ids)))
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(ahead_module, "BATCH_BYTES", most)
        look = LookAhead((way,), 0, 0.0)
        futures = look.futures(runner, ids[:place], tokens, depth, (), Stop())
    assert_greedy(futures, runner.model, ids[:place], tokens)
    assert runner.memory.live[: len(ids)] == ids, "a look ahead moved what is live"
    for token in tokens:
        foreseen = (*ids[:place], token)
        assert work_of(runner, lambda foreseen=foreseen: runner.score(foreseen, 10, Stop()))[:2] == (0, 0)
        assert_true(runner.score(foreseen, 10, Stop()), runner.model, foreseen)
    assert_true(runner.score((*ids, 7, 8), 10, Stop()), runner.model, (*ids, 7, 8))
    assert_bounded(runner)


def test_a_step_of_all_candidates_is_one_forward_and_none_is_run_twice() -> None:
    runner, microscope = looking("llama")
    following = runner.score(IDS, 30, Stop()).next
    tokens = tuple(following.ids.tolist())
    assert not microscope.why_not("ahead", Stop())
    assert work_of(runner, lambda: ahead(microscope, IDS, tokens, 1))[:2] == (1, 30)
    assert work_of(runner, lambda: ahead(microscope, IDS, tokens, 1))[:2] == (0, 0)
    assert work_of(runner, lambda: ahead(microscope, IDS, tokens, 4))[:2] == (3, 90)
    futures = ahead(microscope, IDS, tokens, 4)
    path = (tokens[0], *futures.tokens[0].tolist())
    for count in range(1, 5):
        assert work_of(runner, lambda count=count: runner.score(IDS + path[:count], 30, Stop()))[:2] == (0, 0)
    # Behind the likeliest candidate its own likeliest one is known already, to the end of the path.
    here = (*IDS, path[0])
    rows = tuple(runner.score(here, 30, Stop()).next.ids.tolist())
    assert rows[0] == path[1]
    assert work_of(runner, lambda: ahead(microscope, here, rows, 1))[:2] == (1, 29)


def test_of_more_candidates_than_logits_have_room_none_is_unembedded_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, microscope = looking("llama")
    runner.score(IDS, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    runner.logits(IDS, Stop())
    monkeypatch.setattr(runner_module, "RECENT_BYTES", 9 * 4 * runner.vocabulary_size)
    tokens, before = tuple(range(20, 31)), runner.counts.unembedded_rows
    futures = ahead(microscope, IDS, tokens, 3)
    assert_greedy(futures, runner.model, IDS, tokens)
    fresh_rows = 3 * len(tokens)
    blocks = 4  # of three candidates at most; for each but the first the prompt's own are made once more
    assert runner.counts.unembedded_rows <= before + fresh_rows + blocks


def test_looking_ahead_moves_the_rows_that_it_makes_and_no_others() -> None:
    runner, microscope = looking("llama")
    ids, tokens = IDS * 5, tuple(range(30))
    runner.score(ids, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    row = runner.memory.track.token_bytes
    assert work_of(runner, lambda: ahead(microscope, ids, tokens, 1)) == (1, 30, 30 * row)
    # A second step puts the first one's rows behind the prompt, for its own to see.
    assert work_of(runner, lambda: ahead(microscope, ids, tokens, 2)) == (1, 30, 60 * row)
    assert work_of(runner, lambda: runner.score((*ids, 4, 5), 5, Stop())) == (1, 1, row)


def test_typing_what_was_foreseen_keeps_the_tree_as_flat_as_typing_does() -> None:
    runner, microscope = looking("llama")
    ids = IDS
    for _ in range(60):
        tokens = tuple(runner.score(ids, 30, Stop()).next.ids.tolist())
        ahead(microscope, ids, tokens, 1)
        ids = (*ids, tokens[-1])
        assert_bounded(runner)
    runner.score((*ids, 1), 5, Stop())
    assert runner.memory.live == (*ids, 1)
    assert len(runner.memory._tip.path()) <= 2 + runner.memory.tree.max_guesses / 29
    assert runner.memory.track.moved_bytes <= (60 * 31 + 256) * runner.memory.track.token_bytes


def test_no_prompt_that_was_asked_for_is_forgotten_for_a_guess() -> None:
    runner = ModelRunner(load("llama"), cache_size=3)
    microscope = Microscope(runner)
    prompts = [(token, *IDS) for token in range(3)]
    for ids in prompts:
        runner.score(ids, 5, Stop())
    for ids in prompts:
        ahead(microscope, ids, tuple(range(30)), 2)
        assert_bounded(runner)
    for ids in prompts:
        assert work_of(runner, lambda ids=ids: runner.score(ids, 5, Stop()))[:2] == (0, 0)


def test_guesses_go_first_where_memory_is_short_and_none_are_made_where_there_is_no_room() -> None:
    runner, microscope = looking("llama")
    row = runner.memory.track.token_bytes
    other = (9, *IDS)
    runner.score(other, 5, Stop())
    runner.score(IDS, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    runner.memory.tree.max_bytes = runner.memory.tree.nbytes + 10 * row
    ahead(microscope, IDS, tuple(range(10)), 1)
    ahead(microscope, IDS, tuple(range(50, 60)), 1)
    assert work_of(runner, lambda: runner.score(other, 5, Stop()))[:2] == (0, 0)
    assert_bounded(runner)
    runner.memory.tree.max_bytes = 0
    with pytest.raises(FacetUnavailable, match="no room"):
        ahead(microscope, IDS, (70,), 1)
    assert_true(runner.score((*IDS, 70), 5, Stop()), runner.model, (*IDS, 70))


looks = st.tuples(st.just("ahead"), st.integers(1, 3))


@pytest.mark.parametrize("name", ["llama", "mistral", "bloom"])
@settings(max_examples=20)
@given(
    walked=steps.map(lambda walked: [*walked, ("switch", 0)]),
    room=st.sampled_from([0, 20_000, 1 << 20]),
    leaves=st.integers(1, 4),
    depth=st.integers(1, 3),
)
def test_scores_are_true_after_any_walk_that_looks_ahead_everywhere(
    name: str, walked: list[tuple[str, int]], room: int, leaves: int, depth: int
) -> None:
    model = load(name)
    runner = ModelRunner(model)
    microscope = Microscope(runner)
    assert not microscope.why_not("ahead", Stop())
    runner.memory.tree.max_bytes, runner.memory.tree.max_leaves = room, leaves
    runner.memory.tree.max_guesses = 12
    for ids in walk(IDS, walked):
        scores = runner.score(ids, 6, Stop())
        assert_true(scores, model, ids)
        try:
            futures = ahead(microscope, ids, tuple(scores.next.ids.tolist()), depth)
        except FacetUnavailable:
            assert room < (1 << 20)
        else:
            assert_greedy(futures, model, ids, tuple(scores.next.ids.tolist()))
        assert_bounded(runner)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_stop_ends_a_look_ahead_between_two_layers_and_leaves_the_prompt_as_it_was(at: int) -> None:
    runner, microscope = looking("llama")
    runner.score(IDS, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    stop, entered = Stop(), []

    def enter(layer: object, *_: object) -> None:
        entered.append(layer)
        if layer is runner.anatomy.layers[at]:
            stop.set()

    hooks = [layer.register_forward_hook(enter) for layer in runner.anatomy.layers]
    with pytest.raises(Stopped):
        microscope.observe(IDS, Ahead(len(IDS), (1, 2, 3), 2), stop)
    for hook in hooks:
        hook.remove()
    assert entered == list(runner.anatomy.layers)[: at + 1]
    assert runner.memory.track.length == len(runner.memory.live)
    assert_true(runner.score((*IDS, 2), 5, Stop()), runner.model, (*IDS, 2))
    assert_bounded(runner)


@pytest.mark.parametrize("after", range(16))
def test_a_stop_amid_layers_or_slices_of_the_vocabulary_keeps_nothing_that_is_half_done(
    after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unembedding, "SLICE_BYTES", 50 * 4 * 32)
    runner, microscope = looking("llama")
    runner.score(IDS, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    stop = StopAfter(after)
    with pytest.raises(Stopped):
        microscope.observe(IDS, Ahead(len(IDS), (1, 2, 3), 2), stop)
    assert runner.memory.track.length == len(runner.memory.live)
    assert_greedy(ahead(microscope, IDS, (1, 2, 3), 2), runner.model, IDS, (1, 2, 3))
    assert_true(runner.score((*IDS, 2), 5, Stop()), runner.model, (*IDS, 2))
    assert_bounded(runner)


@pytest.mark.parametrize("after", range(1, 8))
def test_a_stop_amid_the_copy_of_a_long_prompt_forgets_nothing(after: int) -> None:
    runner, microscope = looking("llama")
    one, two = tuple(range(200)), (7, *range(199))
    for ids in (one, two):
        runner.score(ids, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    stop = StopAfter(after)
    with pytest.raises(Stopped):
        microscope.observe(one, Ahead(len(one), (1, 2), 1), stop)
    assert_bounded(runner)
    for ids in (one, two):
        assert work_of(runner, lambda ids=ids: runner.score(ids, 5, Stop()))[:2] == (0, 0)
    assert_greedy(ahead(microscope, one, (1, 2), 1), runner.model, one, (1, 2))


def test_nothing_follows_a_token_that_ends_the_text_but_it_is_run() -> None:
    runner, microscope = looking("llama", ends=(3,))
    futures = ahead(microscope, IDS, (3, 4), 2)
    assert futures.tokens[0].tolist() == [-1, -1]
    assert np.isnan(futures.logprobs[0]).all()
    assert (futures.tokens[1] >= 0).all()
    assert work_of(runner, lambda: runner.score((*IDS, 3), 5, Stop()))[:2] == (0, 0)


def test_nothing_follows_where_the_context_is_full() -> None:
    runner, microscope = looking("llama")
    runner.context = len(IDS) + 2
    futures = ahead(microscope, IDS, (3, 4), 3)
    assert (futures.tokens[:, 0] >= 0).all()
    assert (futures.tokens[:, 1:] == -1).all()
    runner.context = len(IDS)
    with pytest.raises(ContextTooLong):
        ahead(microscope, IDS, (3, 4), 3)


def test_beyond_a_window_the_mask_that_would_overrule_it_is_not_used() -> None:
    runner, microscope = looking("mistral")
    assert runner.model.config.sliding_window == 8
    within, beyond = IDS[:5], IDS[:7]
    runner.score(IDS, 5, Stop())
    assert not microscope.why_not("ahead", Stop())
    look = microscope.look_ahead
    assert look is not None
    assert (look._way(len(within) + 3), look._way(len(beyond) + 3)) == ("tree", "batch")
    for ids in (within, beyond):
        assert_greedy(ahead(microscope, ids, (1, 2, 3), 3), runner.model, ids, (1, 2, 3))
    with pytest.raises(FacetUnavailable, match="some layers see 8 tokens"):
        LookAhead(("tree",), 8, 0.0)._way(9)


def test_a_way_that_gives_other_numbers_is_not_used_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = ModelRunner(load("llama"))
    runner.score(IDS, 5, Stop())
    monkeypatch.setattr(ahead_module, "_tree_mask", lambda prefix, filled, history, dtype: torch.zeros(1))
    with torch.inference_mode():
        look = find(runner, Stop())
        assert isinstance(look, LookAhead)
        assert look.ways == ("batch",)
        monkeypatch.setattr(ahead_module, "shared_cache", lambda *_: runner.cache)
        assert "other numbers" in str(find(runner, Stop()))
    assert_true(runner.score((*IDS, 1), 5, Stop()), runner.model, (*IDS, 1))
    assert not any(node.guessed for node in runner.memory.tree._nodes())
