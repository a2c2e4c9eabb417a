"""How tokens flow into lines: everything there, nothing too wide, and changes like a fresh start."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from token_explorer.core.tokens import Shown, show
from token_explorer.ui.widgets.flow import Flow, Piece

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


def lines(flow: Flow) -> list[list[Piece]]:
    return [flow.line(number) for number in range(len(flow))]


@given(PIECES, st.integers(1, 40))
def test_nothing_is_lost_and_nothing_is_too_wide(pieces: list[bytes], width: int) -> None:
    shown = show(pieces)
    flow = flowed(shown, width)
    parts: list[str] = [""] * len(shown)
    for line in lines(flow):
        cells = [cell_len(text) for _, text in line]
        assert sum(cells) <= width or len([each for each in cells if each]) == 1
        for token, text in line:
            parts[token] += text
    assert parts == ["".join(each) for each in shown]


@given(PIECES, st.integers(1, 40))
def test_every_token_is_found_where_it_is_drawn(pieces: list[bytes], width: int) -> None:
    flow = flowed(show(pieces), width)
    for number, line in enumerate(lines(flow)):
        column = 0
        for token, text in line:
            assert flow.begins(token) <= number <= flow.last(token)
            for cell in range(cell_len(text)):
                assert flow.at(number, column + cell) == token
            column += cell_len(text)
        assert flow.at(number, column) is None
    assert flow.at(len(flow), 0) is None
    assert flow.at(-1, 0) is None


@settings(max_examples=300)
@given(PIECES, PIECES, st.integers(1, 40), st.data())
def test_cutting_and_adding_gives_what_a_fresh_start_gives(
    one: list[bytes], other: list[bytes], width: int, data: st.DataObject
) -> None:
    shown, others = show(one), show(other)
    kept = data.draw(st.integers(0, len(shown)))
    flow = flowed(shown, width)
    other = flow.copy()
    flow.truncate(kept)
    assert lines(flow) == lines(flowed(shown[:kept], width))
    flow.extend(others)
    assert vars(flow) == vars(flowed([*shown[:kept], *others], width))
    assert vars(other) == vars(flowed(shown, width))


def test_a_newline_ends_its_line() -> None:
    flow = flowed(show([b"a", b"\n\n", b"b"]), 10)
    assert [[text for _, text in line] for line in lines(flow)] == [["a", "↵"], ["↵"], ["", "b"]]
