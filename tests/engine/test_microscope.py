"""What is seen in the residual stream is what is there: compared with plain forwards of transformers."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from tests.engine.random_models import RANDOM_MODELS, random_model
from tests.engine.test_runner import steps, walk
from token_explorer.core.ahead import Ahead
from token_explorer.core.engine import Progress, Stop, Stopped
from token_explorer.core.observation import DecisionDepth, Following, LayerLogprobs, Lens, Residuals
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import microscope as microscope_module
from token_explorer.engine import residuals as residuals_module
from token_explorer.engine import runner as runner_module
from token_explorer.engine.microscope import LOOKING, Microscope
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import FacetUnavailable

IDS = tuple((7 * place + place * place) % 240 + 5 for place in range(30))

load = functools.cache(random_model)


def looking(name: str) -> tuple[ModelRunner, Microscope]:
    runner = ModelRunner(load(name))
    return runner, Microscope(runner)


@functools.cache
def stream_of(name: str, ids: TokenIds) -> Tensor:
    """(L + 1, T, D) the residual stream of a plain forward, taken where the layers begin and end."""
    model, states = load(name), []
    layers = ModelRunner(model).anatomy.layers

    def first(value: object) -> Tensor:
        return value if isinstance(value, Tensor) else value[0]  # type: ignore[index]

    hooks = [
        layers[0].register_forward_pre_hook(
            lambda _m, args, kwargs: states.append(first(args or kwargs["hidden_states"])[0]),
            with_kwargs=True,
        ),
        *(layer.register_forward_hook(lambda _m, _a, out: states.append(first(out)[0])) for layer in layers),
    ]
    with torch.inference_mode():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return torch.stack(states)


@functools.cache
def lens_of(name: str, ids: TokenIds) -> Tensor:
    """(L + 1, T, V) log probabilities that the lens gives to the whole stream at once."""
    runner = ModelRunner(load(name))
    with torch.inference_mode():
        return torch.stack([runner.lens(states) for states in stream_of(name, ids)]).double().log_softmax(-1)


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_the_lens_of_the_last_layer_is_the_models_output(name: str) -> None:
    with torch.inference_mode():
        logits = load(name)(input_ids=torch.tensor([IDS]), use_cache=False).logits[0]
        made = ModelRunner(load(name)).lens(stream_of(name, IDS)[-1])
    np.testing.assert_allclose(made, logits.float(), atol=1e-5)


def test_the_lens_of_a_middle_layer_has_the_norm_once_and_the_models_own_scales() -> None:
    with torch.inference_mode():
        for name, scaled in (
            ("llama", lambda logits: logits),
            ("cohere", lambda logits: logits * 0.5),
            ("gemma2", lambda logits: 30 * torch.tanh(logits / 30)),
        ):
            model, states = load(name), stream_of(name, IDS)[1]
            expected = scaled(model.lm_head(model.model.norm(states)))
            np.testing.assert_allclose(ModelRunner(model).lens(states), expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_similarities_and_norms_are_those_of_the_hidden_states_of_transformers(name: str) -> None:
    _, microscope = looking(name)
    measured = microscope.observe(IDS, Residuals(), Stop())
    with torch.inference_mode():
        output = load(name)(input_ids=torch.tensor([IDS]), use_cache=False, output_hidden_states=True)
    # Its last entry is after the final norm; Mamba leaves out the embeddings.
    hidden = torch.stack(output.hidden_states[:-1])[:, 0].double()
    rows = slice(1, None) if name == "mamba" else slice(0, -1)
    np.testing.assert_allclose(measured.norms[rows], hidden.norm(dim=-1), rtol=1e-5)
    cosines = torch.nn.functional.cosine_similarity(hidden, hidden[:, -1:], dim=-1)
    np.testing.assert_allclose(measured.similarities[rows], cosines, atol=1e-5)
    last = stream_of(name, IDS)[-1].double()
    np.testing.assert_allclose(measured.norms[-1], last.norm(dim=-1), rtol=1e-5)
    np.testing.assert_allclose(measured.similarities[:, -1], 1.0, atol=1e-6)


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_a_lens_cell_says_what_the_whole_distribution_says(name: str) -> None:
    _, microscope = looking(name)
    cells, expected = microscope.observe(IDS, Lens(3, 9, pin=17), Stop()), lens_of(name, IDS)[:, 3:9]
    np.testing.assert_allclose(cells.logprobs, expected.max(-1).values, atol=1e-4)
    at_top = expected.gather(-1, torch.tensor(cells.tops)[..., None])[..., 0]
    np.testing.assert_allclose(at_top, expected.max(-1).values, atol=1e-4)
    np.testing.assert_allclose(cells.entropies, -(expected.exp() * expected).sum(-1), atol=1e-3)
    final = expected[-1]
    np.testing.assert_allclose(
        cells.divergences, (final.exp() * (final - expected)).sum(-1), rtol=1e-3, atol=1e-3
    )
    assert np.abs(cells.divergences[-1]).max() < 1e-6
    assert cells.pinned is not None
    assert cells.ranks is not None
    np.testing.assert_allclose(cells.pinned, expected[..., 17], atol=1e-3)
    above = (expected > expected[..., 17:18] + 1e-3).sum(-1), (expected > expected[..., 17:18] - 1e-3).sum(-1)
    assert ((above[0].numpy() + 1 <= cells.ranks) & (cells.ranks <= above[1].numpy() + 1)).all()


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_a_decision_depth_is_where_the_token_gets_on_top_for_good(name: str) -> None:
    _, microscope = looking(name)
    # Tokens that the model itself puts first, so that some of them are decided.
    ids: TokenIds = IDS[:6]
    for _ in range(12):
        ids = (*ids, int(lens_of(name, ids)[-1, -1].argmax()))
    depths = microscope.observe(ids, DecisionDepth(), Stop()).layers
    tops = lens_of(name, ids).argmax(-1)
    for place in range(1, len(ids)):
        same = (tops[:, place - 1] == ids[place]).tolist()
        expected = next((layer for layer in range(len(same)) if all(same[layer:])), np.nan)
        np.testing.assert_equal(float(depths[place]), float(expected))
    assert np.isnan(depths[0])
    assert np.isfinite(depths[6:]).all()


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_the_last_row_of_the_layers_is_the_table(name: str) -> None:
    runner, microscope = looking(name)
    listed = runner.score(IDS, 10, Stop()).next
    table = microscope.observe(IDS, LayerLogprobs(len(IDS), tuple(listed.ids.tolist())), Stop())
    np.testing.assert_allclose(table.logprobs[-1], listed.logprobs, atol=1e-4)
    np.testing.assert_allclose(table.logprobs, lens_of(name, IDS)[1:, -1, listed.ids], atol=1e-3)


def test_layers_that_are_recorded_cost_no_forward_and_one_unembedding_a_layer() -> None:
    runner, microscope = looking("llama")
    runner.residuals.wanted = True
    for ids in (IDS, (*IDS, 5), (*IDS, 5, 6), IDS):
        listed = tuple(runner.score(ids, 10, Stop()).next.ids.tolist())
        before = runner.counts.forwards, runner.counts.unembedded_rows
        microscope.observe(ids, LayerLogprobs(len(ids), listed), Stop())
        after = runner.counts.forwards, runner.counts.unembedded_rows
        assert after == (before[0], before[1] + len(runner.anatomy.layers))


def test_a_whole_lens_costs_one_forward_and_its_cells() -> None:
    runner, microscope = looking("llama")
    runner.score(IDS, 10, Stop())
    before = runner.counts.forwards, runner.counts.unembedded_rows
    for start in range(0, len(IDS), 4):
        microscope.observe(IDS, Lens(start, min(start + 4, len(IDS))), Stop())
    cells = len(IDS) * (len(runner.anatomy.layers) + 1)
    assert (runner.counts.forwards, runner.counts.unembedded_rows) == (before[0] + 1, before[1] + cells)
    microscope.observe(IDS, Residuals(), Stop())
    microscope.observe((*IDS[:-1], 3), Residuals(), Stop())
    assert runner.counts.forwards <= before[0] + 3, "only the token that differs is scored and run again"


@pytest.mark.parametrize("name", ["llama", "gemma3", "bloom"])
def test_the_layers_of_what_was_foreseen_are_known_and_true(name: str) -> None:
    runner, microscope = looking(name)
    microscope.observe(IDS, LayerLogprobs(len(IDS), (1, 2)), Stop())
    tokens = (5, 7, 9, 11)
    futures = microscope.observe(IDS, Ahead(len(IDS), tokens, 2), Stop())
    for token, after in zip(tokens, futures.tokens[:, 0].tolist(), strict=True):
        for ids in ((*IDS, token), (*IDS, token, after)):
            before = runner.counts.forwards
            runner.score(ids, 5, Stop())
            found = microscope.observe(ids, LayerLogprobs(len(ids), (1, 2)), Stop())
            assert runner.counts.forwards == before
            expected = lens_of(name, ids)[1:, -1][:, [1, 2]]
            np.testing.assert_allclose(found.logprobs, expected, atol=2e-3)


def test_of_what_is_foreseen_no_layers_are_kept_that_nobody_looks_at_and_no_more_than_have_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, microscope = looking("llama")
    microscope.observe(IDS, Ahead(len(IDS), (5, 7), 1), Stop())
    monkeypatch.setattr(residuals_module, "FORESEEN_BYTES", 3 * runner.residuals.room_for(1).nbytes)
    ids = (*IDS, 5)
    before = runner.counts.forwards
    microscope.observe(ids, LayerLogprobs(len(ids), (1,)), Stop())
    assert runner.counts.forwards == before + 1
    microscope.observe(ids, Ahead(len(ids), tuple(range(10, 20)), 1), Stop())
    costs = []
    for token in range(10, 20):
        whole, before = (*ids, token), runner.counts.forwards
        microscope.observe(whole, LayerLogprobs(len(whole), (1,)), Stop())
        costs.append(runner.counts.forwards - before)
    assert costs == [1] * 7 + [0] * 3


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma3", "lfm2"])
@settings(max_examples=8)
@given(walked=steps)
def test_looking_on_any_walk_equals_looking_at_once_and_leaves_the_scores_true(
    name: str, walked: list[tuple[str, int]]
) -> None:
    runner, microscope = looking(name)
    for number, ids in enumerate(walk(tuple(range(5, 15)), walked)):
        if number % 3 != 1:
            scores = runner.score(ids, 5, Stop())
            expected = lens_of(name, ids)[-1, -1]
            np.testing.assert_allclose(scores.next.logprobs, expected[scores.next.ids], atol=2e-3)
        measured = microscope.observe(ids, Residuals(), Stop())
        np.testing.assert_allclose(measured.norms, stream_of(name, ids).norm(dim=-1), rtol=1e-4)


@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_a_prompt_too_long_to_be_kept_is_measured_all_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, kept = looking(name)
    kept.observe(IDS, Residuals(), Stop())
    monkeypatch.setattr(microscope_module, "PIECE_TOKENS", 8)
    runner, passing = looking(name)
    monkeypatch.setattr(runner.residuals, "_max_bytes", 10)
    for facet in (Residuals(), Lens(3, 6), Lens(27, 30, pin=2), DecisionDepth()):
        a, b = kept.observe(IDS, facet, Stop()), passing.observe(IDS, facet, Stop())
        for field in a.__dataclass_fields__:
            if getattr(a, field) is not None:
                np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=1e-4, atol=1e-5)
    assert runner.residuals.known(IDS) == 0


def test_the_end_of_a_long_prompt_is_seen_without_running_its_beginning_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(microscope_module, "PIECE_TOKENS", 8)
    runner, microscope = looking("llama")
    runner.score(IDS, 5, Stop())
    before = runner.counts.tokens
    cells = microscope.observe(IDS, Lens(27, 30), Stop())
    assert runner.counts.tokens == before + 3
    np.testing.assert_allclose(cells.logprobs, lens_of("llama", IDS)[:, 27:].max(-1).values, atol=1e-4)


def test_a_stop_ends_a_look_and_what_comes_after_it_is_true() -> None:
    runner, microscope = looking("llama")
    runner.score(IDS, 5, Stop())
    stop = Stop()
    hook = runner.anatomy.layers[1].register_forward_hook(lambda *_: stop.set())
    with pytest.raises(Stopped):
        microscope.observe(IDS, Residuals(), stop)
    hook.remove()
    measured = microscope.observe(IDS, Residuals(), Stop())
    np.testing.assert_allclose(measured.norms, stream_of("llama", IDS).norm(dim=-1), rtol=1e-4)


def test_what_a_model_lacks_is_refused_with_the_reason() -> None:
    runner = ModelRunner(load("llama"))
    microscope = Microscope(runner)
    microscope._reasons["lens"] = "the reason"
    with pytest.raises(FacetUnavailable, match="the reason"):
        microscope.observe(IDS, DecisionDepth(), Stop())
    assert microscope.observe(IDS, Residuals(), Stop()).norms.shape == (4, len(IDS))


# The whole distribution after any token.


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_the_distribution_after_each_token_is_that_of_the_table_there_and_costs_no_forward(name: str) -> None:
    runner, microscope = looking(name)
    runner.score(IDS, 10, Stop())
    forwards = runner.counts.forwards
    for place in range(1, len(IDS) + 1):
        following = microscope.observe(IDS, Following(place), Stop())
        listed = runner.score(IDS[:place], runner.vocabulary_size, Stop()).next
        np.testing.assert_array_equal(following.logprobs[listed.ids], listed.logprobs)
        np.testing.assert_allclose(following.logprobs, lens_of(name, IDS)[-1, place - 1], atol=2e-3)
        assert following.logits.dtype == np.float32
    assert runner.counts.forwards == forwards


def test_walking_over_many_tokens_unembeds_one_row_each_and_keeps_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, microscope = looking("llama")
    monkeypatch.setattr(runner_module, "RECENT_BYTES", 16 * 4 * runner.vocabulary_size)
    ids = tuple(place % 240 for place in range(200))
    runner.score(ids, 10, Stop())
    before = runner.counts.forwards, runner.counts.unembedded_rows, runner.memory.track.moved_bytes
    for place in range(1, len(ids) + 1):
        microscope.observe(ids, Following(place), Stop())
        assert len(runner._recent) <= 16
    after = runner.counts.forwards, runner.counts.unembedded_rows, runner.memory.track.moved_bytes
    # The row after the last token was at hand at first, and is not any more when it is looked at.
    assert after == (before[0], before[1] + len(ids), before[2])
    runner.score((*ids, 7), 10, Stop())
    assert runner.counts.tokens == len(ids) + 1, "looking back made the end be run again"


def test_a_distribution_that_was_not_scored_is_and_no_token_behind_it() -> None:
    runner, microscope = looking("llama")
    microscope.observe(IDS, Following(12), Stop())
    assert (runner.counts.forwards, runner.counts.tokens) == (1, 12)
    assert runner.score(IDS[:12], 10, Stop()).reused == 12


def test_what_is_done_to_an_answer_does_not_reach_the_next_one() -> None:
    runner, microscope = looking("llama")
    first = microscope.observe(IDS, Following(9), Stop())
    kept = first.logits.copy()
    first.logits[:] = 0
    np.testing.assert_array_equal(microscope.observe(IDS, Following(9), Stop()).logits, kept)
    assert runner.score(IDS[:9], 1, Stop()).next.ids[0] == kept.argmax()


def test_before_the_first_token_there_is_no_distribution() -> None:
    _, microscope = looking("llama")
    with pytest.raises(FacetUnavailable, match="nothing comes before the first token"):
        microscope.observe(IDS, Following(0), Stop())


def test_how_far_a_lens_of_more_than_a_screen_is_is_told() -> None:
    runner, microscope = looking("llama")
    told: list[Progress] = []
    runner.report = told.append
    microscope.observe(IDS, Lens(0, 30), Stop())
    assert told == []
    microscope.observe((*IDS, *IDS), Lens(0, 60), Stop())
    assert told == [Progress(LOOKING, done, 60) for done in range(60)]
