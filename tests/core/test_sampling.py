"""The stages beside transformers' own processors; the draws beside the probabilities."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, currently_in_test_context, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import GenerationConfig, GenerationMixin

from token_explorer.core.sampling import KNOBS, Sampled, Sampler, draw, reshape
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds, Vocabulary

SIZE = 40
BLANKS = (3, 17, 31)
ENDS = (0, 5)
VOCABULARY = Vocabulary(
    tuple(b" \n\t\r"[id % 4 : id % 4 + 1] if id in BLANKS else b"word%d" % id for id in range(SIZE)),
    special=frozenset({0}),
    ends=frozenset(ENDS),
)
STAGES = {
    "RepetitionPenaltyLogitsProcessor": "repetition_penalty",
    "NoRepeatNGramLogitsProcessor": "no_repeat_ngram",
    "MinNewTokensLengthLogitsProcessor": "block_end",
    "SuppressTokensLogitsProcessor": "block_blank",
    "TemperatureLogitsWarper": "temperature",
    "TopKLogitsWarper": "top_k",
    "TopPLogitsWarper": "top_p",
    "MinPLogitsWarper": "min_p",
}
NAMES = [knob.name for knob in KNOBS]
# How near to its limit, as a part of it, a cumulative or relative probability may be for float32 to fall on
# the other side; and how small, for it to have fewer digits.
NEAR, TINY = 1e-5, 1e-35

# Real, and few enough values that many tie; some that the model itself rules out.
real_logits = st.builds(
    lambda seed, scale: np.random.default_rng(seed).normal(0, scale, SIZE),
    st.integers(0, 2**32),
    st.floats(0, 9),
)
tied_logits = st.lists(st.integers(-6, 6).map(lambda half: half / 2), min_size=SIZE, max_size=SIZE).map(
    np.array
)
ruled_out = st.sets(st.integers(0, SIZE - 1), max_size=12)


def _with_none(logits: NDArray[np.float64], out: set[int]) -> Floats:
    logits[list(out)] = -np.inf
    return logits.astype(np.float32)


any_logits = st.builds(_with_none, real_logits | tied_logits, ruled_out)
# Few tokens, so that runs come again; two of them beyond the logits, as embeddings may be more than logits.
any_ids = st.lists(st.sampled_from([0, 1, 2, 3, 30, SIZE, SIZE + 1]), min_size=1, max_size=30).map(tuple)
ALONE: dict[str, st.SearchStrategy[Any]] = {
    "repetition_penalty": st.floats(0.5, 2),
    "no_repeat_ngram": st.integers(0, 5),
    "block_end": st.integers(0, 3),
    "block_blank": st.integers(0, 3),
    "temperature": st.floats(0.02, 10),
    "top_k": st.integers(0, SIZE + 5),
    "top_p": st.floats(0, 0.999) | st.just(1.0),
    "min_p": st.floats(0, 1),
}
alone = st.one_of(
    *(values.map(lambda value, name=name: Sampler(**{name: value})) for name, values in ALONE.items())
)
together = st.builds(Sampler, **ALONE)


class _Generator(GenerationMixin):  # type: ignore[misc]
    """As much of a model as `generate` needs to choose its processors."""

    config = SimpleNamespace(is_encoder_decoder=False)


def processors(sampler: Sampler, step: int, length: int, sample: bool) -> Any:
    """What `generate` applies to the logits, in its order."""
    config = GenerationConfig(
        do_sample=sample,
        repetition_penalty=float(sampler.repetition_penalty),
        no_repeat_ngram_size=sampler.no_repeat_ngram,
        min_new_tokens=sampler.block_end,
        suppress_tokens=list(BLANKS) if step < sampler.block_blank else None,
        temperature=float(sampler.temperature) if sample else None,
        top_k=sampler.top_k,
        top_p=float(sampler.top_p),
        min_p=float(sampler.min_p),
    )
    config._eos_token_tensor = torch.tensor(ENDS)
    return _Generator()._get_logits_processor(config, input_ids_seq_length=length - step, device="cpu")


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    if not np.isfinite(logits).any():
        return np.zeros(len(logits))
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(weights / weights.sum())


def is_near_a_limit(stage: str, sampler: Sampler, logits: Floats) -> bool:
    """Whether float32's rounding decides which tokens a stage removes."""
    probabilities = softmax(logits)
    if stage == "top_p":
        return bool(_near(np.cumsum(np.sort(probabilities)), 1 - sampler.top_p)[:-1].any())
    if stage == "min_p":
        shares = probabilities / max(probabilities.max(), 1e-300)
        return bool(_near(shares, sampler.min_p)[logits < logits.max()].any())
    return False


