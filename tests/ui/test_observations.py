"""What was seen is found again wherever it still holds, and never takes more memory than it may."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.core.observation import (
    AttentionRow,
    AttentionRows,
    Attributed,
    Attribution,
    DecisionDepth,
    Depths,
    Facet,
    LayerLogprobs,
    Lens,
    Residuals,
)
from token_explorer.errors import FacetUnavailable
from token_explorer.ui.observations import Observations

IDS = tuple(range(10))


def depths(count: int) -> Depths:
    return Depths(np.zeros(count, np.float32))


def test_an_answer_is_found_for_its_facet_and_no_other() -> None:
    seen, answer = Observations(), depths(10)
    seen.keep(IDS, DecisionDepth(), answer)
    assert seen.of(IDS, DecisionDepth()) is answer
    assert seen.of(IDS, Residuals()) is None
    assert seen.of(IDS[:-1], DecisionDepth()) is None


def test_an_error_is_an_answer_until_it_is_forgotten() -> None:
    seen, error, answer = Observations(), FacetUnavailable("Too long", "10 tokens."), depths(10)
    seen.keep(IDS, Residuals(), error)
    seen.keep(IDS, DecisionDepth(), answer)
    assert seen.of(IDS, Residuals()) is error
    seen.forget_errors()
    assert seen.of(IDS, Residuals()) is None
    assert seen.of(IDS, DecisionDepth()) is answer


facets = st.one_of(
    st.integers(0, 9).map(AttentionRow),
    st.builds(Attribution, st.integers(1, 10), st.integers(0, 3)),
    st.builds(LayerLogprobs, st.integers(1, 10), st.just((1, 2))),
    st.integers(1, 10).map(lambda stop: Lens(0, stop)),
    st.just(Residuals()),
)


@given(facets, st.lists(st.integers(0, 20), min_size=10, max_size=14), st.integers(0, 13))
def test_an_answer_holds_for_every_prompt_that_begins_with_what_it_depends_on(
    facet: Facet[Attributed], ids: list[int], place: int
) -> None:
    seen, answer = Observations(), Attributed(np.zeros(1, np.float32), 1.0)
    prompt = tuple(ids)
    seen.keep(prompt, facet, answer)
    other = (*prompt[:place], 99, *prompt[place + 1 :])
    same = other[: facet.reach(len(other))] == prompt[: facet.reach(len(prompt))]
    assert (seen.of(other, facet) is answer) == same


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=40))
def test_what_was_used_last_stays_and_the_bytes_never_exceed_the_bound(steps: list[tuple[int, int]]) -> None:
    limit = 400
    seen = Observations(limit)
    model: dict[int, Depths] = {}  # by its one id, the longest unused first

    def size() -> int:
        return sum(8 + answer.layers.nbytes for answer in model.values())

    for id, count in steps:
        if count % 3:
            model.pop(id, None)
            model[id] = depths(count)
            seen.keep((id,), DecisionDepth(), model[id])
            while size() > limit and len(model) > 1:
                del model[next(iter(model))]
        elif id in model:
            model[id] = model.pop(id)
            assert seen.of((id,), DecisionDepth()) is model[id]
        assert list(seen._answers) == [((id,), DecisionDepth()) for id in model]
        assert seen._size == size()


def test_the_newest_answer_is_kept_even_where_it_is_too_large() -> None:
    seen, small, large = Observations(100), depths(1), depths(1000)
    seen.keep(IDS[:1], DecisionDepth(), small)
    seen.keep(IDS, DecisionDepth(), large)
    assert seen.of(IDS[:1], DecisionDepth()) is None
    assert seen.of(IDS, DecisionDepth()) is large


class Counted(Facet[Depths]):
    """Counts how often an answer to it is looked for."""

    kind = "lens"

    def __init__(self) -> None:
        self.lookups = 0

    def reach(self, length: int) -> int:
        self.lookups += 1
        return length


def test_what_a_picture_asks_of_one_prompt_is_looked_up_once() -> None:
    seen, facet, answer = Observations(), Counted(), depths(10)
    assert [seen.of(IDS, facet) for _ in range(5)] == [None] * 5
    assert facet.lookups == 1
    seen.keep(IDS, facet, answer)
    facet.lookups = 0
    assert [seen.of(IDS, facet) for _ in range(5)] == [answer] * 5
    assert facet.lookups == 1


def test_what_had_to_go_is_found_no_more() -> None:
    seen, large = Observations(100), depths(1000)
    seen.keep(IDS, Residuals(), depths(1))
    assert seen.of(IDS, Residuals()) is not None
    seen.keep(IDS, DecisionDepth(), large)
    assert seen.of(IDS, Residuals()) is None


def test_all_arrays_of_an_answer_count() -> None:
    seen = Observations()
    rows = AttentionRows(np.zeros((3, 4), np.float32), np.zeros((3, 2), np.int64))
    seen.keep(IDS, AttentionRow(3), rows)
    assert seen._size == 4 * 8 + rows.weights.nbytes + rows.heads.nbytes
