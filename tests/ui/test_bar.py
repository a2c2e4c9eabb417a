"""A bar never grows beyond its line, and says where it left something out."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from tests.ui.driving import in_loop
from token_explorer.ui.widgets.bar import Bar, run


class OneBar(App[None]):
    def compose(self) -> ComposeResult:
        yield Bar(("╭", "╮"), "─", id="bar")


def drawn(left: str, rights: list[str], width: int) -> str:
    """A line of so many cells, as it is painted."""
    lines: list[str] = []

    @in_loop
    async def run_it() -> None:
        async with OneBar().run_test(size=(width, 3)) as pilot:
            bar = pilot.app.query_one(Bar)
            bar.set([run(left)], *([run(right)] for right in rights))
            await pilot.pause()
            lines.append(bar.render_line(0).text)

    run_it()
    return lines[0]


def test_what_is_cut_at_the_left_ends_with_dots_and_what_fits_does_not() -> None:
    assert drawn("a long legend · with a note", ["1/103 p 0.5"], 30) == "╭a long legend ·… 1/103 p 0.5╮"
    assert drawn("a legend", ["1/103 p 0.5"], 30) == "╭a legend─────────1/103 p 0.5╮"


def test_the_longest_right_that_fits_is_drawn() -> None:
    assert drawn("left", ["much too long for it", "short", "s"], 16) == "╭left─────short╮"


@settings(max_examples=30)
@given(st.text("ab日", max_size=30), st.text("cd本", max_size=30), st.integers(1, 24))
def test_a_bar_is_as_wide_as_its_line(left: str, right: str, width: int) -> None:
    assert cell_len(drawn(left, [right], width)) <= max(width, 2)