def _near(values: NDArray[np.float64], limit: float) -> NDArray[np.bool_]:
    """Whether each is near a limit; none is near 0, below which there is nothing to fall."""
    return (abs(values - limit) < NEAR * limit + TINY) & (limit > 0)


def settled(before: Floats, after: Floats) -> Floats:
    """torch.sort leaves the order of ties open; of those that tie at top-p's limit the lowest ids stay."""
    stay = ~np.isneginf(after)
    if stay.any():
        ties = np.flatnonzero(before == before[stay].min())
        after[ties] = np.where(np.arange(len(ties)) < stay[ties].sum(), before[ties], -np.inf)
    return after


def processed(
    sampler: Sampler, logits: Floats, ids: TokenIds, step: int, sample: bool = True
) -> tuple[Floats, NDArray[np.int8], bool]:
    """What transformers makes of logits, its first processor that ruled out each, and whether by a hair."""
    scores, removed, near = torch.tensor(logits)[None], np.full(len(logits), -1, np.int8), False
    for processor in processors(sampler, step, len(ids), sample):
        before, stage = scores[0].numpy(), STAGES[type(processor).__name__]
        near = near or is_near_a_limit(stage, sampler, before)
        scores = processor(torch.tensor(ids)[None], scores.clone())
        if stage == "top_p":
            scores = torch.tensor(settled(before, scores[0].numpy()))[None]
        removed[np.isneginf(scores[0].numpy()) & ~np.isneginf(before)] = NAMES.index(stage)
    return scores[0].numpy(), removed, near


def assert_as_transformers(sampler: Sampler, logits: Floats, ids: TokenIds, step: int) -> None:
    scores, removed, near = processed(sampler, logits, ids, step)
    if currently_in_test_context():
        assume(not near)
    assert not near
    assert_same(
        reshape(sampler, logits, ids, step, VOCABULARY), Sampled(softmax(scores).astype(np.float32), removed)
    )


def assert_same(given: Sampled, wanted: Sampled) -> None:
    assert given.removed.tolist() == wanted.removed.tolist()
    assert (given.probabilities.dtype, given.removed.dtype) == (np.float32, np.int8)
    np.testing.assert_allclose(given.probabilities, wanted.probabilities, rtol=0, atol=1e-7)


# Beside transformers


@given(alone, any_logits, any_ids, st.integers(0, 4))
def test_each_stage_does_what_transformers_processor_does(
    sampler: Sampler, logits: Floats, ids: TokenIds, step: int
) -> None:
    assert_as_transformers(sampler, logits, ids, min(step, len(ids) - 1))


@given(together, any_logits, any_ids, st.integers(0, 4))
def test_all_stages_do_what_transformers_does_in_its_order(
    sampler: Sampler, logits: Floats, ids: TokenIds, step: int
) -> None:
    assert_as_transformers(sampler, logits, ids, min(step, len(ids) - 1))


@given(together, any_logits, any_ids, st.integers(0, 4))
def test_temperature_nought_takes_what_transformers_takes_without_sampling(
    sampler: Sampler, logits: Floats, ids: TokenIds, step: int
) -> None:
    step = min(step, len(ids) - 1)
    greedy = sampler.turned("temperature", "0")
    scores, _, _ = processed(greedy, logits, ids, step, sample=False)
    given = reshape(greedy, logits, ids, step, VOCABULARY)
    assume(np.isfinite(scores).any())
    likeliest = int(torch.tensor(scores).argmax())
    assert given.probabilities.tolist() == [float(id == likeliest) for id in range(SIZE)]
    assert draw(given, 0, len(ids)) == likeliest


def test_every_stage_is_compared_and_removes_something_here() -> None:
    logits, ids = np.linspace(6, -6, SIZE).astype(np.float32), (1, 2, 1)
    settings: dict[str, Any] = {
        "no_repeat_ngram": 2,
        "block_end": 1,
        "block_blank": 1,
        "top_k": 30,
        "top_p": 0.99,
        "min_p": 0.2,
    }
    everything = Sampler(repetition_penalty=1.5, temperature=0.9, **settings)
    applied = [STAGES[type(each).__name__] for each in processors(everything, 0, len(ids), True)]
    assert applied == NAMES
    together = reshape(everything, logits, ids, 0, VOCABULARY)
    assert set(together.removed.tolist()) == {-1, *(NAMES.index(name) for name in settings)}


def test_thousands_of_tokens_are_reshaped_as_by_transformers() -> None:
    size = 20_000
    sampler = Sampler(1.2, 2, 3, 0, 0.8, 500, 0.95, 0.01)
    for seed in range(8):
        generator = np.random.default_rng(seed)
        logits = generator.normal(0, 4, size).astype(np.float32)
        ids = tuple(generator.integers(0, 60, 400).tolist())
        assert_as_transformers(sampler, logits, ids, 1)


