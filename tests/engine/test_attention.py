"""The attention that is read is that of a fresh model that attends in the open; reading changes nothing."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, Gemma3Config, PreTrainedModel

from tests.engine.random_models import RANDOM_MODELS, VOCABULARY, random_model
from tests.engine.test_runner import assert_true, work_of
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.observation import AttentionMap, AttentionMaps
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import attention
from token_explorer.engine.attention import Attention, attending_plainly, find
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import FacetUnavailable

ATTENDING = tuple(name for name in RANDOM_MODELS if name != "mamba")
# Between a forward of one token behind a cache and one of them all, for any prompt.
ROUNDING = 3e-5
PROMPT = tuple(7 * i % VOCABULARY for i in range(30))


@functools.cache
def opened(name: str) -> tuple[ModelRunner, Attention]:
    """A runner of its own, with what reads its attention."""
    runner = ModelRunner(random_model(name))
    found = find(runner)
    assert isinstance(found, Attention)
    return runner, found


@functools.cache
def plain(name: str) -> PreTrainedModel:
    """The same model, attending in the open all the time."""
    model = random_model(name)
    model.set_attn_implementation("eager")
    return model


def maps(name: str, ids: TokenIds) -> list[Floats]:
    """(H, T, T) of each layer that attends, of one forward without a cache."""
    with torch.inference_mode():
        output = plain(name)(input_ids=torch.tensor([ids]), use_cache=False, output_attentions=True)
    return [each[0].numpy() for each in output.attentions]


@pytest.mark.parametrize("name", ATTENDING)
def test_the_row_and_the_maps_of_a_prompt_are_those_of_full_eager_attention(name: str) -> None:
    runner, found = opened(name)
    expected, last = maps(name, PROMPT), len(PROMPT) - 1
    rows = found.row(runner, PROMPT, last, Stop())
    np.testing.assert_allclose(rows.weights, np.concatenate([each[:, last] for each in expected]), atol=1e-5)
    for place, layer in enumerate(found.layers):
        seen = found.window(runner, PROMPT, AttentionMap(layer, 12, 30, 0, 30), Stop()).weights
        np.testing.assert_allclose(np.nan_to_num(seen), expected[place][:, 12:], atol=1e-5)


prompts = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=24).map(tuple)


@pytest.mark.parametrize("name", ATTENDING)
@settings(max_examples=7)
@given(ids=prompts, scored=prompts, at=st.integers(0, 1_000))
def test_a_row_is_what_a_fresh_model_computes_at_any_token_of_any_prompt(
    name: str, ids: TokenIds, scored: TokenIds, at: int
) -> None:
    runner, found = opened(name)
    runner.score(scored, 5, Stop())
    query = at % len(ids)
    rows = found.row(runner, ids, query, Stop())
    expected = maps(name, ids)
    assert rows.weights.dtype == np.float32
    np.testing.assert_allclose(
        rows.weights, np.concatenate([each[:, query, : query + 1] for each in expected]), atol=ROUNDING
    )
    layers = (2,) if name == "lfm2" else (1, 2, 3)
    assert rows.heads.tolist() == [[layer, head] for layer in layers for head in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", ATTENDING)
@settings(max_examples=7)
@given(
    ids=prompts, queries=st.tuples(*[st.integers(0, 1_000)] * 2), keys=st.tuples(*[st.integers(0, 24)] * 2)
)
def test_a_part_of_a_map_is_what_a_fresh_model_computes_and_undefined_above_the_diagonal(
    name: str, ids: TokenIds, queries: tuple[int, int], keys: tuple[int, int]
) -> None:
    runner, found = opened(name)
    start, last = sorted(each % len(ids) for each in queries)
    first_key, last_key = min(keys), min(max(keys) + 1, len(ids))
    first_key = min(first_key, last_key - 1)
    layer = found.layers[sum(ids) % len(found.layers)]
    facet = AttentionMap(layer, start, last + 1, first_key, last_key)
    expected = maps(name, ids)[found.layers.index(layer)]
    expected[:, ~np.tri(len(ids), dtype=bool)] = np.nan
    part = expected[:, start : last + 1, first_key:last_key]
    np.testing.assert_allclose(found.window(runner, ids, facet, Stop()).weights, part, atol=ROUNDING)


@pytest.mark.parametrize("name", [name for name in ATTENDING if name != "gpt_oss"])
def test_the_weights_of_each_head_sum_to_one(name: str) -> None:
    runner, found = opened(name)
    np.testing.assert_allclose(found.row(runner, PROMPT, 20, Stop()).missing, 0, atol=1e-5)


def test_what_a_row_lacks_is_its_learned_sinks_share() -> None:
    runner, found = opened("gpt_oss")
    first_layer = slice(0, found.heads[0])  # deeper ones see other states when a sink is changed
    lacking = found.row(runner, PROMPT, 20, Stop()).missing[first_layer].astype(float)
    assert (lacking > 0.001).all()
    deeper = random_model("gpt_oss")
    deeper.model.layers[0].self_attn.sinks += np.log(2)
    doubled = found.row(ModelRunner(deeper), PROMPT, 20, Stop()).missing[first_layer].astype(float)
    np.testing.assert_allclose(doubled / (1 - doubled), 2 * lacking / (1 - lacking), rtol=1e-3)


@pytest.mark.parametrize("query", [0, 11, len(PROMPT) - 1])
def test_a_look_at_any_token_of_a_scored_prompt_runs_that_token_alone_and_moves_nothing(query: int) -> None:
    runner, found = ModelRunner(random_model("llama")), opened("llama")[1]
    runner.score(PROMPT, 5, Stop())
    assert work_of(runner, lambda: found.row(runner, PROMPT, query, Stop())) == (1, 1, 0)
    grown = (*PROMPT, query)
    assert work_of(runner, lambda: runner.score(grown, 5, Stop())) == (1, 1, 0), "the prompt isn't live"


def test_a_part_of_a_map_runs_its_queries_alone() -> None:
    runner, found = ModelRunner(random_model("llama")), opened("llama")[1]
    runner.score(PROMPT, 5, Stop())
    facet = AttentionMap(2, 10, 25, 0, 30)
    assert work_of(runner, lambda: found.window(runner, PROMPT, facet, Stop())) == (1, 15, 0)


@pytest.mark.parametrize("name", ATTENDING)
def test_the_maps_of_all_layers_are_those_of_each_and_take_one_forward(name: str) -> None:
    runner, found = opened(name)
    runner.score(PROMPT, 5, Stop())
    facet = AttentionMaps(found.layers, len(PROMPT))
    forwards, *_ = work_of(runner, lambda: found.maps(runner, PROMPT, facet, Stop()))
    assert forwards == 1
    for layer, whole in zip(found.layers, found.maps(runner, PROMPT, facet, Stop()), strict=True):
        alone = AttentionMap(layer, 0, len(PROMPT), 0, len(PROMPT))
        np.testing.assert_array_equal(whole.weights, found.window(runner, PROMPT, alone, Stop()).weights)


@pytest.mark.parametrize("name", ATTENDING)
def test_scores_after_a_look_are_true_and_the_model_attends_as_before(name: str) -> None:
    model = random_model(name)
    had, runner, found = model.config._attn_implementation, ModelRunner(model), opened(name)[1]
    runner.score(PROMPT, 5, Stop())
    found.row(runner, PROMPT, 9, Stop())
    found.window(runner, PROMPT, AttentionMap(found.layers[0], 3, 20, 0, 30), Stop())
    assert model.config._attn_implementation == had
    for ids in (PROMPT[:15], PROMPT, (*PROMPT, 5)):
        assert_true(runner.score(ids, 5, Stop()), model, ids)


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_a_large_map_is_run_in_blocks_that_fit_the_bound(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    runner, found = opened("gemma3")
    facet = AttentionMap(2, 5, 28, 2, 30)
    whole = found.window(runner, PROMPT, facet, Stop()).weights
    held: list[int] = []
    replay = runner.replay

    def watched(*args: Any, **options: Any) -> Any:
        output = replay(*args, **options)
        held.append(sum(each.nbytes for each in output.attentions))
        return output

    bound = 4 * sum(found.heads) * facet.stop * rows
    monkeypatch.setattr(attention, "WEIGHTS_BYTES", bound)
    monkeypatch.setattr(runner, "replay", watched)
    np.testing.assert_allclose(found.window(runner, PROMPT, facet, Stop()).weights, whole, atol=ROUNDING)
    assert len(held) == -(-23 // rows)
    assert max(held) <= bound


def test_a_model_that_gives_only_whole_maps_refuses_a_prompt_whose_maps_are_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, found = opened("lfm2")
    monkeypatch.setattr(attention, "WEIGHTS_BYTES", 4 * 4 * 20**2)
    assert found.row(runner, PROMPT, 19, Stop()).weights.shape == (4, 20)
    forwards = runner.counts.forwards
    for look in (
        lambda: found.row(runner, PROMPT, 20, Stop()),
        lambda: found.window(runner, PROMPT, AttentionMap(2, 20, 21, 0, 21), Stop()),
    ):
        with pytest.raises(FacetUnavailable, match="21 tokens") as refused:
            look()
        assert refused.value.hint == "Look at one of the first 20 tokens."
    assert runner.counts.forwards == forwards


def test_a_layer_that_does_not_attend_is_named() -> None:
    runner, found = opened("lfm2")
    with pytest.raises(FacetUnavailable, match="layer 1 has none; these do: 2"):
        found.window(runner, PROMPT, AttentionMap(1, 0, 5, 0, 5), Stop())


def test_a_stop_ends_a_look_between_two_layers_and_the_model_gets_back_what_it_had() -> None:
    model = random_model("llama")
    runner = ModelRunner(model)
    found = find(runner)
    assert isinstance(found, Attention)
    runner.score(PROMPT, 5, Stop())
    stop, entered = Stop(), []

    def stop_here(*_: object) -> None:
        entered.append(model.config._attn_implementation)
        stop.set()

    hooks = [layer.register_forward_hook(stop_here) for layer in runner.anatomy.layers]
    with pytest.raises(Stopped):
        found.row(runner, PROMPT, 20, stop)
    for hook in hooks:
        hook.remove()
    assert entered == ["eager"]
    assert model.config._attn_implementation == "sdpa"
    assert_true(runner.score((*PROMPT, 3), 5, Stop()), model, (*PROMPT, 3))


def test_bfloat16_weights_come_as_float32_and_sum_to_one_up_to_their_rounding() -> None:
    runner = ModelRunner(random_model("llama").to(torch.bfloat16))
    found = find(runner)
    assert isinstance(found, Attention)
    rows = found.row(runner, PROMPT, 20, Stop())
    assert rows.weights.dtype == np.float32
    np.testing.assert_allclose(rows.missing, 0, atol=1e-2)


def test_a_model_of_several_parts_gets_back_what_each_had() -> None:
    parts = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**parts, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": VOCABULARY, "pad_token_id": 0}
    vision = {**parts, "num_hidden_layers": 1, "image_size": 28, "patch_size": 14}
    config = Gemma3Config(text_config=text, vision_config=vision)
    model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    model.set_attn_implementation({"": "sdpa", "text_config": "sdpa", "vision_config": "eager"})

    def had() -> list[str]:
        return [each._attn_implementation for each in (config, config.text_config, config.vision_config)]

    with attending_plainly(model):
        assert had() == ["eager"] * 3
    assert had() == ["sdpa", "sdpa", "eager"]
    assert find(ModelRunner(model)) == Attention((1, 2), (2, 2))


def reason(name: str, change: Callable[[ModelRunner], None] = lambda _: None) -> str:
    """Why a model, changed after it was opened, gives no attention."""
    runner = ModelRunner(random_model(name))
    change(runner)
    found = find(runner)
    assert isinstance(found, str)
    return found


def reason_where_output(change: Callable[[Any], None]) -> str:
    """Why Llama gives no attention where its output is changed whenever it is asked for that."""

    def change_looked_at(_module: object, _args: object, options: dict[str, Any], output: Any) -> None:
        if options.get("output_attentions"):
            change(output)

    def hook(runner: ModelRunner) -> None:
        runner.model.register_forward_hook(change_looked_at, with_kwargs=True)

    return reason("llama", hook)


def test_a_model_without_attention_says_so() -> None:
    assert reason("mamba") == "MambaForCausalLM gives no attention weights"


def test_weights_that_look_ahead_are_refused() -> None:
    # Falcon's default attention drops its mask where weights are asked for.
    config = random_model("falcon").config
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    found = find(ModelRunner(model.requires_grad_(False)))
    assert (
        found == "what FalconForCausalLM gives as attention are no weights of each token and those before it"
    )


def test_a_model_that_predicts_something_else_while_it_is_looked_at_is_refused() -> None:
    said = reason_where_output(lambda output: output.logits.copy_(output.logits.flip(-1)))
    assert said == "LlamaForCausalLM predicts something else while its attention is looked at"


def test_maps_that_no_layer_is_known_for_are_refused() -> None:
    said = reason_where_output(lambda output: output.__setitem__("attentions", output.attentions[1:]))
    assert said == "LlamaForCausalLM gives the attention of 2 of its 3 layers and doesn't say of which"


def test_a_model_that_fails_when_it_is_asked_is_told_from_one_that_has_none() -> None:
    said = reason_where_output(lambda output: output.never_heard_of)
    assert said == "LlamaForCausalLM fails when it is asked for its attention (AttributeError)"


def test_a_model_that_attends_otherwise_behind_a_cache_is_refused() -> None:
    def disturb(runner: ModelRunner) -> None:
        def change(_module: object, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
            alone = options["input_ids"].shape[1] == 1
            return args, {**options, "input_ids": options["input_ids"] * 0 + 9} if alone else options

        runner.model.register_forward_pre_hook(change, with_kwargs=True)

    assert "attends differently when it goes on from a prefix" in reason("llama", disturb)


def test_opening_a_model_leaves_no_trace_in_what_is_remembered() -> None:
    runner, _ = opened("qwen3")
    fresh = ModelRunner(runner.model)
    assert isinstance(find(fresh), Attention)
    assert (fresh.counts.forwards, fresh.memory.live) == (0, ())
