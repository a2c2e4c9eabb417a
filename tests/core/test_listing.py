"""Lists agree with sorting the whole vocabulary and adding it up, token by token."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import PIECES, VOCABULARY, distribution, encode, score, token_of
from token_explorer.core import listing
from token_explorer.core.knobs import KNOBS
from token_explorer.core.listing import Listed, Taken, of_candidates, of_distribution
from token_explorer.core.observation import Distribution
from token_explorer.core.sampling import Sampled
from token_explorer.core.scores import Candidates, Floats, Ints
from token_explorer.core.search import Query
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import InputError

IDS = encode("Once upon a time, there was a")
GIRL = token_of(" girl")
# Few values, so that many are equal; zeros of both signs, and tokens that can't come.
logits = st.one_of(
    st.sampled_from([-np.inf, -80.0, -2.0, -0.0, 0.0, 1.0, 1.5, 30.0]), st.floats(-50.0, 50.0, width=32)
)
LETTERS = "aAbB "


@st.composite
def distributions(draw: st.DrawFn) -> Distribution:
    """Distributions over a few tokens, at least one of which can come."""
    values = draw(st.lists(logits, min_size=1, max_size=12))
    values[draw(st.integers(0, len(values) - 1))] = draw(st.floats(-50.0, 50.0, width=32))
    return of_logits(values)


def of_logits(values: Sequence[float]) -> Distribution:
    array = np.array(values, np.float32)
    return Distribution(array, float(np.log(np.exp(array.astype(np.float64)).sum())))


def words(count: int) -> Vocabulary:
    """So many tokens of one or two letters."""
    pairs = ("".join(pair).strip("\0") for pair in itertools.product(LETTERS, "\0" + LETTERS))
    return Vocabulary(tuple(pair.encode() for pair in itertools.islice(pairs, count)))


def in_order(made: Distribution) -> list[int]:
    """All ids, most likely first, equally likely ones by id."""
    values = made.logits.tolist()
    return sorted(range(len(values)), key=lambda id: (-values[id], id))


def softmax(made: Distribution) -> np.ndarray:
    sizes = np.exp(made.logits.astype(np.float64) - float(made.logits.max()))
    return np.asarray(sizes / sizes.sum())


def check(listed: Listed, made: Distribution, expected: list[int]) -> None:
    """That a list holds these tokens, with the numbers that going through the vocabulary gives."""
    order, masses = in_order(made), softmax(made)
    assert listed.ids.tolist() == expected
    assert len(listed) == len(expected)
    np.testing.assert_array_equal(listed.logprobs, made.logprobs[expected])
    assert listed.ranks.tolist() == [1 + int((made.logits > made.logits[id]).sum()) for id in expected]
    upto = [masses[order[: order.index(id) + 1]].sum() for id in expected]
    np.testing.assert_allclose(listed.cumulative, upto, atol=1e-12)
    beyond = [masses[order[order.index(id) + 1 :]].sum() for id in expected]
    np.testing.assert_allclose(1.0 - listed.cumulative, beyond, atol=2e-16)
    rest = [id for id in order if id not in expected]
    assert listed.tail == pytest.approx(masses[rest].sum(), rel=1e-9, abs=1e-300)
    possible = masses[masses > 0]
    assert listed.entropy == pytest.approx(-(possible * np.log(possible)).sum(), rel=1e-9, abs=1e-12)


# The likeliest


@given(distributions(), st.integers(0, 15))
def test_the_likeliest_are_listed_as_sorting_all_would_list_them(made: Distribution, top_k: int) -> None:
    listed = of_distribution(made, words(len(made.logits)), top_k)
    check(listed, made, in_order(made)[:top_k])
    assert listed.actual is None
    assert (listed.sampled, listed.removed, listed.left, listed.found) == (None, (), None, None)


@given(distributions(), st.integers(0, 15), st.data())
def test_the_token_that_stands_there_is_listed_with_its_true_rank(
    made: Distribution, top_k: int, data: st.DataObject
) -> None:
    actual = data.draw(st.integers(0, len(made.logits) - 1))
    listed = of_distribution(made, words(len(made.logits)), top_k, actual)
    top = in_order(made)[:top_k]
    check(listed, made, top if actual in top else [*top, actual])
    assert listed.actual == actual


@pytest.mark.parametrize("place", range(1, len(IDS)))
def test_at_a_token_of_a_prompt_its_row_says_what_its_score_says(place: int) -> None:
    scores = score(IDS, 5)
    listed = of_distribution(distribution(IDS[:place]), VOCABULARY, 3, IDS[place])
    row = listed.ids.tolist().index(IDS[place])
    assert listed.ranks[row] == scores.ranks[place]
    assert listed.logprobs[row] == pytest.approx(scores.logprobs[place], abs=1e-6)
    assert listed.entropy == pytest.approx(scores.entropies[place], abs=1e-5)


@pytest.mark.parametrize("top_k", [1, 7, 30, len(PIECES)])
def test_at_the_end_it_says_what_the_candidates_say(top_k: int) -> None:
    listed, short = (
        of_distribution(distribution(IDS), VOCABULARY, top_k),
        of_candidates(score(IDS, top_k).next),
    )
    assert listed.ids.tolist() == short.ids.tolist()
    assert listed.ranks.tolist() == short.ranks.tolist() == list(range(1, top_k + 1))
    np.testing.assert_allclose(listed.logprobs, short.logprobs, atol=1e-6)
    np.testing.assert_allclose(listed.cumulative, short.cumulative, atol=1e-6)
    assert listed.tail == pytest.approx(short.tail, abs=1e-6)
    assert listed.entropy == pytest.approx(short.entropy, abs=1e-5)
    assert (short.actual, short.sampled, short.found) == (None, None, None)


# What the engine lists


@given(distributions(), st.integers(1, 15))
def test_candidates_have_the_sums_of_the_distribution_that_they_are_of(
    made: Distribution, top_k: int
) -> None:
    top, masses = in_order(made)[:top_k], softmax(made)
    rest = [id for id in range(len(masses)) if id not in top]
    short = of_candidates(Candidates(np.array(top), made.logprobs[top], float(masses[rest].sum()), 0.0))
    np.testing.assert_allclose(short.cumulative, np.cumsum(masses[top]), atol=1e-4, rtol=1e-4)
    assert (np.diff(short.cumulative) >= 0).all()
    assert (short.ranks <= np.arange(1, len(top) + 1)).all()


def test_certainty_that_a_float32_would_claim_is_not_claimed() -> None:
    short = of_candidates(Candidates(np.array([1, 2]), np.array([-1e-9, -21.0], np.float32), 1e-10, 0.0))
    assert 0.999 < short.cumulative[0] < short.cumulative[1] < 1.0
    listed = of_distribution(of_logits([40.0, 10.0, 9.0]), words(3), 1)
    assert 0.999 < listed.cumulative[0] < 1.0
    assert listed.tail == pytest.approx(np.exp(-30.0) + np.exp(-31.0), rel=1e-6)


def test_small_sums_keep_their_digits() -> None:
    logprobs = np.full(3, -14.0, np.float32)
    short = of_candidates(Candidates(np.arange(3), logprobs, 1.0 - 3e-6, 1.0))
    np.testing.assert_allclose(short.cumulative, np.exp(-14.0) * np.arange(1, 4), rtol=1e-6)
    assert short.ranks.tolist() == [1, 1, 1]


def test_no_candidates_are_no_trouble() -> None:
    short = of_candidates(Candidates(np.zeros(0, np.int64), np.zeros(0, np.float32), 1.0, 1.0))
    assert (len(short), short.tail) == (0, 1.0)


@given(distributions(), st.integers(1, 15), st.data())
def test_a_taken_token_is_marked_or_comes_last_as_the_whole_distribution_has_it(
    made: Distribution, top_k: int, data: st.DataObject
) -> None:
    order, masses = in_order(made), softmax(made)
    taken = data.draw(st.sampled_from(order))
    rest = float(sum(masses[id] for id in order[top_k:]))
    whole = of_distribution(made, words(len(order)), top_k, taken)
    (rank,) = whole.ranks[whole.ids == taken].tolist()
    candidates = Candidates(np.array(order[:top_k]), made.logprobs[order[:top_k]], rest, whole.entropy)
    short = of_candidates(candidates, Taken(taken, float(made.logprobs[taken]), rank))
    assert short.actual == taken
    assert short.ids.tolist() == whole.ids.tolist()
    assert (short.ranks <= whole.ranks).all()  # logits that differ may be the same log probability
    assert taken in order[:top_k] or short.ranks[-1] == rank
    np.testing.assert_array_equal(short.logprobs, whole.logprobs)
    assert short.tail == pytest.approx(whole.tail, abs=1e-5)
    known = ~np.isnan(short.cumulative)
    assert known[: min(top_k, len(short))].all()
    assert known.all() or rank != top_k + 1
    np.testing.assert_allclose(short.cumulative[known], whole.cumulative[known], atol=1e-4)


def test_a_taken_token_of_which_nothing_is_known_is_marked_only_where_it_is_listed() -> None:
    candidates = score(IDS, 5).next
    second = int(candidates.ids[1])
    assert of_candidates(candidates, Taken(second)).actual == second
    unlisted = of_candidates(candidates, Taken(int(score(IDS, 6).next.ids[5])))
    assert (unlisted.actual, unlisted.ids.tolist()) == (None, candidates.ids.tolist())


# Searches


queries = st.builds(
    Query, st.text(LETTERS, min_size=1, max_size=2), st.sampled_from(["text", "exact", "regex"])
)


@given(distributions(), queries, st.data())
def test_a_search_lists_what_is_left_of_the_whole_order(
    made: Distribution, query: Query, data: st.DataObject
) -> None:
    vocabulary = words(len(made.logits))
    actual = data.draw(st.none() | st.integers(0, len(made.logits) - 1))
    listed = of_distribution(made, vocabulary, 1, actual, query=query)
    matching = query.matches(vocabulary)
    check(listed, made, [id for id in in_order(made) if matching[id]])
    assert listed.actual == (actual if actual is not None and matching[actual] else None)
    assert listed.found is not None
    assert listed.found.count == len(listed)
    assert listed.found.mass == pytest.approx(softmax(made)[matching].sum())


@given(distributions(), st.text("ab", min_size=1, max_size=2))
def test_beginnings_have_the_mass_of_all_tokens_that_begin_so(made: Distribution, text: str) -> None:
    vocabulary = words(len(made.logits))
    listed = of_distribution(made, vocabulary, 5, query=Query(text, "exact"))
    assert listed.found is not None
    masses = softmax(made)
    for each, mass in listed.found.beginnings:
        begins = [piece.decode().startswith(each) for piece in vocabulary.pieces]
        assert mass == pytest.approx(masses[begins].sum())
    assert [each for each, _ in listed.found.beginnings] == [text, f" {text}"]


def test_of_very_many_matches_the_likeliest_are_listed_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "MOST_FOUND", 4)
    made, query = distribution(IDS), Query(" ")
    matching = query.matches(VOCABULARY)
    blank = [id for id in in_order(made) if matching[id]]
    listed = of_distribution(made, VOCABULARY, 1, query=query)
    check(listed, made, blank[:4])
    assert listed.found is not None
    assert listed.found.count == len(blank) > 4
    check(of_distribution(made, VOCABULARY, 1, blank[-1], query=query), made, [*blank[:4], blank[-1]])


def test_a_search_that_finds_nothing_lists_nothing() -> None:
    listed = of_distribution(distribution(IDS), VOCABULARY, 9, GIRL, query=Query("#100000"))
    assert (len(listed), listed.actual) == (0, None)
    assert listed.tail == pytest.approx(1.0)
    assert listed.found is not None
    assert (listed.found.count, listed.found.mass, listed.found.beginnings) == (0, 0.0, ())


def test_a_search_that_is_given_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_explorer.core.search.BUDGET_S", -1.0)
    with pytest.raises(InputError, match="too slow"):
        of_distribution(distribution(IDS), VOCABULARY, 9, query=Query("given up+", "regex"))


# The sampler


@given(distributions(), st.integers(0, 15), st.data())
def test_the_sampler_s_numbers_stand_beside_the_tokens_that_they_are_of(
    made: Distribution, top_k: int, data: st.DataObject
) -> None:
    size = len(made.logits)
    stages = data.draw(st.lists(st.integers(-1, len(KNOBS) - 1), min_size=size, max_size=size))
    removed = np.array(stages, np.int8)
    probabilities = np.where(removed < 0, np.linspace(0.0, 1.0, size), 0.0).astype(np.float32)
    listed = of_distribution(made, words(size), top_k, sampled=Sampled(probabilities, removed))
    assert listed.sampled is not None
    assert listed.sampled.tolist() == probabilities[listed.ids].tolist()
    titles = ["" if stages[id] < 0 else KNOBS[stages[id]].title for id in listed.ids.tolist()]
    assert list(listed.removed) == titles
    assert listed.left == np.count_nonzero(probabilities)
    check(listed, made, in_order(made)[:top_k])


def test_another_sampler_or_search_does_not_sort_the_distribution_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sorts, real = [], listing._descending

    def counted(logits: Floats) -> Ints:
        sorts.append(1)
        return real(logits)

    monkeypatch.setattr(listing, "_descending", counted)
    made = distribution(IDS)
    for weight in (0.5, 0.25):
        sampled = Sampled(np.full(len(PIECES), weight, np.float32), np.full(len(PIECES), -1, np.int8))
        of_distribution(made, VOCABULARY, 9, GIRL, sampled)
        of_distribution(made, VOCABULARY, 9, GIRL, sampled, Query(" g"))
    assert sorts == [1]


def test_no_more_than_a_few_distributions_are_remembered() -> None:
    for length in range(1, len(IDS)):
        of_distribution(distribution(IDS[:length]), VOCABULARY, 9)
    assert listing._ranking.cache_info().currsize <= 2
