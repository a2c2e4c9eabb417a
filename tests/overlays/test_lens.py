"""The lens as grids: each says what its definition says, in its unit, and agrees with the scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import LAYERS, VOCABULARY, encode, observe, score
from token_explorer.core.observation import Lens, LensCells
from token_explorer.core.reading import Grid
from token_explorer.overlays.lens import LENS_MODES, LensMode, follow

IDS = encode("Once upon a time, there was a")
BY_NAME = {mode.name: mode for mode in LENS_MODES}
PINNED = [mode for mode in LENS_MODES if mode.of_pin]


def cells_of(start: int, stop: int, pin: int | None = None) -> LensCells:
    found = observe(IDS, Lens(start, stop, pin))
    assert isinstance(found, LensCells)
    return found


WHOLE = cells_of(0, len(IDS), pin=7)


def read(name: str, cells: LensCells = WHOLE) -> Grid:
    return BY_NAME[name].read(cells)


def test_names_are_unique_and_told() -> None:
    assert len(BY_NAME) == len(LENS_MODES)
    assert all(mode.help for mode in LENS_MODES)


@pytest.mark.parametrize("mode", LENS_MODES, ids=lambda mode: mode.name)
def test_every_layer_and_position_has_a_value(mode: LensMode) -> None:
    grid = mode.read(WHOLE)
    assert grid.values.shape == (LAYERS + 1, len(IDS))
    assert grid.rows == tuple(map(str, range(LAYERS + 1)))
    assert not np.isnan(grid.values).any()


@pytest.mark.parametrize("mode", LENS_MODES, ids=lambda mode: mode.name)
def test_a_part_reads_as_the_whole_does_there(mode: LensMode) -> None:
    part, whole = mode.read(cells_of(2, 5, pin=7)), mode.read(WHOLE)
    assert np.array_equal(part.places, whole.places[:, 2:5])


@pytest.mark.parametrize("mode", PINNED, ids=lambda mode: mode.name)
def test_without_a_pinned_token_nothing_is_said_of_it(mode: LensMode) -> None:
    assert np.isnan(mode.read(cells_of(0, 3)).values).all()


def test_eight_equal_choices_are_an_eighth_each_and_three_bits_open() -> None:
    logprobs = np.full((2, 3), -np.log(8), np.float32)
    cells = LensCells(np.zeros((2, 3), np.int64), logprobs, -logprobs, logprobs * 0, None, None)
    assert np.allclose(read("top token", cells).values, 1 / 8)
    assert np.allclose(read("entropy", cells).values, 3.0)
    assert read("entropy", cells).unit == "bits"


def test_divergence_is_in_bits_and_nothing_at_the_output() -> None:
    grid = read("KL to the output")
    assert grid.unit == "bits"
    assert np.allclose(2.0**grid.values, np.exp(WHOLE.divergences), rtol=1e-4)
    assert np.allclose(grid.values[-1], 0.0)
    assert (grid.values[:-1] > 0.0).all()


def test_a_pinned_top_token_is_as_likely_as_the_top_and_of_rank_one() -> None:
    for layer in range(LAYERS + 1):
        for place in range(len(IDS)):
            cells = cells_of(place, place + 1, pin=int(WHOLE.tops[layer, place]))
            assert read("pinned rank", cells).values[layer, 0] == 1
            pinned, top = read("pinned probability", cells), read("top token")
            assert pinned.values[layer, 0] == top.values[layer, place]


def test_ranks_are_drawn_by_their_ratio_and_unknown_ones_not_at_all() -> None:
    assert read("pinned rank").scale == "log"
    assert WHOLE.ranks is not None
    ranks = WHOLE.ranks.copy()
    ranks[:, 0] = 0
    cells = LensCells(WHOLE.tops, WHOLE.logprobs, WHOLE.entropies, WHOLE.divergences, WHOLE.pinned, ranks)
    assert np.isnan(read("pinned rank", cells).values[:, 0]).all()
    assert read("pinned rank", cells).values[:, 1:].tolist() == ranks[:, 1:].tolist()


def test_the_last_row_is_what_the_scores_say_comes_next() -> None:
    for place in range(len(IDS)):
        following = score(IDS[: place + 1], 1).next
        assert WHOLE.tops[-1, place] == following.ids[0]
        assert np.isclose(read("top token").values[-1, place], np.exp(following.logprobs[0]))


@given(st.integers(0, len(VOCABULARY) - 1), st.integers(0, len(IDS) - 1))
def test_a_followed_token_is_first_in_the_first_layer_whose_top_it_is(pin: int, place: int) -> None:
    cells = cells_of(place, place + 1, pin)
    followed = follow(cells, 0)
    assert followed is not None
    leading = np.flatnonzero(cells.tops[:, 0] == pin).tolist()
    assert followed.first == (leading[0] if leading else None)
    assert followed.logprobs.shape == followed.ranks.shape == (LAYERS + 1,)


@given(st.integers(0, LAYERS), st.integers(0, len(IDS) - 1))
def test_a_layers_top_token_is_followed_from_there_or_before(layer: int, place: int) -> None:
    followed = follow(cells_of(place, place + 1, int(WHOLE.tops[layer, place])), 0)
    assert followed is not None
    assert followed.first is not None
    assert followed.first <= layer


def test_nothing_is_followed_where_none_is_pinned() -> None:
    assert follow(cells_of(0, 2), 0) is None
