"""Columns: straight in cells, whatever the tokens; bars and sparks that say what the numbers say."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from rich.text import Text

from tests.fakes import VOCABULARY
from token_explorer.results.blocks import BLOCKS, EIGHTHS, bar, spark
from token_explorer.results.table import Column, cells, fitted, padded, table

tokens = st.lists(st.integers(0, len(VOCABULARY) - 1), min_size=1, max_size=12)
parts = st.floats(0.0, 1.0)
# Those whose width no two terminals agree on: nothing is promised of them.
wide = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Po"], exclude_characters="\u0e33\u0eb3"))


@given(tokens)
def test_whatever_the_tokens_the_last_column_ends_in_one_place(ids: list[int]) -> None:
    columns = Column("token", most=12), Column("id", "right")
    lines = table(columns, [(VOCABULARY[id].shown, str(id)) for id in ids])
    assert len(lines) == len(ids) + 1
    assert len({cells(line.plain) for line in lines}) == 1
    assert [line.plain.split()[-1] for line in lines] == ["id", *map(str, ids)]


def test_a_cell_keeps_its_style_and_stands_where_its_column_says() -> None:
    bold = Style(bold=True)
    lines = table([Column("a", "right"), Column("b")], [("1", Text("two", bold)), ("333", "4")])
    assert [line.plain for line in lines] == ["  a  b", "  1  two", "333  4"]
    assert [lines[1].plain[span.start : span.end] for span in lines[1].spans if span.style == bold] == ["two"]


@given(wide, st.integers(1, 12))
def test_text_that_is_cut_fits_and_says_that_it_was_cut(text: str, most: int) -> None:
    cut = fitted(text, most).plain
    assert cells(cut) <= most
    assert cut == text if cells(text) <= most else cut.endswith("…") and text.startswith(cut[:-1])


@given(wide, st.integers(1, 12))
def test_padded_text_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cells(padded(text, width).plain) == width


@pytest.mark.parametrize("hostile", ["\x1b[31m", "\x9b5;5H", "a\nb", "\x00", "日\x07"])
def test_text_that_a_terminal_would_obey_is_refused(hostile: str) -> None:
    with pytest.raises(ValueError, match="display"):
        table([Column("token")], [(hostile,)])


def test_a_row_with_another_number_of_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        table([Column("a"), Column("b")], [("only one",)])


@given(parts, st.integers(1, 40))
def test_a_bar_is_as_long_as_its_part_to_an_eighth_of_a_cell(part: float, width: int) -> None:
    drawn = bar(part, width)
    eighths = sum(8 if block == "█" else EIGHTHS.index(block) for block in drawn)
    assert abs(eighths - part * width * 8) <= (0.5 if part * width * 8 >= 0.5 else 1.0)
    assert bool(drawn) == (part > 0.0)
    assert cells(drawn) <= width


@given(st.lists(st.one_of(st.floats(0.0, 1e6), st.just(float("nan"))), min_size=1))
def test_a_spark_rises_with_its_values_and_leaves_out_what_has_none(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    drawn = spark(values)
    assert [block == " " for block in drawn] == np.isnan(values).tolist()
    known = sorted(
        (value, BLOCKS.index(block)) for value, block in zip(values, drawn, strict=True) if block != " "
    )
    heights = [height for _, height in known]
    assert heights == sorted(heights)
    if known and known[-1][0] > 0:
        assert heights[-1] == len(BLOCKS) - 1


@given(tokens)
def test_no_control_character_is_in_a_table(ids: list[int]) -> None:
    text = "".join(line.plain for line in table([Column("token")], [(VOCABULARY[id].shown,) for id in ids]))
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Zl", "Zp"}
