"""How tokens flow into lines: everything there, nothing too wide, and changes like a fresh start."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from token_explorer.core.tokens import Shown, show
from token_explorer.ui.widgets.flow import Flow

PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [b" word", b"\n", b"a\nb\n\n", b"", "日本".encode(), "e\u0301".encode(), b"x" * 30, b"\xf0\x9f"]
        ),
        st.text(max_size=12).map(lambda text: text.encode(errors="replace")),
    ),
    max_size=30,
)


def flowed(shown: list[Shown], width: int) -> Flow:
    flow = Flow(width)
    flow.extend(shown)
    return flow


@given(PIECES, st.integers(1, 40))
def test_nothing_is_lost_and_nothing_is_too_wide(pieces: list[bytes], width: int) -> None:
    shown = show(pieces)
    flow = flowed(shown, width)
    parts: list[str] = [""] * len(shown)
    for line in flow.lines:
        cells = [cell_len(piece.text) for piece in line]
        assert [piece.width for piece in line] == cells
        assert sum(cells) <= width or len([each for each in cells if each]) == 1
        for piece in line:
            parts[piece.token] += piece.text
    assert parts == ["".join(each) for each in shown]


@given(PIECES, st.integers(1, 40))
def test_every_token_is_found_where_it_is_drawn(pieces: list[bytes], width: int) -> None:
    flow = flowed(show(pieces), width)
    for number, line in enumerate(flow.lines):
        column = 0
        for piece in line:
            assert flow.first[piece.token] <= number <= flow.last(piece.token)
            for cell in range(piece.width):
                assert flow.at(number, column + cell) == piece.token
            column += piece.width
        assert flow.at(number, column) is None
    assert flow.at(len(flow.lines), 0) is None
    assert flow.at(-1, 0) is None


@settings(max_examples=300)
@given(PIECES, PIECES, st.integers(1, 40), st.data())
def test_cutting_and_adding_gives_what_a_fresh_start_gives(
    one: list[bytes], other: list[bytes], width: int, data: st.DataObject
) -> None:
    shown, others = show(one), show(other)
    kept = data.draw(st.integers(0, len(shown)))
    flow = flowed(shown, width)
    flow.truncate(kept)
    assert flow.lines == flowed(shown[:kept], width).lines
    flow.extend(others)
    fresh = flowed([*shown[:kept], *others], width)
    assert (flow.lines, flow.first) == (fresh.lines, fresh.first)


def test_a_newline_ends_its_line() -> None:
    lines = flowed(show([b"a", b"\n\n", b"b"]), 10).lines
    assert [[piece.text for piece in line] for line in lines] == [["a", "↵"], ["↵"], ["", "b"]]
