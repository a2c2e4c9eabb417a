"""Whoever walks up and down through what was submitted loses nothing on the way."""

from hypothesis import given
from hypothesis import strategies as st

from token_explorer.ui.history import History

some_lines = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12)


def remembering(lines: list[str], most: int = 200) -> History:
    history = History(most)
    for line in lines:
        history.add(line)
    return history


@given(some_lines)
def test_lines_are_kept_in_their_order_without_blanks_and_doubles_in_a_row(lines: list[str]) -> None:
    kept = [line for line in lines if line]
    kept = [line for place, line in enumerate(kept) if not place or kept[place - 1] != line]
    assert remembering(lines).lines == kept


@given(some_lines, st.lists(st.integers(-3, 3), max_size=10), st.text(max_size=3))
def test_walking_shows_the_lines_by_their_places_and_the_typed_one_below(
    lines: list[str], walks: list[int], typed: str
) -> None:
    history = remembering(lines)
    all_lines, place, shown = [*history.lines, typed], len(history.lines), typed
    for steps in walks:
        place = max(0, min(len(history.lines), place + steps))
        shown = history.walk(steps, shown)
        assert shown == all_lines[place]


def test_a_line_that_was_changed_on_the_way_is_what_comes_back_at_the_bottom() -> None:
    history = remembering(["first", "second"])
    assert history.walk(-1, "typed") == "second"
    assert history.walk(-1, "second, changed") == "first"
    assert history.walk(2, "first") == "second, changed"
    assert history.lines == ["first", "second"]


def test_resting_starts_again_below_the_last_line() -> None:
    history = remembering(["first", "second"])
    history.walk(-2, "typed")
    history.rest()
    assert history.walk(1, "") == ""
    assert history.walk(-1, "") == "second"


def test_the_oldest_go_where_there_are_too_many() -> None:
    assert remembering([str(number) for number in range(10)], most=3).lines == ["7", "8", "9"]
