"""Which part of the lens is in view: always what is looked at, in chunks that serve everywhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import LAYERS, encode, observe
from token_explorer.core.observation import Lens, LensCells
from token_explorer.ui.widgets.lenswindow import CHUNK, LensWindow

IDS = encode("Once upon a time, there was a very small girl")


@st.composite
def windows(draw: st.DrawFn) -> LensWindow:
    """Windows of all sizes, anywhere in prompts and models of all sizes."""
    layers, length = draw(st.integers(1, 120)), draw(st.integers(1, 9000))
    layer, position = draw(st.integers(0, layers - 1)), draw(st.integers(0, length - 1))
    lines, columns = draw(st.integers(1, 130)), draw(st.integers(1, 60))
    return LensWindow.around(layer, position, layers, length, lines, columns)


def cells_of(facet: Lens) -> LensCells:
    found = observe(IDS, facet)
    assert isinstance(found, LensCells)
    return found


@given(windows())
def test_what_is_looked_at_is_in_view(window: LensWindow) -> None:
    assert 0 <= window.top <= window.layer < window.bottom <= window.layers
    assert 0 <= window.start <= window.position < window.stop <= window.length


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_no_room_is_left_empty_while_something_is_out_of_view(
    layers: int, length: int, lines: int, columns: int
) -> None:
    for place in range(max(layers, length)):
        layer, position = min(place, layers - 1), min(place, length - 1)
        window = LensWindow.around(layer, position, layers, length, lines, columns)
        assert window.bottom - window.top == min(lines, layers)
        assert window.stop - window.start == min(columns, length)


@given(windows(), st.none() | st.integers(0, 99))
def test_chunks_cover_what_is_in_view_and_begin_with_what_is_looked_at(
    window: LensWindow, pin: int | None
) -> None:
    chunks = window.chunks(pin)
    covered = sorted(place for chunk in chunks for place in range(chunk.start, chunk.stop))
    assert len(covered) == len(set(covered))
    assert set(range(window.start, window.stop)) <= set(covered)
    assert len(covered) < window.stop - window.start + 2 * CHUNK
    assert chunks[0].start <= window.position < chunks[0].stop
    assert all(chunk.pin == pin for chunk in chunks)


@given(windows())
def test_a_chunk_depends_on_the_prompt_alone(window: LensWindow) -> None:
    for chunk in window.chunks(None):
        assert chunk.start % CHUNK == 0
        assert chunk.stop == min(chunk.start + CHUNK, window.length)
        assert chunk.reach(window.length) <= window.length


@given(st.integers(0, len(IDS) - 1), st.integers(1, 20), st.sets(st.integers(0, 5)), st.none() | st.just(7))
def test_what_is_gathered_is_what_the_whole_lens_has_there(
    position: int, columns: int, missing: set[int], pin: int | None
) -> None:
    window = LensWindow.around(0, position, LAYERS + 1, len(IDS), 9, columns)
    known = [chunk for chunk in window.chunks(pin) if chunk.start // CHUNK not in missing]
    sight = window.gather((chunk, cells_of(chunk)) for chunk in known)
    whole = cells_of(Lens(0, len(IDS), 7))
    for column, place in enumerate(range(window.start, window.stop)):
        there = place // CHUNK not in missing
        assert sight.known[column] == there
        assert sight.followed[column] == (there and pin is not None)
        if there:
            assert np.array_equal(sight.cells.tops[:, column], whole.tops[:, place])
            assert np.allclose(sight.cells.entropies[:, column], whole.entropies[:, place])
        else:
            assert np.isnan(sight.cells.logprobs[:, column]).all()
    here = position // CHUNK not in missing
    assert sight.top == (int(whole.tops[0, position]) if here else None)
