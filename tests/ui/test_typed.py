"""Whatever is typed is drawn safely, and the cursor finds every character of it."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from token_explorer.core.tokens import display
from token_explorer.ui.typed import Typed, window

MARK = "\u0301"
texts = st.text(
    st.one_of(st.characters(), st.sampled_from(f"e日{MARK}◌\n\x1b\u200d\ufe0f\u202e")), max_size=20
)


@given(texts)
def test_what_is_drawn_is_safe_and_as_wide_as_it_says(text: str) -> None:
    typed = Typed.of(text)
    drawn = "".join(typed.pieces)
    assert len(typed.pieces) == len(text) == len(typed.ends) - 1
    assert all(typed.pieces)
    assert drawn == display(drawn) or not drawn
    assert list(typed.ends) == [cell_len("".join(typed.pieces[:end])) for end in range(len(text) + 1)]
    assert typed.cells == cell_len(drawn)


def test_printable_text_is_drawn_as_it_is_and_a_mark_stays_on_its_letter() -> None:
    for text in ("plain words", "日本", f"e{MARK}a{MARK}", "हिन्दी", "◌x"):
        assert "".join(Typed.of(text).pieces) == text
    assert Typed.of(MARK).pieces == [f"◌{MARK}"]
    assert Typed.of("a\nb\x1b").pieces == ["a", "↵", "b", "␛"]


@given(texts)
def test_a_character_is_found_at_the_cells_that_it_covers(text: str) -> None:
    typed = Typed.of(text)
    for place in range(len(text)):
        for cell in range(typed.ends[place], typed.ends[place + 1]):
            assert typed.at(cell) == place
    assert typed.at(-5) == 0
    assert typed.at(typed.cells + 5) == len(text)


@given(texts.filter(bool))
def test_characters_that_share_cells_are_taken_together(text: str) -> None:
    typed = Typed.of(text)
    groups = sorted({(whole.start, whole.stop) for whole in map(typed.whole, range(len(text)))})
    assert [start for start, _ in groups] == [0, *(stop for _, stop in groups[:-1])]
    assert groups[-1][1] == len(text)
    for start, stop in groups:
        assert all(place in typed.whole(place) for place in range(start, stop))
        assert cell_len("".join(typed.pieces[start:stop])) >= 1
        assert stop - start == 1 or typed.ends[start + 1] == typed.ends[stop]


@given(texts, st.integers(0, 10), st.integers(1, 10))
def test_what_is_within_some_cells_is_all_that_fits_there(text: str, start: int, room: int) -> None:
    typed = Typed.of(text)
    start = min(start, typed.cells)
    places = typed.within(start, start + room)
    ending = [place for place in range(len(text)) if start < typed.ends[place + 1] <= start + room]
    assert set(ending) <= set(places)
    assert all(typed.ends[place + 1] <= start + room for place in places)
    assert all(typed.ends[place + 1] >= start for place in places)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 2), st.integers(0, 20), st.integers(2, 30))
def test_the_cursor_is_in_view_and_nothing_moves_without_need(
    start: int, at: int, wide: int, after: int, room: int
) -> None:
    cursor, cells = range(at, at + wide), at + wide + after
    found = window(start, cursor, cells, room)
    assert found <= cursor.start
    assert cursor.stop <= found + room
    assert 0 <= found <= max(0, cells - room)
    assert window(found, cursor, cells, room) == found
    if start <= at and at + wide <= start + room and start + room <= cells:
        assert found == start