# By themselves


@given(any_logits, any_ids)
def test_a_sampler_that_is_off_gives_the_models_own_probabilities(logits: Floats, ids: TokenIds) -> None:
    sampled = reshape(Sampler(), logits, ids, 0, VOCABULARY)
    np.testing.assert_allclose(sampled.probabilities, softmax(logits), rtol=1e-6, atol=1e-12)
    assert (sampled.removed == -1).all()


@given(together, any_logits, any_ids, st.integers(0, 4))
def test_probabilities_sum_to_one_and_those_of_removed_tokens_are_nought(
    sampler: Sampler, logits: Floats, ids: TokenIds, step: int
) -> None:
    sampled = reshape(sampler, logits, ids, step, VOCABULARY)
    left = (sampled.removed == -1) & np.isfinite(logits)
    assert sampled.probabilities[~left].sum() == 0
    assert sampled.probabilities.sum(dtype=np.float64) == pytest.approx(1.0 if left.any() else 0.0, abs=1e-6)


@given(together, any_logits, any_ids)
def test_reshaping_writes_into_nothing_and_gives_the_same_again(
    sampler: Sampler, logits: Floats, ids: TokenIds
) -> None:
    logits.flags.writeable = False
    first, second = (reshape(sampler, logits, ids, 0, VOCABULARY) for _ in range(2))
    assert_same(first, second)
    first.probabilities[:] = 0
    first.removed[:] = 0
    assert_same(reshape(sampler, logits, ids, 0, VOCABULARY), second)


def test_a_token_that_several_stages_would_remove_bears_the_first_ones_name() -> None:
    logits = np.zeros(SIZE, np.float32)
    logits[1] = 9
    sampled = reshape(Sampler(block_end=1, block_blank=1, top_k=1), logits, (1,), 0, VOCABULARY)
    named = [KNOBS[stage].title for stage in sampled.removed[[ENDS[0], BLANKS[0], 2]]]
    assert named == ["block end", "block blank", "top-k"]


@pytest.mark.parametrize("sampler", [Sampler(block_end=2), Sampler(block_blank=2)])
def test_first_steps_are_blocked_and_later_ones_are_not(sampler: Sampler) -> None:
    logits = np.zeros(SIZE, np.float32)
    blocked = [reshape(sampler, logits, (1,), step, VOCABULARY).removed.max() for step in range(4)]
    assert [stage >= 0 for stage in blocked] == [True, True, False, False]


@pytest.mark.parametrize("value", ["0", "0.5", "1"])
def test_the_share_of_min_p_is_of_the_likeliest_and_that_share_itself_stays(value: str) -> None:
    logits = np.log(np.array([4, 4, 2.1, 1.9], np.float64)).astype(np.float32)
    left = reshape(Sampler().turned("min-p", value), logits, (0,), 0, VOCABULARY).probabilities > 0
    assert (
        left.tolist()
        == {"0": [True] * 4, "0.5": [True, True, True, False], "1": [True, True, False, False]}[value]
    )


@pytest.mark.parametrize(("top_p", "left"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.76, 4)])
def test_of_equal_tokens_the_fewest_that_reach_top_p_stay_those_with_the_lowest_ids(
    top_p: float, left: int
) -> None:
    logits, sampler = np.zeros(4, np.float32), Sampler(top_p=top_p)
    scores, _, _ = processed(sampler, logits, (0,), 0)
    assert np.isfinite(scores).sum() == left
    given = reshape(sampler, logits, (0,), 0, VOCABULARY).probabilities
    assert given.tolist() == pytest.approx([1 / left] * left + [0.0] * (4 - left))


def test_of_equal_tokens_greedy_takes_the_one_with_the_lowest_id() -> None:
    logits = np.array([1, 3, 3, 2], np.float32)
    assert reshape(Sampler(temperature=0), logits, (0,), 0, VOCABULARY).probabilities.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-45, 1e-9, 1e-3, 0.009])
def test_a_temperature_near_nought_is_still_a_softmax(temperature: float) -> None:
    logits = np.array([-900, 20, 20.003, -np.inf, 20.002], np.float32)
    sampled = reshape(Sampler(temperature=temperature), logits, (0,), 0, VOCABULARY)
    with np.errstate(over="ignore"):
        wanted = softmax((logits.astype(np.float64) - logits.max()) / temperature)
    np.testing.assert_allclose(sampled.probabilities, wanted, rtol=0, atol=1e-6)


