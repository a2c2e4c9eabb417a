"""What the table lists of a distribution: its likeliest tokens, or those that a search finds.

Pure numpy; knows nothing of widgets.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.observation import Distribution
from token_explorer.core.sampling import KNOBS, Sampled
from token_explorer.core.scores import Candidates, Floats, Ints
from token_explorer.core.search import Query
from token_explorer.core.tokens import Vocabulary

# So many of what a search finds are listed: nobody reads on, and all would be a table of the vocabulary.
MOST_FOUND = 1000
# Distributions whose order is remembered: the one on the screen, and the one before it.
_REMEMBERED = 2

# Float32 has no number between 1 - 6e-8 and 1, and would claim certainty where there is none.
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search found in the whole vocabulary.

    Attributes:
        count: how many tokens match; not all of them need be listed.
        mass: their probability together.
        beginnings: texts, and the probability of all tokens that begin with each: what was typed, and the
            same after a blank. () for ids and regular expressions.
    """

    count: int
    mass: float
    beginnings: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Candidates as the table lists them, most likely first; equally likely ones by id.

    Attributes:
        ids (K,): token ids.
        logprobs (K,): natural log of each probability, as the model gives it.
        ranks (K,): 1 + how many tokens of the whole vocabulary are more likely.
        cumulative (K,): probability of the token and of all that stand before it in the whole vocabulary;
            NaN where not all of those are known.
        tail: probability of all tokens that aren't listed.
        entropy: of the whole distribution, nats.
        actual: id of the token that stands in this place of the prompt, or comes next in what it is a
            beginning of, and is among the ids; None for none, and where a search doesn't match it.
        sampled (K,): probability after the sampler; None where it is off.
        removed: for each token the title of the sampler's stage that removed it, '' for those that are left;
            () where the sampler is off.
        left: how many tokens of the vocabulary the sampler leaves; None where it is off.
        found: what the search found; None where there is none.
    """

    ids: Ints
    logprobs: Floats
    ranks: Ints
    cumulative: Doubles
    tail: float
    entropy: float
    actual: int | None = None
    sampled: Floats | None = None
    removed: tuple[str, ...] = ()
    left: int | None = None
    found: Found | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Taken:
    """A token that stands in a place, and how expected it was there.

    Attributes:
        logprob: natural log of its probability; None where that isn't known.
        rank: 1 + how many tokens were more likely; 0 where that isn't known.
    """

    id: int
    logprob: float | None = None
    rank: int = 0


def of_candidates(candidates: Candidates, taken: Taken | None = None) -> Listed:
    """The likeliest tokens in a place, where the rest of the distribution isn't known.

    Args:
        taken: the token that stands there; where it isn't among them it comes last, if its rank is known.
    """
    listed = _likeliest(candidates)
    if taken is None:
        return listed
    if taken.id in candidates.ids:
        return replace(listed, actual=taken.id)
    return listed if taken.logprob is None else _with_last(listed, taken.id, taken.logprob, taken.rank)


def _with_last(listed: Listed, id: int, logprob: float, rank: int) -> Listed:
    """What is listed, and one token more, that is less likely."""
    mass = float(np.exp(logprob))
    rest = max(0.0, listed.tail - mass)
    cumulative = 1.0 - rest if rank == len(listed) + 1 else np.nan
    return replace(
        listed,
        ids=np.append(listed.ids, id),
        logprobs=np.append(listed.logprobs, np.float32(logprob)),
        ranks=np.append(listed.ranks, rank),
        cumulative=np.append(listed.cumulative, cumulative),
        tail=rest,
        actual=id,
    )


def _likeliest(candidates: Candidates) -> Listed:
    logprobs = candidates.logprobs
    masses = np.exp(logprobs.astype(np.float64))
    # Sums are taken from the nearer end: each keeps its digits where 1 minus the other would lose them.
    front = np.cumsum(masses)
    cumulative = np.where(front < 0.5, front, 1.0 - (candidates.tail + _after(masses)))
    return Listed(
        candidates.ids,
        logprobs,
        1 + np.searchsorted(-logprobs, -logprobs),
        np.maximum.accumulate(cumulative),
        candidates.tail,
        candidates.entropy,
    )


def of_distribution(
    distribution: Distribution,
    vocabulary: Vocabulary,
    top_k: int,
    actual: int | None = None,
    sampled: Sampled | None = None,
    query: Query | None = None,
) -> Listed:
    """The `top_k` likeliest tokens of a distribution, or the first MOST_FOUND of those that a query matches.

    The same distribution asked about again, with another sampler or query, isn't sorted again.

    Args:
        actual: id of the token that stands there; it comes last where it isn't among the likeliest.
        sampled: what the sampler makes of the distribution; None where it is off.
        query: what is searched for; then only matches are listed, `actual` too only if it matches.

    Raises InputError for a query whose search takes too long.
    """
    ranking = _ranking(distribution)
    matching = None if query is None else query.matches(vocabulary)
    if actual is not None and matching is not None and not matching[actual]:
        actual = None
    places = ranking.first(top_k) if matching is None else ranking.those(matching)[:MOST_FOUND]
    if actual is not None:
        places = np.union1d(places, ranking.those(np.arange(len(vocabulary)) == actual))
    listed = _listed(distribution, ranking, places, actual)
    if query is not None and matching is not None:
        listed = replace(listed, found=_found(ranking.masses, query, matching, vocabulary))
    return listed if sampled is None else _reshaped(listed, sampled)


@dataclass(frozen=True, slots=True, eq=False)
class _Ranking:
    """All tokens of a distribution in their order: most likely first, equally likely ones by id.

    Attributes:
        order (V,): their ids.
        fallen (V,): minus the logit of the token in each place; ascending.
        cumulative (V,): of the token in each place, as Listed has it.
        masses (V,): probability of each token, by id; they sum to 1.
        entropy: nats.
    """

    order: Ints
    fallen: Floats
    cumulative: Doubles
    masses: Doubles
    entropy: float

    def first(self, count: int) -> Ints:
        """(count,) the first places, or all there are."""
        return np.arange(min(count, len(self.order)))

    def those(self, wanted: NDArray[np.bool_]) -> Ints:
        """Places of the tokens that are wanted (V,), ascending."""
        return np.flatnonzero(wanted[self.order])


@lru_cache(maxsize=_REMEMBERED)
def _ranking(distribution: Distribution) -> _Ranking:
    logits = distribution.logits
    masses = np.exp(logits.astype(np.float64) - distribution.normaliser)
    masses /= masses.sum()  # the normaliser is as exact as float32 is
    order = _descending(logits)
    possible = masses[masses > 0]
    return _Ranking(
        order,
        -logits[order],
        1.0 - _after(masses[order]),
        masses,
        -float((possible * np.log(possible)).sum()),
    )


def _descending(logits: Floats) -> Ints:
    """(V,) ids by descending logit, equal ones by ascending id.

    Sorts whole numbers made of both, which numpy does six times faster than it sorts floats stably.
    """
    bits = (0.0 - logits).astype(np.float32).view(np.int32).astype(np.int64)  # 0.0 - x is never -0.0
    ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # IEEE 754: a sign, and a size that is ordered
    keys = (ordered << 32) | np.arange(len(logits))
    keys.sort()
    return keys & 0xFFFFFFFF


def _after(masses: Doubles) -> Doubles:
    """(K,) the sum of what comes after each place, from the far end: small sums keep their digits."""
    return np.concatenate([np.cumsum(masses[:0:-1])[::-1], [0.0]])[: len(masses)]


def _listed(distribution: Distribution, ranking: _Ranking, places: Ints, actual: int | None) -> Listed:
    """What stands in some places of the order."""
    ids = ranking.order[places]
    beyond = ranking.masses.copy()
    beyond[ids] = 0.0
    return Listed(
        ids,
        distribution.logits[ids] - np.float32(distribution.normaliser),
        1 + np.searchsorted(ranking.fallen, ranking.fallen[places]),
        ranking.cumulative[places],
        float(beyond.sum()),
        ranking.entropy,
        actual,
    )


def _found(masses: Doubles, query: Query, matching: NDArray[np.bool_], vocabulary: Vocabulary) -> Found:
    beginnings = query.beginnings(vocabulary)
    return Found(
        int(np.count_nonzero(matching)),
        float(masses[matching].sum()),
        tuple((text, float(masses[beginning].sum())) for text, beginning in beginnings),
    )


def _reshaped(listed: Listed, sampled: Sampled) -> Listed:
    """The same tokens, with what the sampler makes of them."""
    stages = sampled.removed[listed.ids].tolist()
    return replace(
        listed,
        sampled=sampled.probabilities[listed.ids],
        removed=tuple("" if stage < 0 else KNOBS[stage].title for stage in stages),
        left=int(np.count_nonzero((sampled.removed < 0) & (sampled.probabilities > 0))),
    )