def test_where_every_token_is_removed_nothing_is_left_and_nothing_is_drawn() -> None:
    ids = tuple(range(SIZE))
    for also in (
        Sampler(),
        Sampler(0.5, 0, 2, 2, 0.7, 5, 0.5, 0.5),
        Sampler(temperature=0),
        Sampler(temperature=1e-9),
    ):
        sampled = reshape(
            also.turned("no-repeat n-gram", "1"), np.zeros(SIZE, np.float32), ids, 0, VOCABULARY
        )
        assert (sampled.removed == NAMES.index("no_repeat_ngram")).all()
        assert not sampled.probabilities.any()
        assert draw(sampled, 0, 0) is None


def test_a_vocabulary_may_have_more_tokens_than_there_are_logits() -> None:
    logits = np.zeros(4, np.float32)
    sampled = reshape(Sampler(1.3, 1, 1, 1), logits, (1, 39), 0, VOCABULARY)
    assert np.flatnonzero(sampled.probabilities).tolist() == [2]


# Draws


def weights(seed: int = 0, size: int = 30) -> Sampled:
    """Probabilities, a third of them nought."""
    values = np.random.default_rng(seed).dirichlet(np.full(size, 0.7))
    values[::3] = 0
    probabilities = (values / values.sum()).astype(np.float32)
    return Sampled(probabilities, np.full(size, -1, np.int8))


def drawn(sampled: Sampled, seeds: range, places: range) -> NDArray[np.int64]:
    return np.array([draw(sampled, seed, place) for seed in seeds for place in places])


@given(st.integers(0, 2**64), st.integers(0, 2**40), st.integers(0, 50))
def test_a_draw_depends_on_nothing_but_the_three(seed: int, place: int, other: int) -> None:
    token = draw(weights(), seed, place)
    draw(weights(other), seed + 1, place + other)
    assert draw(weights(), seed, place) == token


@pytest.mark.parametrize(
    ("seeds", "places"), [(range(1), range(20_000)), (range(20_000), range(7, 8)), (range(141), range(141))]
)
def test_tokens_are_drawn_as_often_as_they_are_probable(seeds: range, places: range) -> None:
    sampled = weights()
    tokens = drawn(sampled, seeds, places)
    p = sampled.probabilities.astype(np.float64)
    counts = np.bincount(tokens, minlength=len(p))
    # Four standard deviations of a binomial.
    assert (abs(counts - len(tokens) * p) <= 4 * np.sqrt(len(tokens) * p * (1 - p))).all()
    assert counts[p == 0].sum() == 0


def test_draws_for_neighbouring_places_and_seeds_are_independent() -> None:
    halves = Sampled(np.full(2, 0.5, np.float32), np.full(2, -1, np.int8))
    tokens = drawn(halves, range(100), range(100)).reshape(100, 100)
    for one, other in ((tokens[1:], tokens[:-1]), (tokens[:, 1:], tokens[:, :-1])):
        assert abs((one == other).mean() - 0.5) < 4 * 0.5 / np.sqrt(one.size)


@given(
    st.integers(0, 2**64 - 1),
    st.lists(st.floats(0, 1, width=32).filter(lambda p: p == 0 or p > 1e-30), min_size=1, max_size=20),
)
@example(raw=2**64 - 1, masses=[0.0, 1.0, 0.0])
@example(raw=2**64 - 1, masses=[0.1, 0.2, 0.0])
@example(raw=0, masses=[0.0, 0.0, 1.0])
def test_a_draw_is_the_token_whose_share_of_the_line_holds_the_number(raw: int, masses: list[float]) -> None:
    assume(sum(masses) > 0)
    probabilities = np.array(masses, np.float32) / np.float32(sum(masses))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "Philox", lambda key, counter: SimpleNamespace(random_raw=lambda: raw))
        token = draw(Sampled(probabilities, np.full(len(masses), -1, np.int8)), 0, 0)
    assert token is not None
    line = np.concatenate([[0], np.cumsum(probabilities, dtype=np.float64)])
    mark = (raw >> 11) / 2**53 * line[-1]
    assert probabilities[token] > 0
    assert line[token] <= mark <= line[token + 1]
    assert mark < line[token + 1] or mark == line[-1]


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**63))
def test_the_number_of_a_draw_is_numpys_own_for_that_key_and_counter(seed: int, place: int) -> None:
    fine = 1 << 20
    flat = Sampled(np.full(fine, 1 / fine, np.float32), np.full(fine, -1, np.int8))
    number = np.random.Generator(np.random.Philox(key=seed, counter=place)).random()
    assert draw(flat, seed, place) == int(number * fine)
